"""All targets of a student hold the same rows, and what one of them cannot have leaves all."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stages.assemble import main
from stages.core import records, tokens
from stages.core.program.errors import StageError
from stages.core.records import Example, Question, Response, Trace, Variant
from stages.core.targets.assembly.matching import Limits, first_samples, match
from stages.core.targets.assembly.sources import Key, TargetSource
from tests.conftest import Project
from tests.made import TEMPLATE, leftovers, question, response, trace, variant

TARGETS = ["raw", "mild", "strong", "truncated_mild", "answer_only"]
GRID = {"targets": TARGETS, "compressors": ["mild", "strong"], "shorteners": ["truncated_mild"]}
KEYS = [(0, 0), (0, 1), (1, 0), (2, 0)]  # question and sample of every trace
SOLVER = {"samples": 2, "stop_at_first_correct": False}
FILES = (
    "compressed/solver/mild",
    "compressed/solver/strong",
    "shortened/solver/tiny/truncated_mild",
)


def build(
    project: Project,
    tiny: Path,
    *,
    per_question: int | None = None,
    max_tokens: int = 500,
    assembled: dict[str, Any] | None = None,
    **grid: Any,
) -> Path:
    """A project with four traces of three questions, all of them in every file.

    `assembled` is the section `targets`.
    """
    root = project(
        grid=GRID | grid,
        assemble={"traces_per_question": per_question},
        targets=assembled or {},
        teachers={"solver": SOLVER},
        students={"tiny": {"text": {"prompt_template": TEMPLATE, "max_tokens": max_tokens}}},
    )
    data = root / "data/test"
    shutil.copytree(tiny, data / "models/tiny")
    rows = [*(question(number) for number in range(3)), question(9, split="test")]
    records.write(data / "questions.parquet", rows, Question)
    records.write(data / "traces/solver.parquet", [trace(*key) for key in KEYS], Trace)
    for name in FILES:
        write(root, name)
    return root


def write(root: Path, name: str, *, without: tuple[int, int] | None = None, **values: Any) -> None:
    """One file of variants; that of key `without` has `values`."""
    rows = [variant(*key, **(values if key == without else {})) for key in KEYS]
    records.write(root / f"data/test/{name}.parquet", rows, Variant)


def assemble() -> Result:
    """The command."""
    cell = ["--profile", "test", "--teacher", "solver", "--student", "tiny"]
    return CliRunner().invoke(main, cell, catch_exceptions=False)


def examples(root: Path) -> dict[str, list[Example]]:
    """What was written, by target."""
    folder = root / "data/test/sft/solver/tiny"
    return {path.stem: list(records.read(path, Example)) for path in folder.glob("*.parquet")}


def keys(root: Path) -> list[tuple[str, int]]:
    """The rows that all targets hold; fails where they differ."""
    keys_by_target = {
        target: [(row.question_id, row.sample) for row in rows]
        for target, rows in examples(root).items()
    }
    assert set(keys_by_target) == set(TARGETS)
    assert all(target_keys == keys_by_target["raw"] for target_keys in keys_by_target.values())
    return keys_by_target["raw"]


def metrics(root: Path) -> dict[str, Any]:
    """The stage's metrics."""
    contents: dict[str, Any] = json.loads(
        (root / "metrics/test/assemble/solver-tiny.json").read_text()
    )
    return contents


def test_every_target_writes_the_same_rows_in_its_own_words(
    project: Project, tiny: Path, tokenizer: Any
) -> None:
    root = build(project, tiny)
    assert assemble().exit_code == 0
    assert keys(root) == [(f"q{number}", sample) for number, sample in KEYS]
    first = {target: rows[0] for target, rows in examples(root).items()}
    eos, answer = tokenizer.eos_token, trace(0).answer
    assert {row.prompt for row in first.values()} == {"What is 0 + 1?\n"}
    assert first["raw"].completion == f"<think>\n{trace(0).reasoning}\n</think>\n\n{answer}{eos}"
    assert first["mild"].completion == f"<think>\nshort\n</think>\n\n{answer}{eos}"
    assert first["answer_only"].completion == f"{answer}{eos}"
    for rows in examples(root).values():
        for row in rows:
            assert row.prompt_tokens == tokens.count(tokenizer, row.prompt)
            assert row.completion_tokens == tokens.count(tokenizer, row.completion)


