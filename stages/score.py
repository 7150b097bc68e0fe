"""score: grade one cell's predictions, without generating anything.

predictions, questions -> data/<profile>/scores/<cell>.parquet (with the answers as read),
    data/<profile>/disagreements/score/<cell>.md (where the two graders disagree),
    metrics/<profile>/scores/<cell>.csv (what the report needs of each), metrics/<profile>/cells/<cell>.json (a summary)
example predictions -> data/<profile>/examples/scores/<cell>.parquet, for the report's page and in no number
Run: python -m stages.score --profile default --student smollm2
     [--teacher scripted --target raw --method lora --seed s0]
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
from stages.core.grading.disagreements import Page
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.program.files import write_json, write_text
from stages.core.records import SCORE_COLUMNS, Prediction, Question, Score
from stages.core.statistics.sampled import majority, pass_at, powers

PARAMS: dict[str, str] = {}


def score(
    predictions: Iterable[Prediction], questions: Mapping[str, Question], page: Page
) -> Iterator[Score]:
    """Every prediction's score in order. One that was cut at the cap is never correct: it gave no
    final answer.

    `page` notes those on which the graders disagree.
    """
    ahead, rows = itertools.tee(
        _asked(predictions, questions)
    )  # the graders read some batches ahead
    verdicts = grading.grade_many(
        (row.answer, asked.gold, asked.grader, asked) for row, asked in ahead
    )
    votes = Votes()
    for (row, question), verdict in zip(rows, verdicts, strict=True):
        outcome = "no_answer" if verdict.outcome == "no_answer" else "answered"
        if row.finish_reason in ("length", "context"):
            outcome = "hit_cap"
        else:
            page.add(question, row.sample, row.answer, verdict)
        correct = verdict.outcome == "correct" and outcome == "answered"
        yield Score(
            question_id=row.question_id,
            sample=row.sample,
            source=question.source,
            group=question.group,
            outcome=outcome,
            correct=correct,
            vote=votes.of(
                row.question_id, verdict.parsed if outcome == "answered" else "", correct
            ),
            parsed=verdict.parsed,
            second=verdict.second and outcome != "hit_cap",
            think_tokens=row.think_tokens,
            answer_tokens=row.answer_tokens,
        )


class Votes:
    """Numbers what the answers to one question say, so that those who agree can be counted without
    their text.

    Right answers are one whatever their form; wrong ones agree where the grader read the same text.
    """

    def __init__(self) -> None:
        self._question, self._seen = "", dict[str, int]()

    def of(self, question_id: str, parsed: str, correct: bool) -> int:
        """0 for no answer, 1 for a right one, then as they come; all answers to a question one
        after the other.
        """
        if question_id != self._question:
            self._question, self._seen = question_id, {}
        if correct or not parsed:
            return int(correct)
        return self._seen.setdefault(parsed, 2 + len(self._seen))


def _asked(
    predictions: Iterable[Prediction], questions: Mapping[str, Question]
) -> Iterator[tuple[Prediction, Question]]:
    for row in predictions:
        if row.question_id not in questions:
            raise StageError(
                f"prediction for question {row.question_id}: no such question; rerun evaluate"
            )
        yield row, questions[row.question_id]


def summary(scores: Sequence[Score]) -> dict[str, Any]:
    """Accuracy, outcomes and generated tokens, for each question set and decoding. Wrong and cut
    answers count.

    Of samples also pass@k and the majority's accuracy, over the questions that have samples.
    """
    found: dict[str, Any] = {}
    decoding = [
        ("greedy", [row for row in scores if row.sample == 0]),
        ("sampled", [r for r in scores if r.sample]),
    ]
    for name, rows in decoding:
        for source, group in itertools.groupby(
            sorted(rows, key=lambda row: row.source), lambda row: row.source
        ):
            own = list(group)
            found.setdefault(source, {})[name] = _numbers(own) | (
                _together(own) if name == "sampled" else {}
            )
    return found


def _numbers(rows: Sequence[Score]) -> dict[str, Any]:
    thinking, answering = [row.think_tokens for row in rows], [row.answer_tokens for row in rows]
    return {
        "answers": len(rows),
        "accuracy": round(fmean(row.correct for row in rows), 6),
        "accuracy_second_grader": round(fmean(row.second for row in rows), 6),
        "disagreement_rate": round(fmean(row.second != row.correct for row in rows), 6),
        "no_answer": round(fmean(row.outcome == "no_answer" for row in rows), 6),
        "hit_cap": round(fmean(row.outcome == "hit_cap" for row in rows), 6),
        "tokens": lengths([row.think_tokens + row.answer_tokens for row in rows]),
        "think_tokens": lengths(thinking),
        "answer_tokens": lengths(answering),
    }


def lengths(tokens: Sequence[int]) -> dict[str, float]:
    """Mean, quartiles, 95th percentile and maximum of `tokens`."""
    q1, median, q3, p95 = (
        round(float(part), 4) for part in np.quantile(tokens, [0.25, 0.5, 0.75, 0.95])
    )
    mean = round(fmean(tokens), 4)
    return {"mean": mean, "q1": q1, "median": median, "q3": q3, "p95": p95, "max": max(tokens)}


def _together(rows: Sequence[Score]) -> dict[str, Any]:
    """What the samples of each question say together, over the questions."""
    by_question = [list(own) for _, own in itertools.groupby(rows, lambda row: row.question_id)]
    fewest = min(map(len, by_question))
    passed = {
        str(k): round(
            fmean(pass_at(len(own), sum(row.correct for row in own), k) for own in by_question), 6
        )
        for k in powers(fewest)
    }
    return {
        "pass_at": passed,
        "majority": round(fmean(majority([row.vote for row in own]) for own in by_question), 6),
    }


def table(scores: Iterable[Score]) -> str:
    """The scores as CSV, truth values as 0 and 1."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(SCORE_COLUMNS)
    for row in scores:
        values = [getattr(row, name) for name in SCORE_COLUMNS]
        writer.writerow([int(value) if isinstance(value, bool) else value for value in values])
    return out.getvalue()


@command.stage("profile", "student", optional=("teacher", "target", "method", "seed"))
def main(profile: str, student: str, **arm: str) -> None:
    """Grade one cell's predictions, or without an arm the untrained student's."""
    params.read(PARAMS, profile, student=student, **arm)
    data, cell = paths.data(profile), Cell.of(student, **arm)
    questions = {row.question_id: row for row in records.read(data.questions, Question)}
    predictions = records.read(data.predictions(cell), Prediction)
    page = Page(f"the answers of {cell.name}")
    scores = list(command.progress(score(predictions, questions, page), "score", unit="answer"))
    records.write(data.scores(cell), scores, Score)
    write_text(data.disagreements("score", cell.name), page.text())
    write_text(paths.metrics(profile) / "scores" / f"{cell.name}.csv", table(scores))
    write_json(
        paths.metric(profile, "cells", cell.name), {"cell": cell.name, "sets": summary(scores)}
    )
    examples = records.read(data.example_predictions(cell), Prediction)
    records.write(data.example_scores(cell), score(examples, questions, Page("")), Score)


if __name__ == "__main__":
    main()
