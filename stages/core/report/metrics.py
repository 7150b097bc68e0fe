"""The metrics files that the report reads: which must be there, and what must be in them.

Per-cell metrics stay in git, so a file of a cell that has left the grid would be summarised for
ever. So nothing may be there that the grid does not name. What it names and is not there yet is a
hole, which the report lists.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core.cells import Cell
from stages.core.grid import Grid
from stages.core.program.errors import StageError
from stages.core.program.files import read_json
from stages.core.report import graded
from stages.core.report.graded import Question
from stages.core.statistics.answers import Answers

Metrics = Mapping[str, Any]


@dataclass(frozen=True)
class Fields:
    """The names of the fields that a file must hold, and each of its sets where it has some.

    Names have spaces between them.
    """

    of_file: str
    of_set: str = ""


# What the files of each folder must hold
FIELDS = {
    "verify": Fields(
        "teacher sets",
        "source questions attempts correct accuracy accuracy_second_grader disagreement_rate "
        "questions_kept traces_kept mean_chars selection",
    ),
    "compress": Fields(
        "teacher compressor sets",
        "source traces kept dropped rho_mean rho_median rho_q1 rho_q3 mean_chars",
    ),
    "shorten": Fields("teacher shortener student budget_of mean_tokens mean_budget"),
    "assemble": Fields("teacher student questions examples dropped"),
    "train": Fields("examples passes prompt_tokens completion_tokens steps flops_6n packed"),
    "timing": Fields("device threads step_seconds peak_memory_gb"),
    "cost": Fields("teacher answers seconds prompt_tokens completion_tokens"),
}
# What questions.json must hold
QUESTION_FIELDS = Fields("sets", "source group grader kind train validation test")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Everything that the report reads."""

    datasets: Sequence[Metrics]
    verify: Sequence[Metrics]
    compress: Sequence[Metrics]
    shorten: Sequence[Metrics]
    assemble: Sequence[Metrics]
    cost: Sequence[Metrics]  # of teachers, and with `compressor` of compressors
    train: Mapping[Cell, Metrics]
    timing: Mapping[Cell, Metrics]
    questions: Sequence[Question]  # in the order of the answers
    answers: Mapping[Cell, Answers]
    # Questions with all that was written for them, for the page
    examples: Sequence[Metrics]
    holes: Sequence[str]  # files yet to come


def expected_files(grid: Grid) -> dict[str, list[str]]:
    """The names of the files that the grid calls for, in order, by folder."""

    def product(*axes: list[str]) -> list[str]:
        return ["-".join(slugs) for slugs in itertools.product(*axes)]

    cells = grid.cells()
    trained = [cell.name for cell in cells if cell.trained]
    stems = {
        "verify": product(grid.teachers),
        "compress": product(grid.teachers, grid.compressors),
        "shorten": product(grid.teachers, grid.shorteners, grid.students),
        "assemble": product(grid.teachers, grid.students),
        "train": trained,
        "timing": trained,
        "cost": [*grid.generated, *product(grid.teachers, grid.compressors)],
    }
    names = {}
    for folder, folder_stems in stems.items():
        names[folder] = [f"{stem}.json" for stem in folder_stems]
    names["scores"] = [f"{cell.name}.csv" for cell in cells]
    return names


def missing_files(root: Path, expected: Mapping[str, Sequence[str]]) -> list[Path]:
    """The expected files that are not there yet.

    Raises StageError for the first file that is there and not of the grid.
    """
    missing = []
    for folder_name, expected_names in expected.items():
        folder = root / folder_name
        paths = list(folder.iterdir()) if folder.is_dir() else []
        names = {path.name for path in paths if path.name[0] != "."}
        stray = sorted(names.difference(expected_names))
        if stray:
            raise StageError(
                f"{folder / stray[0]}: not of the grid in params.yaml; delete this stray file"
            )
        missing += [folder / name for name in expected_names if name not in names]
    return missing


def load(root: Path, grid: Grid) -> Inputs:
    """All metrics of a profile that are there.

    Raises StageError for a stray or damaged one, and without any scores.
    """
    expected = expected_files(grid)
    holes = missing_files(root, expected)
    examples_path = root / "examples.json"
    if not examples_path.exists():
        holes.append(examples_path)
    scored = [cell for cell in grid.cells() if _scores_path(root, cell) not in holes]
    if not scored:
        raise StageError(f"{root / 'scores'}: no scores of any cell; run `dvc repro`")

    metrics = {}
    for folder, fields in FIELDS.items():
        paths = [root / folder / name for name in expected[folder]]
        metrics[folder] = _read_files([path for path in paths if path not in holes], fields)
    questions, answers = graded.read((cell, _scores_path(root, cell)) for cell in scored)
    # A training cost is made from both files; a missing one is a hole already
    train, timing = metrics["train"], metrics["timing"]
    costed = [cell for cell in scored if cell.name in train and cell.name in timing]
    return Inputs(
        datasets=_read_file(root / "questions.json", QUESTION_FIELDS)["sets"],
        verify=list(metrics["verify"].values()),
        compress=list(metrics["compress"].values()),
        shorten=list(metrics["shorten"].values()),
        assemble=list(metrics["assemble"].values()),
        cost=list(metrics["cost"].values()),
        train={cell: train[cell.name] for cell in costed},
        timing={cell: timing[cell.name] for cell in costed},
        questions=questions,
        answers=answers,
        examples=read_json(examples_path)["questions"] if examples_path.exists() else [],
        holes=[str(path) for path in holes],
    )


def _scores_path(root: Path, cell: Cell) -> Path:
    return root / "scores" / f"{cell.name}.csv"


def _read_files(paths: Iterable[Path], fields: Fields) -> dict[str, Metrics]:
    """The metrics of files by their stems. Raises StageError for a damaged one."""
    return {path.stem: _read_file(path, fields) for path in paths}


def _read_file(path: Path, fields: Fields) -> Metrics:
    """A metrics file, whose fields are checked. Raises StageError for a missing field."""
    metrics = read_json(path)
    if isinstance(metrics, list) and len(metrics) == 1:  # see files.write_metrics
        metrics = metrics[0]
    _check_fields(metrics, fields.of_file, path)
    for question_set in metrics.get("sets", []):
        _check_fields(question_set, fields.of_set, path)
    return dict(metrics)


def _check_fields(part: Any, names: str, path: Path) -> None:
    """Raises StageError for the first field that a part of a metrics file does not have."""
    for name in names.split():
        if not isinstance(part, dict) or name not in part:
            raise StageError(f"{path}: has no {name!r}; run its {_stage(path)} stage again")


def _stage(path: Path) -> str:
    """The stage that writes a file."""
    if path.name == "questions.json":
        return path.stem
    folder = path.parent.name
    return {"scores": "score", "timing": "train"}.get(folder, folder)
