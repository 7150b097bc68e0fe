"""The graded answers that the report reads: a CSV for each cell.

All cells answered the same questions, with the same numbers of samples. Forced cells alone have no
samples beyond the greedy answers.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from stages.core.cells import Cell
from stages.core.program.errors import StageError
from stages.core.records import GROUPS, SCORE_COLUMNS
from stages.core.statistics.answers import OUTCOMES, AnswerOutcome, Answers
from stages.core.statistics.sampled import majority, pass_at, powers

Question = tuple[str, str, str]  # (id, group, source)


@dataclass(frozen=True)
class Graded:
    """One answer, as a line of a scores CSV describes it."""

    outcome: AnswerOutcome
    correct: int  # 0 or 1
    vote: int
    think_tokens: int
    answer_tokens: int


def read(files: Iterable[tuple[Cell, Path]]) -> tuple[list[Question], dict[Cell, Answers]]:
    """The questions that all cells answered, and each cell's answers.

    Raises StageError for a damaged file, and for one that differs from those before it.
    """
    questions: list[Question] = []
    sample_metrics: tuple[str, ...] | None = None  # of cells that are not forced
    forced_cells: list[Cell] = []
    answers: dict[Cell, Answers] = {}
    for cell, path in files:
        with path.open(encoding="utf-8", newline="") as lines:
            cell_questions, cell_answers = parse(str(path), lines)
        if questions and cell_questions != questions:
            differing = min(set(cell_questions) ^ set(questions))
            raise StageError(
                f"{path}: other questions than the runs before it, {differing[0]!r} first; "
                "score it again"
            )
        if cell.forced:
            forced_cells.append(cell)
        elif sample_metrics is None:
            sample_metrics = cell_answers.sample_metrics
        elif cell_answers.sample_metrics != sample_metrics:
            raise StageError(
                f"{path}: other numbers of samples than the runs before it; "
                "evaluate and score it again"
            )
        questions = cell_questions
        answers[cell] = cell_answers
    for cell in forced_cells:
        answers[cell] = answers[cell].without_samples(sample_metrics or ())
    return questions, answers


def parse(name: str, lines: Iterable[str]) -> tuple[list[Question], Answers]:
    """The questions and the answers in a scores CSV, sorted by question. Raises StageError."""
    rows = csv.reader(lines)
    if next(rows, None) != list(SCORE_COLUMNS):
        raise StageError(f"{name}: its header is not {','.join(SCORE_COLUMNS)}; score it again")

    # The answers to each question by the number of the sample, 0 for the greedy answer
    by_question: dict[Question, dict[int, Graded]] = {}
    for line_number, row in enumerate(rows, 2):
        try:
            question, sample, answer = _parse_row(row)
        except ValueError as error:
            raise StageError(f"{name}: line {line_number}: {error}; score it again") from error
        graded = by_question.setdefault(question, {})
        if sample in graded:
            raise StageError(
                f"{name}: line {line_number}: sample {sample} of {question[0]!r} again; "
                "score it again"
            )
        graded[sample] = answer
    _check_greedy(name, by_question)
    return sorted(by_question), _arrays(by_question)


def _check_greedy(name: str, by_question: Mapping[Question, Mapping[int, Graded]]) -> None:
    """Raises StageError for a question that has no greedy answer, and for no questions at all."""
    without_greedy = [question for question, graded in by_question.items() if 0 not in graded]
    if len(without_greedy) == len(by_question):
        raise StageError(f"{name}: no greedy answers; run its evaluate and score stages again")
    if without_greedy:
        question_id = min(without_greedy)[0]
        raise StageError(
            f"{name}: {question_id!r} has samples but no greedy answer; "
            "run its evaluate and score stages again"
        )


def _parse_row(row: Sequence[str]) -> tuple[Question, int, Graded]:
    """The question, the number of the sample, and the answer of one line. Raises ValueError."""
    if len(row) != len(SCORE_COLUMNS):
        raise ValueError(f"{len(row)} fields instead of {len(SCORE_COLUMNS)}")
    question_id, sample, source, group, outcome, correct, vote, think_tokens, answer_tokens = row
    _check_among(group, GROUPS)
    _check_among(outcome, OUTCOMES)
    _check_among(correct, ("0", "1"))
    sample_number = int(sample)
    answer = Graded(
        outcome=cast(AnswerOutcome, outcome),
        correct=int(correct),
        vote=int(vote),
        think_tokens=int(think_tokens),
        answer_tokens=int(answer_tokens),
    )
    return (question_id, group, source), sample_number, answer


def _check_among(value: str, values: Sequence[str]) -> None:
    """Raises ValueError for a value that is not among `values`."""
    if value not in values:
        raise ValueError(f"{value!r} is none of {', '.join(values)}")


def _arrays(by_question: Mapping[Question, Mapping[int, Graded]]) -> Answers:
    """The arrays of one seed, a row for each question in order."""
    greedy, samples = [], []
    for _, graded in sorted(by_question.items()):
        greedy.append(graded[0])
        samples.append([answer for number, answer in sorted(graded.items()) if number != 0])
    fewest = min((len(answers) for answers in samples if answers), default=0)
    sample_metrics: list[str] = []
    if fewest:
        sample_metrics = ["mean", f"majority@{fewest}"]
        sample_metrics += [f"pass@{k}" for k in powers(fewest)[1:]]
    without_samples = [0.0] * len(sample_metrics)
    values = [
        _sample_metrics(answers, fewest) if answers else without_samples for answers in samples
    ]
    return Answers(
        correct=np.array([[float(answer.correct)] for answer in greedy]),
        thinking=np.array([[float(answer.think_tokens)] for answer in greedy]),
        answering=np.array([[float(answer.answer_tokens)] for answer in greedy]),
        outcome=np.array([[answer.outcome] for answer in greedy]),
        samples=np.array(values).reshape(len(greedy), 1, len(sample_metrics)),
        has_samples=np.array([float(bool(answers)) for answers in samples]),
        sample_metrics=tuple(sample_metrics),
    )


def _sample_metrics(samples: Sequence[Graded], fewest: int) -> list[float]:
    """The metrics of one question's samples.

    They are the share of right ones, which is pass@1, the majority's verdict of the first `fewest`,
    and pass@k up to there.
    """
    correct = sum(answer.correct for answer in samples)
    metrics = [correct / len(samples), majority([answer.vote for answer in samples[:fewest]])]
    metrics += [pass_at(len(samples), correct, k) for k in powers(fewest)[1:]]
    return metrics