@pytest.mark.parametrize("file", FILES)
def test_row_dropped_by_one_leaves_all(project: Project, tiny: Path, file: str) -> None:
    root = build(project, tiny)
    write(root, file, without=(1, 0), kept=False, drop_reason="empty", reasoning="")
    assert assemble().exit_code == 0
    assert keys(root) == [("q0", 0), ("q0", 1), ("q2", 0)]
    assert metrics(root)["dropped"] == {
        "not_kept_by_all_targets": 1,
        "further_traces_of_a_question": 0,
        "over_long": 0,
        "special_tokens": 0,
    }


@pytest.mark.parametrize("file", FILES)
def test_row_too_long_for_one_leaves_all(project: Project, tiny: Path, file: str) -> None:
    root = build(project, tiny)
    write(root, file, without=(2, 0), reasoning="x" * 600)
    assert assemble().exit_code == 0
    assert keys(root) == [("q0", 0), ("q0", 1), ("q1", 0)]
    assert metrics(root)["dropped"]["over_long"] == 1


def test_prompt_and_completion_just_fit(project: Project, tiny: Path) -> None:
    root = build(project, tiny)
    assemble()
    longest = max(
        row.prompt_tokens + row.completion_tokens
        for rows in examples(root).values()
        for row in rows
    )
    shutil.rmtree(root / "data")
    build(project, tiny, max_tokens=longest)
    assert assemble().exit_code == 0
    assert len(keys(root)) == 4
    shutil.rmtree(root / "data")
    build(project, tiny, max_tokens=longest - 1)
    assert assemble().exit_code == 1  # all of them are equally long


def test_lowest_samples_of_a_question_are_taken(project: Project, tiny: Path) -> None:
    root = build(project, tiny, per_question=1)
    assert assemble().exit_code == 0
    assert keys(root) == [("q0", 0), ("q1", 0), ("q2", 0)]
    assert metrics(root)["dropped"]["further_traces_of_a_question"] == 1
    write(root, FILES[0], without=(0, 0), kept=False, drop_reason="empty", reasoning="")
    assert assemble().exit_code == 0
    assert keys(root) == [("q0", 1), ("q1", 0), ("q2", 0)]


def test_further_trace_stands_in_for_one_that_is_too_long(project: Project, tiny: Path) -> None:
    root = build(project, tiny, per_question=1)
    write(root, FILES[0], without=(0, 0), reasoning="x" * 600)
    assert assemble().exit_code == 0
    assert keys(root) == [("q0", 1), ("q1", 0), ("q2", 0)]


def test_metrics_count_what_each_target_holds(project: Project, tiny: Path) -> None:
    root = build(project, tiny)
    assemble()
    written_metrics = metrics(root)
    assert (written_metrics["questions"], written_metrics["examples"]) == (3, 4)
    for target, rows in examples(root).items():
        assert written_metrics["targets"][target] == {
            "examples": 4,
            "prompt_tokens": sum(row.prompt_tokens for row in rows),
            "completion_tokens": sum(row.completion_tokens for row in rows),
        }


@pytest.mark.parametrize(
    ("name", "is_left_over", "complaint"),
    [
        (
            "compressed/solver/old",
            True,
            "data/test/compressed/solver: old: files and grid.compressors differ",
        ),
        (
            "shortened/solver/tiny/old",
            True,
            "shortened/solver/tiny: old: files and grid.shorteners differ",
        ),
        (
            "compressed/solver/mild",
            False,
            "data/test/compressed/solver: mild: files and grid.compressors differ",
        ),
    ],
)
def test_stray_or_missing_file_is_refused(
    project: Project, tiny: Path, name: str, is_left_over: bool, complaint: str
) -> None:
    root = build(project, tiny)
    if is_left_over:
        write(root, name)
    else:
        (root / f"data/test/{name}.parquet").unlink()
    done = assemble()
    assert done.exit_code == 1
    assert complaint in done.output
    assert "rerun or delete what is left over" in done.output
    assert not (root / "data/test/sft").exists()
    assert not (root / "metrics").exists()


def test_nothing_that_fits_is_an_error_and_leaves_nothing(project: Project, tiny: Path) -> None:
    root = build(project, tiny, max_tokens=20)
    done = assemble()
    assert done.exit_code == 1
    assert "text.max_tokens: none of 4 examples fits 20 tokens; raise it" in done.output
    assert not (root / "data/test/sft").exists()
    assert leftovers(root) == []


