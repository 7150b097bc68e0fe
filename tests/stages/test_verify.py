"""Correct, finished responses that show their reasoning become traces; all of them are counted."""

import json
from typing import Any

import pytest

from stages.core import records
from stages.core.grading.disagreements import Page
from stages.core.program.errors import StageError
from stages.core.records import Question, Response, Trace
from stages.verify import Tally, keep
from tests.conftest import Project
from tests.made import leftovers, question, response, run

QUESTIONS = {f"q{number}": question(number) for number in range(3)}
QUESTIONS["q2"] = question(2, source="words", grader="exact", gold="blue")


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({}, True),
        ({"answer": "The answer is 9."}, False),
        ({"answer": ""}, False),
        ({"answer": "I do not know."}, False),
        ({"finish_reason": "length"}, False),  # what it says is not its last word
        ({"reasoning": ""}, False),
        ({"reasoning": " \n"}, False),
        ({"reasoning": "The answer is 1.", "answer": ""}, False),  # thinking is not answering
    ],
)
def test_only_correct_finished_reasoned_responses_are_kept(
    values: dict[str, Any], kept: bool
) -> None:
    tally = Tally()
    traces = list(keep([response(0, **values)], QUESTIONS, tally, Page("")))
    assert len(traces) == kept
    assert tally.summary()[0]["attempts"] == 1
    assert tally.summary()[0]["traces_kept"] == kept


def test_trace_carries_what_later_stages_need() -> None:
    (found,) = keep([response(1, sample=4)], QUESTIONS, Tally(), Page(""))
    response_itself = ("key", 7, "teacher", "stop", None, None)
    text = ("What is 1 + 1?", "2", "I count on.", "The answer is 2.", "2", "2")
    assert found == Trace("q1", 4, "sums", *text, True, *response_itself)


def test_every_set_is_counted() -> None:
    tally = Tally()
    rows = [
        response(0, 0),
        response(0, 1, answer="The answer is 9."),
        response(0, 2, answer="no idea"),
        response(0, 3, finish_reason="length"),
        response(1, 0, answer="5"),
        response(2, 0, answer="The answer is Blue.", reasoning="ab"),
        response(2, 1, answer="The answer is blue.", reasoning="abcd"),
    ]
    assert len(list(keep(rows, QUESTIONS, tally, Page("")))) == 3
    found = tally.summary()
    assert all(one.pop("selection")["question_chars"]["all"] == 14.0 for one in found)
    assert found == [
        {
            "source": "sums",
            "questions": 2,
            "attempts": 5,
            "correct": 2,
            "correct_unfinished": 1,
            "correct_without_reasoning": 0,
            "no_answer": 1,
            "cut": 1,
            "unanswered": 0,
            "gave_up": 0,
            "accuracy": 0.5,  # q0 was right at once, q1 was not
            "accuracy_second_grader": 0.5,
            "disagreements": 0,
            "disagreement_rate": 0.0,
            "questions_kept": 1,
            "traces_kept": 1,
            "mean_chars": float(len("I count on.")),
        },
        {
            "source": "words",
            "questions": 1,
            "attempts": 2,
            "correct": 2,
            "correct_unfinished": 0,
            "correct_without_reasoning": 0,
            "no_answer": 0,
            "cut": 0,
            "unanswered": 0,
            "gave_up": 0,
            "accuracy": 1.0,
            "accuracy_second_grader": 1.0,
            "disagreements": 0,
            "disagreement_rate": 0.0,
            "questions_kept": 1,
            "traces_kept": 2,
            "mean_chars": 3.0,
        },
    ]


