"""score: grade one cell's predictions, without generating anything.

predictions, questions -> data/<profile>/scores/<cell>.parquet (with the answers as read),
    data/<profile>/disagreements/score/<cell>.md (where the two graders disagree),
    metrics/<profile>/scores/<cell>.csv (what the report needs of each), metrics/<profile>/cells/<cell>.json (a summary)
Run: python -m stages.score --profile default --student smollm2
     [--teacher scripted --target raw --method lora --seed s0]
"""

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from stages.core import command, grading, params, records
from stages.core.cells import cell_name
from stages.core.disagreements import Page
from stages.core.errors import StageError
from stages.core.files import write_json, write_text
from stages.core.records import SCORE_COLUMNS, Prediction, Question, Score

PARAMS: dict[str, str] = {}


def score(predictions: Iterable[Prediction], questions: Mapping[str, Question], page: Page) -> Iterator[Score]:
    """Every prediction's score in order. One that was cut at the cap is never correct: it gave no final answer.

    `page` notes those on which the graders disagree.
    """
    ahead, rows = itertools.tee(_asked(predictions, questions))  # the graders read some batches ahead
    verdicts = grading.grade_many((row.answer, asked.gold, asked.grader, asked) for row, asked in ahead)
    for (row, question), verdict in zip(rows, verdicts, strict=True):
        outcome = "no_answer" if verdict.outcome == "no_answer" else "answered"
        if row.finish_reason == "length":
            outcome = "hit_cap"
        else:
            page.add(question, row.sample, row.answer, verdict)
        yield Score(
            question_id=row.question_id,
            sample=row.sample,
            source=question.source,
            group=question.group,
            outcome=outcome,
            correct=verdict.outcome == "correct" and outcome == "answered",
            parsed=verdict.parsed,
            second=verdict.second and outcome != "hit_cap",
            think_tokens=row.think_tokens,
            answer_tokens=row.answer_tokens,
        )


def _asked(
    predictions: Iterable[Prediction], questions: Mapping[str, Question]
) -> Iterator[tuple[Prediction, Question]]:
    for row in predictions:
        if row.question_id not in questions:
            raise StageError(f"prediction for question {row.question_id}: no such question; rerun evaluate")
        yield row, questions[row.question_id]


def summary(scores: Sequence[Score]) -> dict[str, Any]:
    """Accuracy, outcomes and generated tokens, for each question set and decoding. Wrong and cut answers count."""
    found: dict[str, Any] = {}
    decoding = [
        ("greedy", [row for row in scores if row.sample == 0]),
        ("sampled", [r for r in scores if r.sample]),
    ]
    for name, rows in decoding:
        for source, group in itertools.groupby(sorted(rows, key=lambda row: row.source), lambda row: row.source):
            found.setdefault(source, {})[name] = _numbers(list(group))
    return found


def _numbers(rows: Sequence[Score]) -> dict[str, float]:
    lengths = [row.think_tokens + row.answer_tokens for row in rows]
    return {
        "answers": len(rows),
        "accuracy": round(fmean(row.correct for row in rows), 6),
        "accuracy_second_grader": round(fmean(row.second for row in rows), 6),
        "disagreement_rate": round(fmean(row.second != row.correct for row in rows), 6),
        "no_answer": round(fmean(row.outcome == "no_answer" for row in rows), 6),
        "hit_cap": round(fmean(row.outcome == "hit_cap" for row in rows), 6),
        "mean_tokens": round(fmean(lengths), 4),
        "median_tokens": median(lengths),
        "mean_think_tokens": round(fmean(row.think_tokens for row in rows), 4),
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
    params.read(PARAMS, profile)
    data, metrics, cell = Path("data") / profile, Path("metrics") / profile, cell_name(student, **arm)
    questions = {row.question_id: row for row in records.read(data / "questions.parquet", Question)}
    predictions = records.read(data / "predictions" / f"{cell}.parquet", Prediction)
    page = Page(f"the answers of {cell}")
    scores = list(command.progress(score(predictions, questions, page), "score", unit="answer"))
    records.write(data / "scores" / f"{cell}.parquet", scores, Score)
    write_text(data / "disagreements" / "score" / f"{cell}.md", page.text())
    write_text(metrics / "scores" / f"{cell}.csv", table(scores))
    write_json(metrics / "cells" / f"{cell}.json", {"cell": cell, "sets": summary(scores)})


if __name__ == "__main__":
    main()