def test_unknown_target_is_answered_with_the_known_ones(project: Project, tiny: Path) -> None:
    build(project, tiny, targets=[*TARGETS, "shortest"])
    done = assemble()
    assert done.exit_code == 1
    assert (
        "grid.targets: 'shortest' is unknown; known: raw, mild, strong, truncated_mild, answer_only"
        in done.output
    )


def test_targets_of_an_earlier_run_are_gone(project: Project, tiny: Path) -> None:
    root = build(project, tiny)
    assemble()
    old = root / "data/test/sft/solver/tiny/old.parquet"
    shutil.copy(old.with_name("raw.parquet"), old)
    assemble()
    assert not old.exists()


@pytest.mark.parametrize(
    ("keys", "per_question", "expected"),
    [
        ({("a", 1), ("a", 0), ("b", 3)}, 1, {("a", 0), ("b", 3)}),
        ({("a", 1), ("a", 0), ("b", 3)}, None, {("a", 0), ("a", 1), ("b", 3)}),
        ({("a", 10), ("a", 9)}, 1, {("a", 9)}),
        (set(), 1, set()),
    ],
)
def test_first_samples(keys: set[Key], per_question: int | None, expected: set[Key]) -> None:
    assert first_samples(keys, per_question) == expected


def test_all_arms_know_how_long_the_raw_trace_is(project: Project, tiny: Path) -> None:
    root = build(project, tiny)
    assert assemble().exit_code == 0
    by_target = examples(root)
    for rows in by_target.values():
        assert [row.raw_tokens for row in rows] == [
            row.completion_tokens for row in by_target["raw"]
        ]


def test_rho_is_counted_in_the_students_tokens_too(project: Project, tiny: Path) -> None:
    root = build(project, tiny)
    assert assemble().exit_code == 0
    raws = [len(trace(*key).reasoning) for key in KEYS]  # a token a byte
    expected = round(sum(len("short") / raw for raw in raws) / len(raws), 6)
    rho_tokens = metrics(root)["rho_tokens"]
    assert rho_tokens["mild"] == {"sums": pytest.approx(expected, abs=1e-6)}
    assert set(rho_tokens) == set(TARGETS) - {"raw", "answer_only"}


def test_tokens_that_a_shortener_says_are_not_counted_again(project: Project, tiny: Path) -> None:
    root = build(project, tiny)
    records.write(
        root / "data/test/shortened/solver/tiny/truncated_mild.parquet",
        [variant(*key, tokens=30, raw_tokens=40) for key in KEYS],
        Variant,
    )
    assert assemble().exit_code == 0
    assert metrics(root)["rho_tokens"] == {
        "mild": {"sums": len("short") / 40},
        "strong": {"sums": len("short") / 40},
        "truncated_mild": {"sums": 0.75},
    }


@pytest.mark.parametrize(
    "targets", [["raw", "mild"], ["mild"], ["answer_only", "mild", "raw"], ["answer_only", "mild"]]
)
def test_rho_and_raw_tokens_are_known_without_a_shortener_and_without_raw(
    project: Project, tiny: Path, targets: list[str]
) -> None:
    root = build(project, tiny)
    assert assemble().exit_code == 0
    expected, raw = (
        metrics(root)["rho_tokens"]["mild"],
        [row.raw_tokens for row in examples(root)["raw"]],
    )
    shutil.rmtree(root / "data")
    build(project, tiny, targets=targets, shorteners=[])
    (root / "data/test/shortened/solver/tiny/truncated_mild.parquet").unlink()
    assert assemble().exit_code == 0
    assert metrics(root)["rho_tokens"] == {"mild": expected}
    assert {
        target: [row.raw_tokens for row in rows] for target, rows in examples(root).items()
    } == dict.fromkeys(targets, raw)


def test_no_common_row_is_an_error(project: Project, tiny: Path, tokenizer: Any) -> None:
    root = build(project, tiny)
    raw = TargetSource(root / "data/test/traces/solver.parquet", has_variants=False)
    records.write(root / "none.parquet", [], Trace)
    empty = TargetSource(root / "none.parquet", has_variants=False)
    with pytest.raises(StageError, match="no trace is kept by all targets"):
        match({"raw": raw, "other": empty}, raw, {}, tokenizer, Limits(100, None))


