"""Which questions the report's page shows, and what it says of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stages.core import records
from stages.core.grid import Grid
from stages.core.records import Prediction, Question, Score, Trace, Variant
from stages.core.report.choosing import LARGEST, LONGEST, SHORTEST, choose, limits, shorten
from stages.examples import main
from tests.conftest import Project
from tests.made import question, trace, variant

GRID = {
    "profiles": ["test"],
    "teachers": ["solver"],
    "compressors": ["mild"],
    "shorteners": ["truncated_mild"],
    "targets": ["raw", "mild", "truncated_mild"],
    "students": ["tiny"],
    "methods": ["full"],
    "seeds": ["s0"],
}
CELLS = [f"solver-{target}-tiny-full-s0" for target in GRID["targets"]] + ["untrained-tiny"]


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, ["q0"]), (2, ["q0", "q3"]), (3, ["q0", "q2", "q4"]), (99, [f"q{n}" for n in range(6)])],
)
def test_questions_are_evenly_spaced(count: int, expected: list[str]) -> None:
    rows = [question(number, split="test") for number in range(6)]
    assert [
        row.question_id for row in choose(rows, {"test": {f"q{n}" for n in range(6)}}, count)
    ] == expected


def test_every_set_and_split_has_its_own_and_what_has_nothing_to_show_is_left_out() -> None:
    rows = [
        question(0),
        question(1, split="test"),
        question(2, split="test", source="b"),
        question(3, split="validation"),
    ]
    rows += [question(4, split="test", group="ood_knowledge", source="a")]
    there = {"train": {"q0"}, "test": {"q1", "q2", "q4", "q3"}}
    assert [row.question_id for row in choose(rows, there, 5)] == ["q2", "q0", "q1", "q4"]


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, ["q3"]), (2, ["q3", "q5"]), (3, ["q3", "q5", "q0"]), (4, ["q3", "q5", "q0", "q2"])],
)
def test_what_has_a_trace_and_answers_comes_first(count: int, expected: list[str]) -> None:
    rows = [question(number) for number in range(6)]
    there = {"train": {row.question_id for row in rows}}
    assert [row.question_id for row in choose(rows, there, count, {"q3", "q5"})] == expected


def test_long_texts_are_cut_and_say_so() -> None:
    assert shorten("a" * 10, 10) == "a" * 10
    assert shorten("a" * 17, 10) == "a" * 10 + " ... 7 characters more"


@pytest.mark.parametrize("cells", [1, 100, 10_000])
@pytest.mark.parametrize("sets", [0, 1, 12])
def test_all_texts_together_are_bounded_by_fewer_questions_first(cells: int, sets: int) -> None:
    grid = Grid(
        teachers=["a"],
        compressors=["b"],
        shorteners=["b"],
        targets=["raw"],
        students=["c"],
        methods=["full"],
        seeds=[f"s{seed}" for seed in range(cells)],
        profiles=["p"],
        generated=["a"],
    )
    bounds = limits(grid, sets, sets, 12)
    count, longest = bounds.questions, bounds.characters
    texts = sets * (1 + 4 + 2 * len(grid.cells())) + sets * (1 + 2 * len(grid.cells()))
    assert count * texts * longest <= LARGEST
    assert 1 <= count <= 12
    assert longest <= LONGEST
    assert longest >= SHORTEST or count == 1


def written(project: Project) -> Path:
    """A profile after its evaluation: two training and two test questions."""
    root = project(grid=GRID, report={"examples": 1}, evaluate={"split": "test"})
    data = root / "data/test"
    questions = [question(number, split="train" if number < 2 else "test") for number in range(4)]
    records.write(data / "questions.parquet", questions, Question)
    records.write(
        data / "traces/solver.parquet", [trace(0, reasoning="a long way"), trace(1)], Trace
    )
    short = [
        variant(0, kept=False, drop_reason="refused"),
        variant(1, reasoning="short", flags=("verbatim",)),
    ]
    for place in ("compressed/solver/mild", "shortened/solver/tiny/truncated_mild"):
        records.write(data / f"{place}.parquet", short, Variant)
    for cell in CELLS:
        said = [
            Prediction(
                question_id=f"q{n}",
                sample=sample,
                reasoning="hm",
                answer=f"It is {n}.",
                finish_reason="stop",
                think_tokens=3,
                answer_tokens=2,
            )
            for n in (2, 3)
            for sample in (0, 1)
        ]
        records.write(data / f"predictions/{cell}.parquet", said, Prediction)
        graded = [
            Score(
                question_id=f"q{n}",
                sample=sample,
                source="sums",
                group="in_distribution",
                outcome="answered",
                correct=n == 2,
                vote=1,
                parsed="2",
                second=True,
                think_tokens=3,
                answer_tokens=2,
            )
            for n in (2, 3)
            for sample in (0, 1)
        ]
        records.write(data / f"scores/{cell}.parquet", graded, Score)
        said = [
            Prediction(
                question_id="q1",
                sample=0,
                reasoning="oh",
                answer="It is 3.",
                finish_reason="stop",
                think_tokens=4,
                answer_tokens=2,
            )
        ]
        records.write(data / f"examples/predictions/{cell}.parquet", said, Prediction)
        graded = [
            Score(
                question_id="q1",
                sample=0,
                source="sums",
                group="in_distribution",
                outcome="answered",
                correct=False,
                vote=2,
                parsed="3",
                second=False,
                think_tokens=4,
                answer_tokens=2,
            )
        ]
        records.write(data / f"examples/scores/{cell}.parquet", graded, Score)
    records.write(data / "examples/questions/tiny.parquet", questions[1:2], Question)
    return root


def test_command_collects_traces_versions_and_answers(project: Project) -> None:
    root = written(project)
    done = CliRunner().invoke(main, ["--profile", "test"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    train, test = json.loads((root / "metrics/test/examples.json").read_text())["questions"]
    assert (train["question_id"], train["split"]) == ("q1", "train")
    said = {
        "target": "raw",
        "reasoning": "oh",
        "answer": "It is 3.",
        "outcome": "wrong",
        "tokens": 6,
    }
    assert train["answers"][0] == said | {"cell": CELLS[0]}
    assert [one["cell"] for one in train["answers"]] == CELLS
    (raw,) = train["traces"]
    assert (raw["teacher"], raw["reasoning"]) == ("solver", trace(1).reasoning)
    assert [
        (one["target"], one["student"], one["reasoning"], one["flags"]) for one in raw["versions"]
    ] == [
        ("mild", None, "short", ["verbatim"]),
        ("truncated_mild", "tiny", "short", ["verbatim"]),
    ]
    assert (test["question_id"], test["traces"]) == ("q2", [])
    assert [one["cell"] for one in test["answers"]] == CELLS
    first: dict[str, Any] = test["answers"][0]
    assert (first["reasoning"], first["answer"], first["outcome"], first["tokens"]) == (
        "hm",
        "It is 2.",
        "correct",
        5,
    )


@pytest.mark.parametrize("count", [0, -1, "many", None])
def test_number_of_examples_is_checked(project: Project, count: Any) -> None:
    written(project)
    project(grid=GRID, report={"examples": count}, evaluate={"split": "test"})
    done = CliRunner().invoke(main, ["--profile", "test"], catch_exceptions=False)
    assert done.exit_code == 1
    assert f"report.examples: {count!r}: expected a number of questions, 1 or more" in done.output
