"""score: grade one cell's predictions, without generating anything.

predictions, questions
    -> data/<profile>/scores/<cell>.parquet (with the answers as read),
       data/<profile>/disagreements/score/<cell>.md (where the two graders disagree),
       metrics/<profile>/scores/<cell>.csv (what the report needs of each),
       metrics/<profile>/cells/<cell>.json (a summary)
example predictions
    -> data/<profile>/examples/scores/<cell>.parquet, for the report's page and in no number
Run: python -m stages.score --profile default --student smollm2
     [--teacher scripted (--target raw | --forced mild) --method lora --seed s0]
"""

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from stages.core import grading, paths, records
from stages.core.cells import Cell
from stages.core.grading import Verdict
from stages.core.grading.disagreements import Page
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.program.files import write_json, write_text
from stages.core.records import SCORE_COLUMNS, Prediction, Question, Score
from stages.core.statistics.sampled import majority, pass_at, powers

PARAMS: dict[str, str] = {}

# ---- Grading ----


def score(
    predictions: Iterable[Prediction], questions: Mapping[str, Question], page: Page
) -> Iterator[Score]:
    """Yields every prediction's score in order.

    `questions` are by id. `page` notes the answers on which the graders disagree. Raises StageError
    for a prediction without a question.
    """
    # The graders read some batches ahead of what is scored
    to_grade, to_score = itertools.tee(_with_questions(predictions, questions))
    verdicts = grading.grade_many(
        (prediction.answer, question.gold, question.grader, question)
        for prediction, question in to_grade
    )
    votes = Votes()
    for (prediction, question), verdict in zip(to_score, verdicts, strict=True):
        scored = _score_one(prediction, question, verdict, votes)
        if scored.outcome != "hit_cap":
            page.add(question, prediction.sample, prediction.answer, verdict)
        yield scored


def _with_questions(
    predictions: Iterable[Prediction], questions: Mapping[str, Question]
) -> Iterator[tuple[Prediction, Question]]:
    """Yields every prediction with its question. Raises StageError where there is none."""
    for prediction in predictions:
        question_id = prediction.question_id
        if question_id not in questions:
            raise StageError(
                f"prediction for question {question_id}: no such question; rerun evaluate"
            )
        yield prediction, questions[question_id]


class Votes:
    """Numbers for the answers to one question, so that those who agree can be counted.

    Counting then needs no text. Right answers agree whatever their form. Wrong ones agree where the
    grader read the same text.
    """

    def __init__(self) -> None:
        self._question_id = ""
        self._number_of_answer: dict[str, int] = {}

    def number(self, question_id: str, parsed: str, correct: bool) -> int:
        """0 for no answer, 1 for a right one, and further numbers for wrong ones as they come.

        All answers to a question must come one after the other.
        """
        if question_id != self._question_id:
            self._question_id = question_id
            self._number_of_answer = {}
        if correct or not parsed:
            return int(correct)
        next_number = 2 + len(self._number_of_answer)
        return self._number_of_answer.setdefault(parsed, next_number)


def _score_one(prediction: Prediction, question: Question, verdict: Verdict, votes: Votes) -> Score:
    """The score of one prediction.

    One that was cut at the cap is never correct: it gave no final answer.
    """
    outcome = _outcome(prediction, verdict)
    correct = verdict.outcome == "correct" and outcome == "answered"
    voted_answer = verdict.parsed if outcome == "answered" else ""
    return Score(
        question_id=prediction.question_id,
        sample=prediction.sample,
        source=question.source,
        group=question.group,
        outcome=outcome,
        correct=correct,
        vote=votes.number(prediction.question_id, voted_answer, correct),
        parsed=verdict.parsed,
        second=verdict.second and outcome != "hit_cap",
        think_tokens=prediction.think_tokens,
        answer_tokens=prediction.answer_tokens,
    )


def _outcome(prediction: Prediction, verdict: Verdict) -> str:
    """How the answer ended, see `Score.outcome`."""
    # A right answer that does not end is not given
    if prediction.finish_reason in ("length", "context"):
        return "hit_cap"
    return "no_answer" if verdict.outcome == "no_answer" else "answered"


# ---- Summaries ----