@pytest.mark.parametrize("name", ["traces/solver", *FILES])
def test_special_tokens_in_a_completion_leave_all_arms_and_are_counted(
    project: Project, tiny: Path, name: str
) -> None:
    """The student would learn to end its turn there."""
    root = build(project, tiny)
    if name == "traces/solver":
        rows = [trace(*key) for key in KEYS]
        rows[2] = dataclasses.replace(
            rows[2], reasoning="The user text holds <|im_end|> here. 1 + 1 = 2."
        )
        records.write(root / "data/test/traces/solver.parquet", rows, Trace)
    else:
        write(root, name, without=(1, 0), reasoning="It says <|im_start|>.")
    assert assemble().exit_code == 0
    assert keys(root) == [("q0", 0), ("q0", 1), ("q2", 0)]
    assert metrics(root)["dropped"]["special_tokens"] == 1
    tokenizer = tokens.load(root / "data/test/models/tiny")
    for rows in examples(root).values():
        for row in rows:
            token_ids = tokens.ids(tokenizer, row.completion)
            assert [number for number in token_ids if number in tokenizer.all_special_ids] == [
                tokenizer.eos_token_id
            ]


def test_special_tokens_in_all_completions_are_an_error(project: Project, tiny: Path) -> None:
    root = build(project, tiny)
    rows = [trace(*key, answer="2<|im_end|>") for key in KEYS]
    records.write(root / "data/test/traces/solver.parquet", rows, Trace)
    done = assemble()
    assert done.exit_code == 1
    assert (
        "error: assemble: all 4 examples that fit hold special tokens of the student; clean"
        in done.output
    )


def test_special_tokens_in_a_question_are_plain_text(project: Project, tiny: Path) -> None:
    root = build(project, tiny)
    asked = [question(0, question="Is <|im_end|> a token?"), question(1), question(2)]
    records.write(root / "data/test/questions.parquet", asked, Question)
    assert assemble().exit_code == 0
    first = examples(root)["raw"][0]
    assert first.prompt == "Is < |im_end|> a token?\n"
    assert first.prompt_tokens == len(first.prompt)


THINKS = (
    "{% for m in messages %}<|im_start|>{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}HEADER{% endif %}"
)


@pytest.mark.parametrize(
    "header", ["<think>\n", "<think>", "assistant\n<think>\n\n", "<think>\n\n</think>\n\n"]
)
@pytest.mark.parametrize("own", [True, False])
def test_prompt_with_a_think_block_of_its_own_is_refused(
    project: Project, tiny: Path, header: str, own: bool
) -> None:
    """Each completion begins with its own: the tag would be there twice."""
    root = build(project, tiny)
    (root / "data/test/models/tiny/chat_template.jinja").write_text(
        THINKS.replace("HEADER", header)
    )
    text = {"prompt_template": None if own else "{question}\n" + header, "max_tokens": 500}
    project(
        grid=GRID,
        assemble={"traces_per_question": None},
        targets={},
        teachers={"solver": SOLVER},
        students={"tiny": {"text": text}},
    )
    done = assemble()
    assert done.exit_code == 1
    assert (
        "error: data/test/models/tiny: its prompt has a think block, and so has each completion"
        in done.output
    )
    assert done.output.count("\n") == 1
    assert not (root / "data/test/sft").exists()


def test_own_template_without_a_think_block_is_taken(project: Project, tiny: Path) -> None:
    root = build(project, tiny)
    (root / "data/test/models/tiny/chat_template.jinja").write_text(
        THINKS.replace("HEADER", "assistant\n")
    )
    text = {"prompt_template": None, "max_tokens": 500}
    project(
        grid=GRID,
        assemble={"traces_per_question": None},
        targets={},
        teachers={"solver": SOLVER},
        students={"tiny": {"text": text}},
    )
    assert assemble().exit_code == 0
    first = examples(root)["raw"][0]
    assert (first.prompt + first.completion).count("<think>") == 1


# ---- Targets that are made from others ----

