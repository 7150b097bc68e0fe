"""What a student is asked, and how what it wrote is counted."""

import dataclasses
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stages.core import records, tokens
from stages.core.asking import engines
from stages.core.asking.answering import Asker
from stages.core.asking.engines import Output, Request
from stages.core.asking.predictions import predict, prediction
from stages.core.asking.store import Store, StoredAnswer
from stages.core.program.errors import StageError
from stages.core.records import Prediction, Question
from stages.core.students import sums
from stages.core.students.origins import StudentSource, random_weights
from stages.evaluate import Evaluate, main, prediction_requests, student_asker
from tests.conftest import Project
from tests.made import SHAPE, TEMPLATE, TINY, question

CONFIG = Evaluate(
    split="test",
    questions=None,
    max_new_tokens=8,
    samples=2,
    sampled_questions=1,
    example_questions=1,
    temperature=1.0,
    top_p=1.0,
    seed=0,
)
QUESTIONS = [question(number, split="test", source="ab"[number % 2]) for number in range(4)]


SERVED = {"engine": "transformers", "dtype": "float32", "batch_size": 4, "attention": "eager"}
DECLARED = {"text": {"prompt_template": TEMPLATE, "max_tokens": 99}, "inference": SERVED}


class Echo:
    """An engine that answers with its prompt's sixth token, and how it was asked to sample;
    backwards.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer, self.asked = tokenizer, 0
        self.together: list[list[Request]] = []

    def generate(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Output]]:
        """Yields (request, output)."""
        self.together.append(list(requests))
        for request in reversed(self.together[-1]):
            self.asked += 1
            text = self.tokenizer.decode(
                [int(request.prompt[8]), 48 + round(request.sampling.temperature)]
            )
            yield request, Output(text, "stop", 6, 3)


@pytest.fixture
def asker(tiny: Path, tokenizer: Any, tmp_path: Path) -> Iterator[Asker]:
    """The tiny student, whose answers are an Echo's."""
    with Store(tmp_path / "store") as answers:
        found = student_asker(tiny, DECLARED, CONFIG, "students.tiny", answers)
        found.engine = Echo(tokenizer)
        yield found


def test_everything_is_asked_greedily_and_the_first_of_each_set_sampled(
    asker: Asker, tokenizer: Any
) -> None:
    found = prediction_requests(QUESTIONS, asker, CONFIG)
    assert [(ask.question_id, ask.sample) for ask in found] == [
        ("q0", 0),
        ("q0", 1),
        ("q0", 2),
        ("q1", 0),
        ("q1", 1),
        ("q1", 2),
        ("q2", 0),
        ("q3", 0),
    ]
    assert {tokenizer.decode(ask.request.prompt) for ask in found if ask.question_id == "q1"} == {
        "What is 1 + 1?\n"
    }
    assert len({ask.request.seed for ask in found}) == len(found)
    assert [ask.request.sampling.temperature for ask in found[:3]] == [0, 1, 1]


@pytest.mark.parametrize(("sampled", "answers"), [(None, 12), (0, 4), (9, 12)])
def test_sampled_questions(asker: Asker, sampled: int | None, answers: int) -> None:
    config = dataclasses.replace(CONFIG, sampled_questions=sampled)
    assert len(prediction_requests(QUESTIONS, asker, config)) == answers


@pytest.mark.parametrize(
    ("questions", "asked"),
    [(1, ["q0", "q1"]), (2, ["q0", "q1", "q2", "q3"]), (9, ["q0", "q1", "q2", "q3"])],
)
def test_questions_of_each_set(asker: Asker, questions: int, asked: list[str]) -> None:
    found = prediction_requests(QUESTIONS, asker, dataclasses.replace(CONFIG, questions=questions))
    assert [ask.question_id for ask in found if ask.sample == 0] == asked


def test_seeds_are_every_arms_own_draws_again(asker: Asker) -> None:
    found = prediction_requests(QUESTIONS, asker, CONFIG)
    assert prediction_requests(QUESTIONS, asker, CONFIG) == found
    other = prediction_requests(QUESTIONS, asker, dataclasses.replace(CONFIG, seed=1))
    assert not {ask.request.seed for ask in found} & {ask.request.seed for ask in other}


