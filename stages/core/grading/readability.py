"""Golds that a grader can read."""

import itertools
from collections.abc import Iterable, Iterator

from stages.core.grading import Row, grade_many
from stages.core.records import Question


def readable(questions: Iterable[Question]) -> Iterator[bool]:
    """Yields for each question whether its grader can read its gold.

    It can where a correct answer that repeats the gold grades correct.
    """
    questions, questions_to_grade = itertools.tee(questions)
    rows: Iterator[Row] = (
        (_answer_that_repeats(question), question.gold, question.grader, question)
        for question in questions_to_grade
    )
    for question, verdict in zip(questions, grade_many(rows), strict=True):
        yield bool(question.gold.strip()) and verdict.outcome == "correct"


def _answer_that_repeats(question: Question) -> str:
    if question.grader == "math":
        return rf"\boxed{{{question.gold}}}"
    return f"The answer is {question.gold}."