ASSEMBLED: dict[str, Any] = {
    "shortest": {"kind": "select", "choose": "shortest"},
    "longest": {"kind": "select", "choose": "longest"},
    "any": {"kind": "select", "choose": "random", "seed": 1},
    "half": {"kind": "mix", "parts": {"raw": 0.5, "mild": 0.5}, "by": "random"},
    "long_raw": {
        "kind": "mix",
        "parts": {"raw": 0.4, "shortest": 0.6},
        "by": "length",
        "hardest_first": ["raw", "shortest"],
    },
    "hard_raw": {
        "kind": "mix",
        "parts": {"raw": 0.4, "mild": 0.6},
        "by": "difficulty",
        "hardest_first": ["raw", "mild"],
    },
    "stated": {"kind": "answer", "text": "stated"},
}
# By question and sample, the reasoning of the correct attempts; q1 was answered wrong once
ATTEMPTS = {
    (0, 0): "0 + 1 is the number after 0, and that is 1.",
    (0, 1): "0 + 1 = 1.",
    (0, 2): "Let me see. I count on from 0, and come to 1. So it is 1, as it should be.",
    (1, 0): "I count on from 1: 1 + 1 = 2.",
    (2, 0): "2 + 1 = 3.",
    (2, 1): "Two and one more is three, so 2 + 1 = 3.",
}
DRAWN = [*ATTEMPTS, (1, 1)]


def build_attempts(project: Project, tiny: Path, **values: Any) -> Path:
    """A project of `build` with more attempts; compressors kept the first of each question."""
    values = {
        "per_question": 1,
        "targets": [*TARGETS, *ASSEMBLED],
        "assembled": ASSEMBLED,
    } | values
    root = build(project, tiny, **values)
    data = root / "data/test"
    traces = [trace(*key, reasoning=text) for key, text in ATTEMPTS.items()]
    records.write(data / "traces/solver.parquet", traces, Trace)
    drawn = [response(*key) for key in sorted(DRAWN)]
    records.write(data / "responses/solver.parquet", drawn, Response)
    for name in FILES:
        rows = [variant(number, 0) for number in range(3)]
        records.write(data / f"{name}.parquet", rows, Variant)
    return root


def samples(root: Path, target: str) -> list[tuple[str, int]]:
    """The rows of one target."""
    return [(row.question_id, row.sample) for row in examples(root)[target]]


def test_selections_answer_the_questions_of_all_arms(
    project: Project, tiny: Path, tokenizer: Any
) -> None:
    root = build_attempts(project, tiny)
    assert assemble().exit_code == 0
    assert samples(root, "raw") == [("q0", 0), ("q1", 0), ("q2", 0)]
    assert samples(root, "shortest") == [("q0", 1), ("q1", 0), ("q2", 0)]
    assert samples(root, "longest") == [("q0", 2), ("q1", 0), ("q2", 1)]
    by_target = examples(root)
    assert set(by_target) == {*TARGETS, *ASSEMBLED}
    for rows in by_target.values():
        # Batches are made by these: the questions of all arms are in one order
        assert [(row.question_id, row.raw_tokens) for row in rows] == [
            (row.question_id, row.completion_tokens) for row in by_target["raw"]
        ]
        for row in rows:
            assert row.completion_tokens == tokens.count(tokenizer, row.completion)
    longest = by_target["longest"][0].completion
    assert longest == f"<think>\n{ATTEMPTS[0, 2]}\n</think>\n\nThe answer is 1.<|im_end|>"


def test_mixtures_and_stated_answers_in_words(project: Project, tiny: Path) -> None:
    root = build_attempts(project, tiny)
    assert assemble().exit_code == 0
    by_target = examples(root)
    assert [row.completion for row in by_target["stated"]] == [f"{n}<|im_end|>" for n in (1, 2, 3)]
    # Of q1's attempts half are right; raw has a share of 0.4 of three questions
    of_raw = [row.completion for row in by_target["raw"]]
    of_mild = [row.completion for row in by_target["mild"]]
    assert [row.completion for row in by_target["hard_raw"]] == [of_mild[0], of_raw[1], of_mild[2]]
    # q0's raw trace is the longest; of the others the shortest attempt is the first
    of_shortest = [row.completion for row in by_target["shortest"]]
    assert [row.completion for row in by_target["long_raw"]] == [of_raw[0], *of_shortest[1:]]


