"""Which training questions all students answer for the page."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stages.core import records
from stages.core.records import Example, Question
from stages.example_questions import chosen, main
from tests.conftest import Project
from tests.made import example, question

QUESTIONS = [question(number, source="ab"[number % 2]) for number in range(8)]
QUESTIONS += [question(8, split="test"), question(9)]


@pytest.mark.parametrize(
    ("count", "wanted"),
    [
        (0, []),
        (1, ["q1", "q2"]),
        (2, ["q1", "q2", "q3", "q4"]),
        (9, ["q1", "q2", "q3", "q4", "q5"]),
    ],
)
def test_first_of_each_set_that_was_trained_on(count: int, wanted: list[str]) -> None:
    trained = {f"q{number}" for number in (1, 2, 3, 4, 5)}
    assert [row.question_id for row in chosen(QUESTIONS, trained, count)] == wanted


def choose(
    project: Project, trained: dict[str, tuple[int, ...]], count: Any = 2
) -> tuple[Path, str]:
    """The command, where the arms of each teacher were trained on those questions."""
    root = project(
        grid={"teachers": list(trained), "targets": ["raw", "short"]},
        evaluate={"example_questions": count},
    )
    records.write(root / "data/test/questions.parquet", QUESTIONS, Question)
    for teacher, numbers in trained.items():
        rows = [
            dataclasses.replace(example(number, ""), question_id=f"q{number}") for number in numbers
        ]
        records.write(root / f"data/test/sft/{teacher}/tiny/raw.parquet", rows, Example)
    done = CliRunner().invoke(
        main, ["--profile", "test", "--student", "tiny"], catch_exceptions=False
    )
    return root / "data/test/examples/questions/tiny.parquet", done.output


def test_command_takes_what_the_arms_of_all_teachers_were_trained_on(project: Project) -> None:
    out, said = choose(project, {"one": (0, 1, 2, 4, 5, 6), "other": (1, 2, 3, 4, 6, 7)})
    assert said == ""
    assert list(records.read(out, Question)) == [QUESTIONS[1], QUESTIONS[2], QUESTIONS[4]]


@pytest.mark.parametrize(
    ("trained", "count"), [({"one": (0, 1), "other": (2, 3)}, 2), ({"one": (0, 1)}, 0)]
)
def test_none_where_no_question_is_every_teachers_or_none_is_wanted(
    project: Project, trained: dict[str, tuple[int, ...]], count: int
) -> None:
    out, said = choose(project, trained, count)
    assert (said, list(records.read(out, Question))) == ("", [])


@pytest.mark.parametrize("count", [-1, "many", None, 1.5, True])
def test_number_is_checked(project: Project, count: Any) -> None:
    out, said = choose(project, {"one": (0,)}, count)
    assert said == (
        f"error: params.yaml: evaluate.example_questions: {count!r}: expected a number of questions, 0 or more\n"
    )
    assert not out.exists()


def test_training_that_is_not_there_is_named(project: Project) -> None:
    root = project(
        grid={"teachers": ["one"], "targets": ["raw"]}, evaluate={"example_questions": 1}
    )
    done = CliRunner().invoke(main, ["--profile", "test", "--student", "tiny"])
    assert done.output.startswith(
        "error: data/test/sft/one/tiny/raw.parquet: no such file; run `dvc repro`"
    )
    assert not (root / "data").exists()
