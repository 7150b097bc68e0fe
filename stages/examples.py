"""examples: some questions of every set with all that was written for them, for the report's page.

Training questions have the raw trace and what every target made of it. Evaluated questions have the
students' greedy answers. The training questions that the example_questions stage chose have both.

questions, traces, compressed, shortened, predictions, scores, example predictions and scores
    -> metrics/<profile>/examples.json (in git, so that the page is drawn from it alone)
Run: python -m stages.examples --profile default
"""

import collections
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from stages.core import paths, records
from stages.core.cells import Cell
from stages.core.grid import Grid
from stages.core.paths import DataPaths
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.program.files import write_json
from stages.core.records import Prediction, Question, Score, Trace, Variant
from stages.core.report.choosing import choose, limits, shorten

PARAMS = {"grid": "grid", "examples": "report.examples", "split": "evaluate.split"}

Row = TypeVar("Row", Trace, Variant, Prediction, Score)
RowsByQuestion = dict[str, list[dict[str, Any]]]  # what the page shows of each question id


def first_rows(rows: Iterable[Row], question_ids: Collection[str]) -> dict[str, Row]:
    """The first row of each of the questions: its first kept trace, or its greedy answer."""
    first: dict[str, Row] = {}
    for row in rows:
        if row.question_id in question_ids:
            first.setdefault(row.question_id, row)
    return first


def collect_traces(
    data: DataPaths, grid: Grid, question_ids: Collection[str], longest: int
) -> RowsByQuestion:
    """Each teacher's trace and its versions, by question."""
    traces: RowsByQuestion = collections.defaultdict(list)
    for teacher in grid.teachers:
        raw = first_rows(records.read(data.traces(teacher), Trace), question_ids)
        versions: RowsByQuestion = {question_id: [] for question_id in raw}
        for target, student, path in _version_files(data, grid, teacher):
            variants = first_rows(records.read(path, Variant), raw)
            for question_id, variant in variants.items():
                versions[question_id].append(_describe_version(target, student, variant, longest))
        for question_id, trace in raw.items():
            described = {
                "teacher": teacher,
                "reasoning": shorten(trace.reasoning, longest),
                "answer": shorten(trace.answer, longest),
                "versions": versions[question_id],
            }
            traces[question_id].append(described)
    return traces


def _version_files(
    data: DataPaths, grid: Grid, teacher: str
) -> Iterator[tuple[str, str | None, Path]]:
    """Yields the versions of a teacher's traces that the grid trains on: (target, student, file).

    Versions that serve all students have none.
    """
    for compressor in grid.compressors:
        yield compressor, None, data.compressed(teacher, compressor)
    for shortener in grid.shorteners:
        for student in grid.students:
            yield shortener, student, data.shortened(teacher, student, shortener)


def _describe_version(
    target: str, student: str | None, variant: Variant, longest: int
) -> dict[str, Any]:
    """What the page shows of one target's version of a trace."""
    return {
        "target": target,
        "student": student,
        "reasoning": shorten(variant.reasoning, longest),
        "rho": round(variant.rho, 3),
        "kept": variant.kept,
        "drop_reason": variant.drop_reason,
        "flags": list(variant.flags),
    }


def collect_answers(
    data: DataPaths, cells: Iterable[Cell], question_ids: Collection[str], longest: int
) -> RowsByQuestion:
    """Every cell's greedy answers by question, those to the page's training questions too."""
    answers: RowsByQuestion = collections.defaultdict(list)
    for cell in cells:
        evaluated = data.predictions(cell), data.scores(cell)
        examples = data.example_predictions(cell), data.example_scores(cell)
        for predictions_path, scores_path in (evaluated, examples):
            predictions = first_rows(records.read(predictions_path, Prediction), question_ids)
            scores = first_rows(records.read(scores_path, Score), question_ids)
            for question_id, prediction in predictions.items():
                described = _describe_answer(cell, prediction, scores[question_id], longest)
                answers[question_id].append(described)
    return answers