def test_metrics_of_assembled_targets(project: Project, tiny: Path) -> None:
    root = build_attempts(project, tiny)
    assert assemble().exit_code == 0
    written = metrics(root)
    lengths = [len(text) for text in ATTEMPTS.values()]  # a token a byte
    shortest = written["targets"]["shortest"]
    assert shortest["attempts"] == {"drawn": 7, "right": 6}
    assert shortest["attempts_to_choose_from"] == 6
    assert shortest["mean_reasoning_of_these"] == round(sum(lengths) / 6, 2)
    assert shortest["mean_reasoning_selected"] == round(
        (lengths[1] + lengths[3] + lengths[4]) / 3, 2
    )
    parts = written["targets"]["hard_raw"]["parts"]
    assert parts["raw"] == {
        "questions": 1,
        "share": 0.333333,
        "examples": 1,
        "mean_raw_reasoning": float(lengths[3]),
        "mean_right_share": 0.5,
    }
    assert parts["mild"]["questions"] == 2
    assert set(written["targets"]["stated"]) == {"completion_tokens", "examples", "prompt_tokens"}
    expected = sum(
        chosen / raw
        for chosen, raw in zip(
            (lengths[1], lengths[3], lengths[4]), (lengths[0], lengths[3], lengths[4]), strict=True
        )
    )
    assert written["rho_tokens"]["shortest"]["sums"] == pytest.approx(expected / 3, abs=1e-6)
    assert written["rho_tokens"].keys() == {"mild", "strong", "truncated_mild", *ASSEMBLED} - {
        "stated"
    }


def test_other_arms_have_the_bytes_that_they_have_without(project: Project, tiny: Path) -> None:
    root = build_attempts(project, tiny)
    folder = root / "data/test/sft/solver/tiny"
    assert assemble().exit_code == 0
    beside_assembled = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert assemble().exit_code == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == beside_assembled
    shutil.rmtree(root / "data")
    build_attempts(project, tiny, targets=TARGETS, assembled={})
    (root / "data/test/responses/solver.parquet").unlink()  # no target goes by attempts
    assert assemble().exit_code == 0
    alone = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert alone.items() <= beside_assembled.items()


@pytest.mark.parametrize(
    ("attempt", "text"), [((0, 1), "x" * 600), ((0, 1), "It says <|im_start|>. 0 + 1 = 1.")]
)
def test_attempt_that_cannot_be_learned_is_not_selected(
    project: Project, tiny: Path, attempt: tuple[int, int], text: str
) -> None:
    root = build_attempts(project, tiny)
    traces = [trace(*key, reasoning=own) for key, own in (ATTEMPTS | {attempt: text}).items()]
    records.write(root / "data/test/traces/solver.parquet", traces, Trace)
    assert assemble().exit_code == 0
    assert samples(root, "shortest") == [("q0", 0), ("q1", 0), ("q2", 0)]
    assert samples(root, "longest")[0] == ("q0", 2)
    assert metrics(root)["dropped"]["no_attempt_to_choose"] == 0
    assert metrics(root)["targets"]["shortest"]["attempts_to_choose_from"] == 5


def test_question_without_an_attempt_to_select_leaves_all_arms(
    project: Project, tiny: Path
) -> None:
    """q1's compressed trace fits, its raw one does not, and raw is no target here."""
    root = build_attempts(project, tiny, targets=["mild", "answer_only", "shortest"])
    traces = [
        trace(*key, reasoning="x" * 600 if key == (1, 0) else text)
        for key, text in ATTEMPTS.items()
    ]
    records.write(root / "data/test/traces/solver.parquet", traces, Trace)
    assert assemble().exit_code == 0
    for target in ("mild", "answer_only", "shortest"):
        assert [question_id for question_id, _ in samples(root, target)] == ["q0", "q2"]
    assert metrics(root)["dropped"] == {
        "not_kept_by_all_targets": 3,
        "over_long": 0,
        "special_tokens": 0,
        "no_attempt_to_choose": 1,
        "further_traces_of_a_question": 0,
    }


def test_as_many_attempts_are_selected_as_other_arms_have_rows(
    project: Project, tiny: Path
) -> None:
    assembled = {"shortest": ASSEMBLED["shortest"]}
    root = build_attempts(
        project, tiny, per_question=2, targets=["raw", "shortest"], assembled=assembled
    )
    assert assemble().exit_code == 0
    assert samples(root, "raw") == [("q0", 0), ("q0", 1), ("q1", 0), ("q2", 0), ("q2", 1)]
    assert samples(root, "shortest") == [("q0", 0), ("q0", 1), ("q1", 0), ("q2", 0), ("q2", 1)]
    by_target = examples(root)
    assert by_target["shortest"] == by_target["raw"]


