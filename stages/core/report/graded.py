"""The graded answers that the report reads: a CSV for each run, which all are on the same questions
and samples.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.core.cells import Cell
from stages.core.program.errors import StageError
from stages.core.records import GROUPS, SCORE_COLUMNS
from stages.core.statistics.answers import Answers
from stages.core.statistics.sampled import majority, pass_at, powers

OUTCOMES = ("answered", "no_answer", "hit_cap")
Question = tuple[str, str, str]  # (id, group, source)


@dataclass(frozen=True)
class Graded:
    """One answer: what a line of a scores CSV says of it."""

    outcome: str
    correct: int
    vote: int
    think_tokens: int
    answer_tokens: int


def read(files: Iterable[tuple[Cell, Path]]) -> tuple[list[Question], dict[Cell, Answers]]:
    """The questions that all runs answered, and each run's answers. Raises StageError."""
    questions: list[Question] = []
    answers: dict[Cell, Answers] = {}
    names: tuple[str, ...] = ()
    for run, path in files:
        with path.open(encoding="utf-8", newline="") as lines:
            asked, answers[run] = parse(str(path), lines)
        if questions and asked != questions:
            odd = min(set(asked) ^ set(questions))
            raise StageError(
                f"{path}: other questions than the runs before it, {odd[0]!r} first; score it again"
            )
        if questions and answers[run].sample_metrics != names:
            raise StageError(
                f"{path}: other numbers of samples than the runs before it; evaluate and score it again"
            )
        questions, names = asked, answers[run].sample_metrics
    return questions, answers


def parse(name: str, lines: Iterable[str]) -> tuple[list[Question], Answers]:
    """The questions and the answers in a scores CSV, sorted by question. Raises StageError."""
    rows = csv.reader(lines)
    if next(rows, None) != list(SCORE_COLUMNS):
        raise StageError(f"{name}: its header is not {','.join(SCORE_COLUMNS)}; score it again")
    greedy: dict[Question, Graded] = {}
    sampled: dict[Question, dict[int, Graded]] = {}
    for number, row in enumerate(rows, 2):
        try:
            question, sample, graded = _graded(row)
            taken = question in greedy if sample == 0 else sample in sampled.get(question, {})
        except ValueError as error:
            raise StageError(f"{name}: line {number}: {error}; score it again") from error
        if taken:
            raise StageError(
                f"{name}: line {number}: sample {sample} of {question[0]!r} again; score it again"
            )
        if sample == 0:
            greedy[question] = graded
        else:
            sampled.setdefault(question, {})[sample] = graded
    if not greedy or (lone := sorted(sampled.keys() - greedy.keys())):
        what = f"{lone[0][0]!r} has samples but no greedy answer" if greedy else "no greedy answers"
        raise StageError(f"{name}: {what}; run its evaluate and score stages again")
    return sorted(greedy), _answers(greedy, sampled)


def _graded(row: Sequence[str]) -> tuple[Question, int, Graded]:
    """(question, sample, what is said of it) of one line. Raises ValueError."""
    if len(row) != len(SCORE_COLUMNS):
        raise ValueError(f"{len(row)} fields instead of {len(SCORE_COLUMNS)}")
    question, sample, source, group, outcome, correct, vote, think, answer = row
    for value, known in ((group, GROUPS), (outcome, OUTCOMES), (correct, ("0", "1"))):
        if value not in known:
            raise ValueError(f"{value!r} is none of {', '.join(known)}")
    return (
        (question, group, source),
        int(sample),
        Graded(outcome, int(correct), int(vote), int(think), int(answer)),
    )


def _answers(
    greedy: Mapping[Question, Graded], sampled: Mapping[Question, Mapping[int, Graded]]
) -> Answers:
    """The arrays, a row for each question in order; one seed."""
    asked = [greedy[question] for question in sorted(greedy)]
    least = min((len(own) for own in sampled.values()), default=0)
    names = (
        ("mean", f"majority@{least}", *(f"pass@{k}" for k in powers(least)[1:])) if sampled else ()
    )
    samples = [
        [own for _, own in sorted(sampled.get(question, {}).items())] for question in sorted(greedy)
    ]
    together = [_together(own, least) if own else [0.0] * len(names) for own in samples]
    return Answers(
        correct=np.array([[float(row.correct)] for row in asked]),
        thinking=np.array([[float(row.think_tokens)] for row in asked]),
        answering=np.array([[float(row.answer_tokens)] for row in asked]),
        outcome=np.array([[row.outcome] for row in asked]),
        samples=np.array(together).reshape(len(asked), 1, len(names)),
        has_samples=np.array([float(bool(own)) for own in samples]),
        sample_metrics=names,
    )


def _together(samples: Sequence[Graded], least: int) -> list[float]:
    """What one question's samples say: the share of right ones, the verdict of the first `least`,
    pass@k up to there.

    pass@1 is the share of right ones.
    """
    right = sum(row.correct for row in samples)
    passed = (pass_at(len(samples), right, k) for k in powers(least)[1:])
    return [right / len(samples), majority([row.vote for row in samples[:least]]), *passed]