def _describe_answer(
    cell: Cell, prediction: Prediction, score: Score, longest: int
) -> dict[str, Any]:
    """What the page shows of one student's greedy answer."""
    outcome = score.outcome
    if score.correct:
        outcome = "correct"
    elif outcome == "answered":
        outcome = "wrong"
    return {
        "cell": cell.name,
        "target": cell.target,
        "reasoning": shorten(prediction.reasoning, longest),
        "answer": shorten(prediction.answer, longest),
        "outcome": outcome,
        "tokens": score.think_tokens + score.answer_tokens,
    }


def collect(data: DataPaths, grid: Grid, split: str, count: int) -> list[dict[str, Any]]:
    """Everything about the chosen questions, in order of group, set and split.

    `split` is the evaluated one. `count` questions of each set and split are wanted.
    """
    cells = grid.cells()
    ids_by_split = _ids_with_texts(data, grid, split)
    questions = list(records.read(data.questions, Question))
    train_sets, evaluated_sets = _count_sets(questions, ids_by_split)
    bounds = limits(grid, train_sets, evaluated_sets, count)
    chosen = choose(questions, ids_by_split, bounds.questions, _example_ids(data, grid))

    chosen_ids = {question.question_id for question in chosen}
    traces = collect_traces(data, grid, chosen_ids, bounds.characters)
    cells_with_progress = command.progress(cells, "examples", unit="cell")
    answers = collect_answers(data, cells_with_progress, chosen_ids, bounds.characters)
    return [
        _describe_question(question, bounds.characters)
        | {
            "traces": traces.get(question.question_id, []),
            "answers": answers.get(question.question_id, []),
        }
        for question in chosen
    ]


def _describe_question(question: Question, longest: int) -> dict[str, Any]:
    """What the page shows of a question, without its traces and answers."""
    return {
        "question_id": question.question_id,
        "source": question.source,
        "group": question.group,
        "split": question.split,
        "question": shorten(question.question, longest),
        "gold": question.gold,
    }


def _count_sets(
    questions: Iterable[Question], ids_by_split: Mapping[str, Collection[str]]
) -> tuple[int, int]:
    """The numbers of sets with training and with evaluated questions.

    Questions that have nothing to show do not count.
    """
    sets = {
        (question.split == "train", question.source)
        for question in questions
        if question.question_id in ids_by_split.get(question.split, ())
    }
    train_sets = sum(is_train for is_train, _ in sets)
    return train_sets, len(sets) - train_sets


def _ids_with_texts(data: DataPaths, grid: Grid, split: str) -> dict[str, set[str]]:
    """The ids of questions with a trace, and of those with an evaluated answer, by split."""
    with_trace: set[str] = set()
    for teacher in grid.teachers:
        with_trace.update(row.question_id for row in records.read(data.traces(teacher), Trace))
    first_cell = grid.cells()[0]  # all cells have the same questions
    scores = records.read(data.scores(first_cell), Score)
    return {"train": with_trace, split: {score.question_id for score in scores}}


def _example_ids(data: DataPaths, grid: Grid) -> set[str]:
    """The training questions that students answered for the page."""
    ids: set[str] = set()
    for student in grid.students:
        questions = records.read(data.example_questions(student), Question)
        ids.update(question.question_id for question in questions)
    return ids


@command.stage("profile")
def main(profile: str) -> None:
    """Collect some questions of every set, with their traces and answers, into
    metrics/<profile>/examples.json.
    """
    declared = params.read(PARAMS, profile)
    grid = params.section(Grid, declared["grid"], "grid")
    count = declared["examples"]
    if type(count) is not int or not 1 <= count <= params.LARGEST_COUNT:
        raise StageError(
            f"params.yaml: report.examples: {count!r}: expected a number of questions, 1 or more"
        )
    split = params.entry(Literal["validation", "test"], declared["split"], "evaluate.split")
    questions = collect(paths.data(profile), grid, split, count)
    write_json(paths.metrics(profile) / "examples.json", {"questions": questions})


if __name__ == "__main__":
    main()
