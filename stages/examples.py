"""examples: some questions of every set with all that was written for them, for the report's page.

Of training questions the raw trace and what every target made of it, of evaluated ones the
students' greedy answers; of those training questions that the example_questions stage chose both.

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
from stages.core.records import GROUPS, Prediction, Question, Score, Trace, Variant

PARAMS = {"grid": "grid", "examples": "report.examples", "split": "evaluate.split"}
LONGEST = 6000  # characters of one text at most; what is longer is cut, and says so
SHORTEST = 1000  # of a text that is cut: rather fewer questions than less of each text
LARGEST = 10_000_000  # characters of all texts together, which stand in git and in one page

Row = TypeVar("Row", Trace, Variant, Prediction, Score)


def chosen(
    questions: Iterable[Question],
    there: Mapping[str, set[str]],
    count: int,
    best: Collection[str] = (),
) -> list[Question]:
    """`count` questions of each set and split, evenly spaced by question_id among those that have
    something to show.

    `there` are the ids that have something, by split, training questions first; `best` are taken
    before any others.
    """
    sets: dict[tuple[int, str, bool, str], list[Question]] = collections.defaultdict(list)
    for row in questions:
        if row.question_id in there.get(row.split, ()):
            sets[GROUPS.index(row.group), row.source, row.split != "train", row.split].append(row)
    found = []
    for _, own in sorted(sets.items()):
        taken = [row for row in own if row.question_id in best][:count]
        others = [row for row in own if row.question_id not in best]
        room = min(count - len(taken), len(others))
        found += taken + [others[place * len(others) // room] for place in range(room)]
    return found


def first(rows: Iterable[Row], wanted: set[str]) -> dict[str, Row]:
    """The first row of each wanted question: its first kept trace, its greedy answer."""
    found: dict[str, Row] = {}
    for row in rows:
        if row.question_id in wanted:
            found.setdefault(row.question_id, row)
    return found


def bounds(grid: Grid, train: int, asked: int, count: int) -> tuple[int, int]:
    """How many questions of each set and split, and how many characters of a text, stay below
    LARGEST together.

    `train` and `asked` are the numbers of sets with training and with evaluated questions, `count`
    the questions that are wanted of each. A question has the texts of all its traces and versions,
    and of all cells' answers: every evaluated one, and those training questions that are shown.
    """
    traces = len(grid.teachers) * (
        2 + len(grid.compressors) + len(grid.shorteners) * len(grid.students)
    )
    said = 2 * len(grid.cells())
    each = max(1, train * (1 + traces + said) + asked * (1 + said))
    count = max(1, min(count, LARGEST // (SHORTEST * each)))
    return count, min(LONGEST, LARGEST // (count * each))


def shown(text: str, longest: int) -> str:
    """The text, or its beginning with a word on the rest."""
    return (
        text
        if len(text) <= longest
        else f"{text[:longest]} ... {len(text) - longest} characters more"
    )


def variant(name: str, student: str | None, one: Variant, longest: int) -> dict[str, Any]:
    """What the page says of one target's version of a trace."""
    return {
        "target": name,
        "student": student,
        "reasoning": shown(one.reasoning, longest),
        "rho": round(one.rho, 3),
        "kept": one.kept,
        "drop_reason": one.drop_reason,
        "flags": list(one.flags),
    }


def answer(cell: Cell, said: Prediction, score: Score, longest: int) -> dict[str, Any]:
    """What the page says of one student's greedy answer."""
    return {
        "cell": cell.name,
        "target": cell.target,
        "reasoning": shown(said.reasoning, longest),
        "answer": shown(said.answer, longest),
        "outcome": "correct"
        if score.correct
        else "wrong"
        if score.outcome == "answered"
        else score.outcome,
        "tokens": score.think_tokens + score.answer_tokens,
    }


def variants(data: DataPaths, grid: Grid, teacher: str) -> Iterator[tuple[str, str | None, Path]]:
    """(target, student, file) of every version of a teacher's traces that the grid trains on."""
    for name in grid.compressors:
        yield name, None, data.compressed(teacher, name)
    for name in grid.shorteners:
        for student in grid.students:
            yield name, student, data.shortened(teacher, student, name)


def traces(
    data: DataPaths, grid: Grid, wanted: set[str], longest: int
) -> dict[str, list[dict[str, Any]]]:
    """By question each teacher's trace and its versions."""
    found: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
    for teacher in grid.teachers:
        raw = first(records.read(data.traces(teacher), Trace), wanted)
        own: dict[str, list[dict[str, Any]]] = {question: [] for question in raw}
        for name, student, path in variants(data, grid, teacher):
            for question, one in first(records.read(path, Variant), set(raw)).items():
                own[question].append(variant(name, student, one, longest))
        for question, row in raw.items():
            about = {
                "teacher": teacher,
                "reasoning": shown(row.reasoning, longest),
                "answer": shown(row.answer, longest),
            }
            found[question].append(about | {"versions": own[question]})
    return found


def answers(
    data: DataPaths, cells: Iterable[Cell], wanted: set[str], longest: int
) -> dict[str, list[dict[str, Any]]]:
    """By question every cell's greedy answer, those to the training questions of the page too."""
    found: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
    for cell in cells:
        evaluated = data.predictions(cell), data.scores(cell)
        examples = data.example_predictions(cell), data.example_scores(cell)
        for predictions, scores in (evaluated, examples):
            said = first(records.read(predictions, Prediction), wanted)
            graded = first(records.read(scores, Score), wanted)
            for question, row in said.items():
                found[question].append(answer(cell, row, graded[question], longest))
    return found


def example_ids(data: DataPaths, grid: Grid) -> set[str]:
    """The training questions that students answered for the page."""
    files = [data.example_questions(student) for student in grid.students]
    return {row.question_id for path in files for row in records.read(path, Question)}


def collect(data: DataPaths, grid: Grid, split: str, count: int) -> list[dict[str, Any]]:
    """Everything about the chosen questions, in order of group, set and split."""
    cells = grid.cells()
    of_first = records.read(data.scores(cells[0]), Score)  # all cells have the same questions
    asked = {row.question_id for row in of_first}
    kept = {
        row.question_id for name in grid.teachers for row in records.read(data.traces(name), Trace)
    }
    there = collections.defaultdict(set, {"train": set(kept)})
    there[split] |= asked
    questions = list(records.read(data.questions, Question))
    sets = {
        (row.split == "train", row.source)
        for row in questions
        if row.question_id in there[row.split]
    }
    trained = sum(train for train, _ in sets)
    count, longest = bounds(grid, trained, len(sets) - trained, count)
    taken = chosen(questions, there, count, example_ids(data, grid))
    wanted = {row.question_id for row in taken}
    written = traces(data, grid, wanted, longest)
    said = answers(data, command.progress(cells, "examples", unit="cell"), wanted, longest)
    return [
        {
            "question_id": row.question_id,
            "source": row.source,
            "group": row.group,
            "split": row.split,
            "question": shown(row.question, longest),
            "gold": row.gold,
            "traces": written.get(row.question_id, []),
            "answers": said.get(row.question_id, []),
        }
        for row in taken
    ]


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
    found = collect(paths.data(profile), grid, split, count)
    write_json(paths.metrics(profile) / "examples.json", {"questions": found})


if __name__ == "__main__":
    main()
