"""Predictions become outcomes and summaries, without generating anything again."""

import csv
import json
from typing import Any

import pytest

from stages.core import records
from stages.core.grading.disagreements import Page
from stages.core.program.errors import StageError
from stages.core.records import SCORE_COLUMNS, Prediction, Question, Score
from stages.score import score, summary, table
from tests.conftest import Project
from tests.made import question, run

QUESTIONS = {f"q{number}": question(number, split="test") for number in range(3)}
QUESTIONS["q2"] = question(2, source="words", group="ood_knowledge", grader="exact", gold="blue")


def prediction(number: int = 0, sample: int = 0, **values: Any) -> Prediction:
    """A right answer to `question(number)`, of 30 thinking and 5 answering tokens."""
    made: dict[str, Any] = {
        "reasoning": "hm",
        "answer": f"The answer is {number + 1}.",
        "finish_reason": "stop",
    } | values
    return Prediction(
        question_id=f"q{number}", sample=sample, **{"think_tokens": 30, "answer_tokens": 5} | made
    )


def graded(number: int = 0, sample: int = 0, **values: Any) -> Score:
    """The score of such a prediction."""
    (actual,) = score([prediction(number, sample, **values)], QUESTIONS, Page(""))
    return actual


@pytest.mark.parametrize(
    ("answer", "finish_reason", "outcome", "correct", "parsed"),
    [
        ("The answer is 1.", "stop", "answered", True, "1"),
        ("The answer is 2.", "stop", "answered", False, "2"),
        ("I do not know.", "stop", "no_answer", False, ""),
        ("", "stop", "no_answer", False, ""),
        (
            "The answer is 1.",
            "length",
            "hit_cap",
            False,
            "1",
        ),  # a right answer that does not end is not given
        ("The answer is 2.", "length", "hit_cap", False, "2"),
        ("", "length", "hit_cap", False, ""),
    ],
)
def test_outcome(answer: str, finish_reason: str, outcome: str, correct: bool, parsed: str) -> None:
    actual = graded(0, answer=answer, finish_reason=finish_reason)
    assert (actual.outcome, actual.correct, actual.parsed) == (outcome, correct, parsed)


def test_score_carries_where_it_belongs() -> None:
    expected = Score(
        question_id="q2",
        sample=3,
        source="words",
        group="ood_knowledge",
        outcome="answered",
        correct=True,
        vote=1,
        parsed="blue",
        second=True,
        think_tokens=30,
        answer_tokens=5,
    )
    assert graded(2, 3, answer="Blue") == expected


def test_page_lists_what_the_graders_disagree_on_but_not_what_was_cut() -> None:
    page = Page("")
    disputed = "The answer is 1, which is 6 less than 7."
    rows = [
        prediction(0, 0, answer=disputed),
        prediction(0, 1, answer=disputed, finish_reason="length"),
        prediction(1),
    ]
    assert [(row.correct, row.second) for row in score(rows, QUESTIONS, page)] == [
        (True, False),
        (False, False),
        (True, True),
    ]
    assert len(page) == 1
    assert summary(list(score(rows, QUESTIONS, page)))["sums"]["greedy"]["disagreement_rate"] == 0.5


def test_answers_that_agree_have_one_vote() -> None:
    answers = [
        "The answer is 1.",
        "The answer is 7.",
        "?",
        "The answer is 1.0.",
        "It is 8.",
        "The answer is 7.",
    ]
    rows = [prediction(0, sample, answer=answer) for sample, answer in enumerate(answers)]
    rows += [prediction(0, 6, finish_reason="length"), prediction(1, 0, answer="The answer is 7.")]
    assert [row.vote for row in score(rows, QUESTIONS, Page(""))] == [1, 2, 0, 1, 3, 2, 0, 2]


def test_prediction_of_an_unknown_question_is_refused() -> None:
    with pytest.raises(
        StageError, match="prediction for question q9: no such question; rerun evaluate"
    ):
        graded(9)