def test_predictions_come_in_the_order_of_the_asks_whatever_the_engines(
    asker: Asker, tokenizer: Any
) -> None:
    found = prediction_requests(QUESTIONS, asker, CONFIG)
    written = list(predict(asker, found))
    assert [(row.question_id, row.sample) for row in written] == [
        (ask.question_id, ask.sample) for ask in found
    ]
    drawn = tokenizer.decode([48]), tokenizer.decode([49])
    assert [row.answer for row in written] == [
        tokenizer.decode([int(ask.request.prompt[8])]) + drawn[ask.sample > 0] for ask in found
    ]


def test_what_is_stored_is_not_generated_again(asker: Asker) -> None:
    few = dataclasses.replace(CONFIG, questions=1)
    first = list(predict(asker, prediction_requests(QUESTIONS, asker, few)))
    assert asker.engine.asked == len(first) == 6
    whole = list(predict(asker, prediction_requests(QUESTIONS, asker, CONFIG)))
    assert [row for row in whole if row.question_id in ("q0", "q1")] == first
    assert asker.engine.asked == len(whole) == 8


def test_greedy_answers_are_asked_apart_from_sampled_ones(asker: Asker) -> None:
    """What is beside a row in its batch moves its rounding: greedy ones have the same beside them
    for any `samples`.
    """
    for samples in (0, 2, 5):
        asker.store = Store(asker.store.folder.parent / f"store{samples}")
        asker.engine.together.clear()
        config = dataclasses.replace(CONFIG, samples=samples)
        list(predict(asker, prediction_requests(QUESTIONS, asker, config)))
        greedy, *drawn = asker.engine.together
        assert [request.sampling.temperature for request in greedy] == [0] * 4
        assert [len(batch) for batch in drawn] == ([2 * samples] if samples else [])
        asker.store.close()


def test_other_weights_are_asked_anew(tiny: Path, tmp_path: Path, asker: Asker) -> None:
    """Also where the ends of the file are the same, at which teachers' fingerprints look."""
    other = tmp_path / "other"
    shutil.copytree(tiny, other)
    data = bytearray((tiny / "model.safetensors").read_bytes())
    data[len(data) // 2] ^= 1
    (other / "model.safetensors").write_bytes(data)
    place = ("students.tiny", asker.store)
    keys = {student_asker(folder, DECLARED, CONFIG, *place).revision for folder in (tiny, other)}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("text", "reasoning", "answer", "think", "after"),
    [
        ("<think>\nhm\n</think>\n\nIt is 2.", "hm", "It is 2.", 19, 11),
        ("It is 2.", "", "It is 2.", 0, 9),
        ("<think>\nhm", "hm", "", 10, 1),
        ("hm</think>2", "hm", "2", 10, 2),
        ("", "", "", 0, 1),
    ],
)
def test_tokens_before_and_after_the_thoughts_end(
    asker: Asker, tokenizer: Any, text: str, reasoning: str, answer: str, think: int, after: int
) -> None:
    ask = prediction_requests(QUESTIONS[:1], asker, CONFIG)[0]
    written = tokens.count(tokenizer, text) + 1  # and the EOS
    asker.store.add(
        ask.lookup.key,
        StoredAnswer("tiny", text, None, "stop", 0, written, CONFIG.max_new_tokens, 0.0),
    )
    assert prediction(ask, asker) == Prediction(
        question_id="q0",
        sample=0,
        reasoning=reasoning,
        answer=answer,
        finish_reason="stop",
        think_tokens=think,
        answer_tokens=after,
    )


def test_answer_that_the_context_cut_counts_with_its_tokens(asker: Asker) -> None:
    ask = prediction_requests(QUESTIONS[:1], asker, CONFIG)[0]
    asker.refused[ask.lookup.key] = Output("on and on", "context", 6, 5)
    assert prediction(ask, asker) == Prediction(
        question_id="q0",
        sample=0,
        reasoning="",
        answer="",
        finish_reason="context",
        think_tokens=5,
        answer_tokens=0,
    )


def test_prompt_that_the_model_cannot_hold_is_an_error(asker: Asker) -> None:
    wanted = prediction_requests(QUESTIONS[:1], asker, CONFIG)
    asker.refused[wanted[0].lookup.key] = Output("9 tokens, room for 8", "too_long")
    with pytest.raises(
        StageError, match=r"students.tiny.inference: 1 questions were not answered: 9 tokens, room"
    ):
        list(predict(asker, wanted))