def test_disagreements_are_counted_and_listed() -> None:
    tally, page = Tally(), Page("some responses")
    rows = [
        response(0),
        response(1, 0, answer="The answer is 2, which is 6 less than 8."),
        response(1, 1, answer="9"),
    ]
    assert [(one.question_id, one.second) for one in keep(rows, QUESTIONS, tally, page)] == [
        ("q0", True),
        ("q1", False),
    ]
    (found,) = tally.summary()
    assert (found["accuracy"], found["accuracy_second_grader"]) == (1.0, 0.5)
    assert (found["disagreements"], found["disagreement_rate"]) == (1, 0.333333)
    assert page.text().splitlines() == [
        "# Where the two graders disagree: some responses",
        "",
        "## sums q1, sample 0",
        "",
        "- gold: 2 (numeric)",
        "- first grader: correct, read 2",
        "- second grader: not correct",
        "",
        "Question:",
        "",
        "    What is 1 + 1?",
        "",
        "Answer:",
        "",
        "    The answer is 2, which is 6 less than 8.",
    ]


def test_response_to_an_unknown_question_is_refused() -> None:
    with pytest.raises(
        StageError, match="response to question q9: no such question; rerun its teacher's stage"
    ):
        list(keep([response(9)], QUESTIONS, Tally(), Page("")))


def test_command_writes_traces_and_counts(project: Project) -> None:
    root = project()
    records.write(root / "data/test/questions.parquet", QUESTIONS.values(), Question)
    rows = [response(0), response(1, 0, answer="7"), response(1, 1)]
    records.write(root / "data/test/responses/solver.parquet", rows, Response)
    done = run("stages.verify", "--profile", "test", "--teacher", "solver", cwd=root)
    assert (done.returncode, done.stderr) == (0, "")
    found = records.read(root / "data/test/traces/solver.parquet", Trace)
    assert [(trace.question_id, trace.sample) for trace in found] == [("q0", 0), ("q1", 1)]
    assert "Nowhere." in (root / "data/test/disagreements/verify/solver.md").read_text()
    counted = json.loads((root / "metrics/test/verify/solver.json").read_text())
    assert (counted["teacher"], counted["sets"][0]["accuracy"]) == ("solver", 0.5)


def test_teacher_who_is_never_right_is_an_error(project: Project) -> None:
    root = project()
    records.write(root / "data/test/questions.parquet", QUESTIONS.values(), Question)
    records.write(root / "data/test/responses/solver.parquet", [response(0, answer="7")], Response)
    done = run("stages.verify", "--profile", "test", "--teacher", "solver", cwd=root)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert (
        "teacher solver: not one of its responses is correct; check the teacher and the graders"
        in done.stderr
    )
    assert not list((root / "data/test/traces").iterdir())
    assert leftovers(root) == []
    assert not (root / "metrics").exists()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"reasoning": ""},
            "none of its 2 correct responses can be kept: 2 show no reasoning, 0 did not end by themselves; check its",
        ),
        (
            {"finish_reason": "content_filter"},
            "none of its 2 correct responses can be kept: 0 show no reasoning, 2 did",
        ),
        (
            {"finish_reason": "length", "reasoning": ""},
            "none of its 2 correct responses can be kept: 0 show",
        ),
    ],
)
def test_teacher_who_is_right_and_yet_useless_is_told_why(
    project: Project, changes: dict[str, str], complaint: str
) -> None:
    root = project()
    records.write(root / "data/test/questions.parquet", QUESTIONS.values(), Question)
    rows = [
        response(0, **changes),
        response(1, answer="7"),
        response(2, answer="The answer is blue.", **changes),
    ]
    records.write(root / "data/test/responses/solver.parquet", rows, Response)
    done = run("stages.verify", "--profile", "test", "--teacher", "solver", cwd=root)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"error: teacher solver: {complaint}" in done.stderr
    assert not (root / "metrics").exists()


def test_correct_responses_that_are_not_kept_are_counted_by_reason() -> None:
    tally = Tally()
    rows = [
        response(0, 0),
        response(0, 1, reasoning=""),
        response(0, 2, reasoning=" ", answer="7"),
        response(1, 0, finish_reason="context"),
    ]
    assert len(list(keep(rows, QUESTIONS, tally, Page("")))) == 1
    (found,) = tally.summary()
    assert [
        found[name] for name in ("correct", "correct_without_reasoning", "correct_unfinished")
    ] == [3, 1, 1]