def summary(scores: Sequence[Score]) -> dict[str, Any]:
    """Accuracy, outcomes and generated tokens, for each question set and decoding.

    Wrong and cut answers count. Samples also have pass@k and the majority's accuracy, over the
    questions that have samples.
    """
    greedy = [row for row in scores if row.sample == 0]
    sampled = [row for row in scores if row.sample != 0]
    sets: dict[str, Any] = {}
    for source, rows in _by_source(greedy):
        sets[source] = {"greedy": _numbers(rows)}
    for source, rows in _by_source(sampled):
        numbers = _numbers(rows) | _sample_numbers(rows)
        sets.setdefault(source, {})["sampled"] = numbers
    return sets


def _by_source(scores: Iterable[Score]) -> Iterator[tuple[str, list[Score]]]:
    """Yields the question sets in the order of their names, each with its scores."""
    ordered = sorted(scores, key=lambda row: row.source)
    for source, rows in itertools.groupby(ordered, lambda row: row.source):
        yield source, list(rows)


def _numbers(rows: Sequence[Score]) -> dict[str, Any]:
    """The numbers of one question set and decoding."""
    return {
        "answers": len(rows),
        "accuracy": _mean(row.correct for row in rows),
        "accuracy_second_grader": _mean(row.second for row in rows),
        "disagreement_rate": _mean(row.second != row.correct for row in rows),
        "no_answer": _mean(row.outcome == "no_answer" for row in rows),
        "hit_cap": _mean(row.outcome == "hit_cap" for row in rows),
        "tokens": lengths([row.think_tokens + row.answer_tokens for row in rows]),
        "think_tokens": lengths([row.think_tokens for row in rows]),
        "answer_tokens": lengths([row.answer_tokens for row in rows]),
    }


def _mean(values: Iterable[float]) -> float:
    return round(fmean(values), 6)


def lengths(tokens: Sequence[int]) -> dict[str, float]:
    """Mean, quartiles, 95th percentile and maximum of `tokens`."""
    q1, median, q3, p95 = np.quantile(tokens, [0.25, 0.5, 0.75, 0.95])
    return {
        "mean": round(fmean(tokens), 4),
        "q1": round(float(q1), 4),
        "median": round(float(median), 4),
        "q3": round(float(q3), 4),
        "p95": round(float(p95), 4),
        "max": max(tokens),
    }


def _sample_numbers(rows: Sequence[Score]) -> dict[str, Any]:
    """What the samples of each question give together, in the mean over the questions.

    `rows` have the samples of a question one after the other.
    """
    by_question = []
    for _, samples in itertools.groupby(rows, lambda row: row.question_id):
        by_question.append(list(samples))
    fewest = min(len(samples) for samples in by_question)
    correct_counts = [sum(row.correct for row in samples) for samples in by_question]
    passed = {}
    for k in powers(fewest):
        passed[str(k)] = _mean(
            pass_at(len(samples), correct, k)
            for samples, correct in zip(by_question, correct_counts, strict=True)
        )
    votes = [[row.vote for row in samples] for samples in by_question]
    return {"pass_at": passed, "majority": _mean(map(majority, votes))}


def table(scores: Iterable[Score]) -> str:
    """The scores as CSV, truth values as 0 and 1."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(SCORE_COLUMNS)
    for row in scores:
        values = [getattr(row, name) for name in SCORE_COLUMNS]
        writer.writerow([int(value) if isinstance(value, bool) else value for value in values])
    return text.getvalue()


@command.stage("profile", "student", optional=("teacher", "target", "forced", "method", "seed"))
def main(profile: str, student: str, **arm: str) -> None:
    """Grade one cell's predictions, or without an arm the untrained student's."""
    params.read(PARAMS, profile, student=student, **arm)
    data, cell = paths.data(profile), Cell.of(student, **arm)
    questions = {
        question.question_id: question for question in records.read(data.questions, Question)
    }

    # The evaluation's answers, which all numbers are from
    predictions = records.read(data.predictions(cell), Prediction)
    page = Page(f"the answers of {cell.name}")
    graded = score(predictions, questions, page)
    scores = list(command.progress(graded, "score", unit="answer"))
    records.write(data.scores(cell), scores, Score)
    write_text(data.disagreements("score", cell.name), page.text())
    write_text(paths.metrics(profile) / "scores" / f"{cell.name}.csv", table(scores))
    cell_summary = {"cell": cell.name, "sets": summary(scores)}
    write_json(paths.metric(profile, "cells", cell.name), cell_summary)

    # The answers to training questions, which the page shows
    examples = records.read(data.example_predictions(cell), Prediction)
    records.write(data.example_scores(cell), score(examples, questions, Page("")), Score)


if __name__ == "__main__":
    main()