def evaluate(
    project: Project,
    tiny: Path,
    folder: str,
    *arm: str,
    split: str = "test",
    inference: dict[str, Any] = SERVED,
    shown: Sequence[Question] = (),
) -> tuple[Path, Result]:
    """The command with the tiny student in `folder`."""
    text = {"prompt_template": TEMPLATE, "max_tokens": 99}
    root = project(
        evaluate=dataclasses.asdict(CONFIG) | {"split": split},
        students={"tiny": {"text": text, "inference": inference}},
    )
    shutil.copytree(tiny, root / "data/test" / folder, dirs_exist_ok=True)
    records.write(
        root / "data/test/questions.parquet", [*QUESTIONS, question(8), question(9)], Question
    )
    records.write(root / "data/test/examples/questions/tiny.parquet", shown, Question)
    cell = ["--profile", "test", "--student", "tiny", *arm]
    return root, CliRunner().invoke(main, cell, catch_exceptions=False)


@pytest.mark.parametrize(
    ("folder", "arm", "cell"),
    [
        ("models/tiny", (), "untrained-tiny"),
        (
            "checkpoints/t-raw-tiny-m-s0",
            ("--teacher", "t", "--target", "raw", "--method", "m", "--seed", "s0"),
            "t-raw-tiny-m-s0",
        ),
    ],
)
def test_command_asks_the_cells_student_the_questions_of_its_split(
    project: Project, tiny: Path, folder: str, arm: tuple[str, ...], cell: str
) -> None:
    root, done = evaluate(project, tiny, folder, *arm)
    assert done.exit_code == 0
    found = list(records.read(root / f"data/test/predictions/{cell}.parquet", Prediction))
    assert sorted({row.question_id for row in found}) == ["q0", "q1", "q2", "q3"]
    assert len(found) == 8
    assert all(0 <= row.think_tokens + row.answer_tokens <= 8 for row in found)