def test_selections_alone_stand_on_the_raw_traces(project: Project, tiny: Path) -> None:
    root = build_attempts(project, tiny, targets=["shortest", "stated"])
    assert assemble().exit_code == 0
    assert samples(root, "shortest") == [("q0", 1), ("q1", 0), ("q2", 0)]
    assert metrics(root)["targets"].keys() == {"shortest", "stated"}


def test_part_of_a_mixture_need_not_be_trained_on(project: Project, tiny: Path) -> None:
    root = build_attempts(project, tiny, targets=["answer_only", "half", "long_raw"])
    assert assemble().exit_code == 0
    assert examples(root).keys() == {"answer_only", "half", "long_raw"}
    # q1 was kept by every part; a row that mild drops leaves all arms
    shutil.rmtree(root / "data")
    build_attempts(project, tiny, targets=["answer_only", "half"])
    rows = [variant(0, 0), variant(2, 0)]
    records.write(root / "data/test/compressed/solver/mild.parquet", rows, Variant)
    assert assemble().exit_code == 0
    assert samples(root, "answer_only") == samples(root, "half") == [("q0", 0), ("q2", 0)]


def test_answer_in_words_is_learned_as_the_grader_read_it(project: Project, tiny: Path) -> None:
    root = build_attempts(project, tiny, targets=["stated"])
    traces = [trace(*key, answer="It is two.", stated="", parsed="2") for key in ATTEMPTS]
    records.write(root / "data/test/traces/solver.parquet", traces, Trace)
    assert assemble().exit_code == 0
    assert {row.completion for row in examples(root)["stated"]} == {"2<|im_end|>"}


def test_trace_without_a_final_answer_is_dropped_and_counted(project: Project, tiny: Path) -> None:
    root = build_attempts(project, tiny, targets=["answer_only", "stated"])
    traces = [
        trace(*key, reasoning=text, **({"stated": " ", "parsed": ""} if key == (1, 0) else {}))
        for key, text in ATTEMPTS.items()
    ]
    records.write(root / "data/test/traces/solver.parquet", traces, Trace)
    assert assemble().exit_code == 0
    assert samples(root, "answer_only") == samples(root, "stated") == [("q0", 0), ("q2", 0)]
    assert metrics(root)["dropped"]["not_kept_by_all_targets"] == 1


@pytest.mark.parametrize("target", ["shortest", "hard_raw"])
def test_teacher_that_stops_early_is_one_line(project: Project, tiny: Path, target: str) -> None:
    root = build_attempts(project, tiny, targets=["raw", target])
    project(
        grid=GRID | {"targets": ["raw", target]},
        assemble={"traces_per_question": 1},
        targets=ASSEMBLED,
        teachers={"solver": {"samples": 4}},
        students={"tiny": {"text": {"prompt_template": TEMPLATE, "max_tokens": 500}}},
    )
    done = assemble()
    assert done.exit_code == 1
    assert done.output == (
        f"error: params.yaml: targets.{target}: it goes by all K attempts, and teachers.solver stops "
        "at the first correct one; set teachers.solver.stop_at_first_correct: false\n"
    )
    assert not (root / "data/test/sft").exists()


def test_missing_responses_are_one_line(project: Project, tiny: Path) -> None:
    root = build_attempts(project, tiny)
    (root / "data/test/responses/solver.parquet").unlink()
    done = assemble()
    assert done.exit_code == 1
    assert "error: data/test/responses/solver.parquet: cannot be read: " in done.output
    assert "run `dvc repro` or `dvc pull data/test/responses/solver.parquet`" in done.output
    assert not (root / "data/test/sft").exists()


def test_one_attempt_at_each_question_is_nothing_to_choose_from(
    project: Project, tiny: Path
) -> None:
    root = build_attempts(project, tiny, targets=["raw", "shortest"])
    records.write(root / "data/test/traces/solver.parquet", [trace(n) for n in range(3)], Trace)
    drawn = [response(number) for number in range(3)]
    records.write(root / "data/test/responses/solver.parquet", drawn, Response)
    done = assemble()
    assert done.exit_code == 1
    assert (
        "error: params.yaml: targets.shortest: it goes by all attempts, and solver made one at each "
        "question; draw more, or leave the target out\n"
    ) in done.output