def test_summary_is_by_set_and_decoding_with_every_outcome_in_it() -> None:
    rows = [
        graded(0, 0),
        graded(0, 1, answer="The answer is 7."),
        graded(0, 2),
        graded(1, 0, answer="", finish_reason="length", think_tokens=80, answer_tokens=0),
        graded(2, 0, answer="no", think_tokens=0, answer_tokens=2),
    ]
    actual = summary(rows)
    assert actual["sums"]["greedy"] == {
        "answers": 2,
        "accuracy": 0.5,
        "accuracy_second_grader": 0.5,
        "disagreement_rate": 0.0,
        "no_answer": 0.0,
        "hit_cap": 0.5,
        "tokens": {"mean": 57.5, "q1": 46.25, "median": 57.5, "q3": 68.75, "p95": 77.75, "max": 80},
        "think_tokens": {
            "mean": 55.0,
            "q1": 42.5,
            "median": 55.0,
            "q3": 67.5,
            "p95": 77.5,
            "max": 80,
        },
        "answer_tokens": {
            "mean": 2.5,
            "q1": 1.25,
            "median": 2.5,
            "q3": 3.75,
            "p95": 4.75,
            "max": 5,
        },
    }
    sampled = actual["sums"]["sampled"]
    assert (sampled["answers"], sampled["accuracy"]) == (2, 0.5)
    assert (sampled["pass_at"], sampled["majority"]) == ({"1": 0.5, "2": 1.0}, 0.5)
    assert set(actual["words"]) == {"greedy"}
    assert summary([]) == {}


def test_table_has_truth_values_as_numbers() -> None:
    text = table([graded(0), graded(1, 1, answer="?")])
    assert text.splitlines() == [
        ",".join(SCORE_COLUMNS),
        "q0,0,sums,in_distribution,answered,1,1,30,5",
        "q1,1,sums,in_distribution,no_answer,0,0,30,5",
    ]


@pytest.mark.parametrize(
    ("options", "cell"),
    [
        ((), "untrained-tiny"),
        (("--teacher", "t", "--target", "raw", "--method", "m", "--seed", "s0"), "t-raw-tiny-m-s0"),
    ],
)
def test_command_writes_scores_table_and_summary(
    project: Project, options: tuple[str, ...], cell: str
) -> None:
    root = project()
    records.write(root / "data/test/questions.parquet", QUESTIONS.values(), Question)
    records.write(
        root / f"data/test/predictions/{cell}.parquet",
        [prediction(0), prediction(1, answer="5")],
        Prediction,
    )
    records.write(root / f"data/test/examples/predictions/{cell}.parquet", [], Prediction)
    done = run("stages.score", "--profile", "test", "--student", "tiny", *options, cwd=root)
    assert (done.returncode, done.stderr) == (0, "")
    assert [
        row.correct for row in records.read(root / f"data/test/scores/{cell}.parquet", Score)
    ] == [True, False]
    assert "Nowhere." in (root / f"data/test/disagreements/score/{cell}.md").read_text()
    with (root / f"metrics/test/scores/{cell}.csv").open(newline="") as file:
        assert [row["correct"] for row in csv.DictReader(file)] == ["1", "0"]
    actual = json.loads((root / f"metrics/test/cells/{cell}.json").read_text())
    assert (actual["cell"], actual["sets"]["sums"]["greedy"]["accuracy"]) == (cell, 0.5)


def test_shown_answers_are_graded_apart_and_move_no_number(project: Project) -> None:
    """With them and without, every file but theirs has the same bytes."""
    root = project()
    questions = [*QUESTIONS.values(), question(7), question(8)]
    records.write(root / "data/test/questions.parquet", questions, Question)
    rows = [prediction(0), prediction(0, 1, answer="7"), prediction(1, answer="5")]
    records.write(root / "data/test/predictions/untrained-tiny.parquet", rows, Prediction)
    disputed = "The answer is 8, which is 6 less than 7."  # on which the graders disagree
    written = []
    for shown in ([], [prediction(7, answer=disputed), prediction(8, answer="?")]):
        records.write(
            root / "data/test/examples/predictions/untrained-tiny.parquet", shown, Prediction
        )
        done = run("stages.score", "--profile", "test", "--student", "tiny", cwd=root)
        assert (done.returncode, done.stderr) == (0, "")
        made = [path for path in root.rglob("*") if path.is_file() and "examples" not in path.parts]
        written.append({str(path): path.read_bytes() for path in made})
    assert written[0] == written[1]
    assert len(written[0]) == 7  # params, questions, predictions, and the four outs
    actual = list(records.read(root / "data/test/examples/scores/untrained-tiny.parquet", Score))
    assert [(row.question_id, row.correct, row.outcome) for row in actual] == [
        ("q7", True, "answered"),
        ("q8", False, "no_answer"),
    ]