@pytest.mark.parametrize("ahead", [False, True])
def test_damaged_weights_are_not_asked(
    project: Project, tiny: Path, tmp_path: Path, ahead: bool
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(tiny, damaged)
    sums.write(damaged, sums.computed(damaged, sums.names(damaged)))
    weights = bytearray((damaged / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (damaged / "model.safetensors").write_bytes(weights)
    root, done = evaluate(project, damaged, "models/tiny", *(["--ahead"] if ahead else []))
    assert done.exit_code == 1
    assert done.output.startswith("error: data/test/models/tiny/model.safetensors: damaged: ")
    assert not (root / "data/test/predictions").exists()


def test_example_questions_are_answered_greedily_into_a_file_of_their_own(
    project: Project, tiny: Path
) -> None:
    place = "data/test/{}predictions/untrained-tiny.parquet"
    root, done = evaluate(project, tiny, "models/tiny")
    assert (done.exit_code, list(records.read(root / place.format("examples/"), Prediction))) == (
        0,
        [],
    )
    without = (root / place.format("")).read_bytes()
    shutil.rmtree(root / "data/store")
    root, done = evaluate(project, tiny, "models/tiny", shown=[question(8), question(9)])
    assert done.exit_code == 0
    found = list(records.read(root / place.format("examples/"), Prediction))
    assert [(row.question_id, row.sample) for row in found] == [("q8", 0), ("q9", 0)]
    assert all(row.think_tokens + row.answer_tokens for row in found)
    assert (root / place.format("")).read_bytes() == without


def test_checkpoints_answer_ahead_by_one_engine_what_each_answers_by_its_own(
    project: Project, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, alone = evaluate(project, tiny, "models/tiny", shown=[question(9)])
    random_weights(
        dataclasses.replace(TINY, seed=1), root / "data/test/checkpoints/t-raw-tiny-m-s0"
    )
    random_weights(
        dataclasses.replace(TINY, seed=2), root / "data/test/checkpoints/t-short-tiny-m-s0"
    )
    settings = root / "data/test/checkpoints/t-raw-tiny-m-s0/tokenizer_config.json"
    settings.write_text(
        settings.read_text().replace("{", '{"local_files_only": true, ', 1)
    )  # as training leaves it
    for other in ("t-raw-small-m-s0", ".t-raw-tiny-m-s1.partial"):
        shutil.copytree(tiny, root / "data/test/checkpoints" / other)
    wider = StudentSource(kind="random", config=SHAPE | {"num_hidden_layers": 3})
    random_weights(wider, root / "data/test/checkpoints/t-odd-tiny-m-s0")

    def answered(target: str) -> bytes:
        arm = ("--teacher", "t", "--target", target, "--method", "m", "--seed", "s0")
        done = CliRunner().invoke(
            main, ["--profile", "test", "--student", "tiny", *arm], catch_exceptions=False
        )
        assert done.exit_code == 0
        files = [
            root / f"data/test/{place}predictions/t-{target}-tiny-m-s0.parquet"
            for place in ("", "examples/")
        ]
        return files[0].read_bytes() + files[1].read_bytes()

    apart = [answered(target) for target in ("raw", "short")]
    assert alone.exit_code == 0
    assert apart[0] != apart[1]
    shutil.rmtree(root / "data/store")
    loaded: list[str] = []
    load = engines.load

    def watched(model: engines.Model, *how: Any) -> engines.Engine:
        loaded.append(model.name)
        return load(model, *how)

    monkeypatch.setattr(engines, "load", watched)
    ahead = ["--profile", "test", "--student", "tiny", "--ahead"]
    done = CliRunner().invoke(main, ahead, catch_exceptions=False)
    assert (done.exit_code, loaded) == (0, ["data/test/models/tiny"])
    assert [line for line in done.stderr.splitlines() if line.startswith("warning")] == [
        "warning: data/test/checkpoints/t-odd-tiny-m-s0: config or tokenizer differ from data/test/models/tiny; "
        "its own stage answers"
    ]
    loaded.clear()
    assert [answered(target) for target in ("raw", "short")] == apart
    assert loaded == []
    refused = CliRunner().invoke(main, [*ahead, "--teacher", "t"])
    assert refused.exit_code == 1
    assert "--ahead is for all of a student's checkpoints; leave out --teacher" in refused.output


def test_raws_student_answers_with_its_thinking_closed(project: Project, tiny: Path) -> None:
    arm = ("--teacher", "t", "--method", "m", "--seed", "s0")
    root, done = evaluate(project, tiny, "checkpoints/t-raw-tiny-m-s0", *arm, "--target", "raw")
    assert done.exit_code == 0
    predictions = root / "data/test/predictions"
    raw = list(records.read(predictions / "t-raw-tiny-m-s0.parquet", Prediction))
    # A student with random weights writes no think block, so one answer gets some reasoning
    raw[0] = dataclasses.replace(raw[0], reasoning="so", think_tokens=6)
    records.write(predictions / "t-raw-tiny-m-s0.parquet", raw, Prediction)
    records.write(predictions / "t-mild-tiny-m-s0.parquet", [], Prediction)
    command = ["--profile", "test", "--student", "tiny", *arm, "--forced", "mild"]
    done = CliRunner().invoke(main, command, catch_exceptions=False)
    assert done.exit_code == 0
    found = list(records.read(predictions / "t-forced_mild-tiny-m-s0.parquet", Prediction))
    assert found[1:] == [row for row in raw[1:] if row.sample == 0]
    assert (found[0].question_id, found[0].reasoning) == ("q0", "")
    assert found[0].think_tokens >= len("<think>\n\n</think>")
    counts = json.loads((root / "metrics/test/forced/t-forced_mild-tiny-m-s0.json").read_text())
    assert (counts["cap"], counts["answers"], counts["closed"]) == (0, 4, 1)
    first = (predictions / "t-forced_mild-tiny-m-s0.parquet").read_bytes()
    done = CliRunner().invoke(main, command, catch_exceptions=False)
    assert (predictions / "t-forced_mild-tiny-m-s0.parquet").read_bytes() == first


@pytest.mark.parametrize("engine", ["openai", "scripted"])
def test_student_is_served_by_a_local_engine(project: Project, tiny: Path, engine: str) -> None:
    _, done = evaluate(project, tiny, "models/tiny", inference={"engine": engine})
    assert done.exit_code == 1
    assert (
        "students.tiny.inference.engine: a student is served by transformers, vllm or ray"
        in done.output
    )


def test_split_without_questions_is_an_error(project: Project, tiny: Path) -> None:
    root, done = evaluate(project, tiny, "models/tiny", split="validation")
    assert done.exit_code == 1
    assert (
        "evaluate.split: no question is in split 'validation'; give a set a size for it"
        in done.output
    )
    assert not (root / "data/test/predictions").exists()
