"""The metrics files that the report reads: which must be there, and what must be in them.

Per-cell metrics stay in git, so a file of a cell that has left the grid would be summarised for
ever: nothing may be there that the grid does not name. What it names and is not there yet is a
hole, which the report lists.
"""

import itertools
from collections.abc import Mapping, Sequence
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

_VERIFIED = (
    "source questions attempts correct accuracy accuracy_second_grader disagreement_rate questions_kept traces_kept "
    "mean_chars selection"
)
_COMPRESSED = "source traces kept dropped rho_mean rho_median rho_q1 rho_q3 mean_chars"
# what each kind of file must hold, and each of its sets where it has some
_FIELDS = {
    "verify": ("teacher sets", _VERIFIED),
    "compress": ("teacher compressor sets", _COMPRESSED),
    "shorten": ("teacher shortener student budget_of mean_tokens mean_budget", ""),
    "assemble": ("teacher student questions examples dropped", ""),
    "train": ("examples passes prompt_tokens completion_tokens steps flops_6n packed", ""),
    "timing": ("device threads step_seconds peak_memory_gb", ""),
    "cost": ("teacher answers seconds prompt_tokens completion_tokens", ""),
}


@dataclass(frozen=True)
class Inputs:
    """Everything that the report reads. Questions are in the order of the answers; `holes` are
    files yet to come.
    """

    datasets: Sequence[Mapping[str, Any]]
    verify: Sequence[Mapping[str, Any]]
    compress: Sequence[Mapping[str, Any]]
    shorten: Sequence[Mapping[str, Any]]
    assemble: Sequence[Mapping[str, Any]]
    cost: Sequence[Mapping[str, Any]]  # of teachers, and with `compressor` of these
    train: Mapping[Cell, Mapping[str, Any]]
    timing: Mapping[Cell, Mapping[str, Any]]
    questions: Sequence[Question]
    answers: Mapping[Cell, Answers]
    examples: Sequence[
        Mapping[str, Any]
    ]  # questions with all that was written for them, for the page
    holes: Sequence[str]


def names(grid: Grid) -> dict[str, list[str]]:
    """The files that the grid calls for, in order, by folder."""

    def product(*axes: list[str]) -> list[str]:
        return ["-".join(item) for item in itertools.product(*axes)]

    cells = [run.name for run in grid.cells()]
    trained = cells[: len(cells) - len(grid.students)]
    stems = {
        "verify": product(grid.teachers),
        "compress": product(grid.teachers, grid.compressors),
        "shorten": product(grid.teachers, grid.shorteners, grid.students),
        "assemble": product(grid.teachers, grid.students),
        "train": trained,
        "timing": trained,
        "cost": [*grid.generated, *product(grid.teachers, grid.compressors)],
    }
    files = {folder: [f"{stem}.json" for stem in found] for folder, found in stems.items()}
    return files | {"scores": [f"{cell}.csv" for cell in cells]}


def missing(root: Path, wanted: Mapping[str, Sequence[str]]) -> list[Path]:
    """The files that are not there yet. Raises StageError for the first that is there and not of
    the grid.
    """
    found = []
    for folder, expected in wanted.items():
        there = root / folder
        names = (
            {path.name for path in there.iterdir() if path.name[0] != "."}
            if there.is_dir()
            else set()
        )
        if stray := sorted(names.difference(expected)):
            raise StageError(
                f"{there / stray[0]}: not of the grid in params.yaml; delete this stray file"
            )
        found += [there / name for name in expected if name not in names]
    return found


def load(root: Path, grid: Grid) -> Inputs:
    """All metrics of a profile that are there. Raises StageError for a stray or damaged one, and
    without any scores.
    """
    wanted = names(grid)
    holes = missing(root, wanted)
    examples = root / "examples.json"
    holes += [] if examples.exists() else [examples]
    there = {
        folder: [name for name in own if root / folder / name not in holes]
        for folder, own in wanted.items()
    }
    if not there["scores"]:
        raise StageError(f"{root / 'scores'}: no scores of any cell; run `dvc repro`")
    read = {
        folder: {
            name.removesuffix(".json"): _json(root / folder / name, *fields)
            for name in there[folder]
        }
        for folder, fields in _FIELDS.items()
    }
    runs = grid.cells()
    questions, answers = graded.read(
        (run, root / "scores" / f"{run.name}.csv")
        for run in runs
        if f"{run.name}.csv" in there["scores"]
    )
    costed = [
        run
        for run in runs
        if run in answers and run.name in read["train"] and run.name in read["timing"]
    ]
    return Inputs(
        datasets=_json(
            root / "questions.json", "sets", "source group grader kind train validation test"
        )["sets"],
        **{
            name: list(read[name].values())
            for name in ("verify", "compress", "shorten", "assemble", "cost")
        },
        train={run: read["train"][run.name] for run in costed},
        timing={run: read["timing"][run.name] for run in costed},
        questions=questions,
        answers=answers,
        examples=read_json(examples)["questions"] if examples.exists() else [],
        holes=[str(path) for path in holes],
    )


def _json(path: Path, fields: str, set_fields: str) -> Mapping[str, Any]:
    """A metrics file that has `fields`, and `set_fields` in each of its sets."""
    value = read_json(path)
    if isinstance(value, list) and len(value) == 1:  # see files.write_metrics
        value = value[0]
    sets = value.get("sets", []) if isinstance(value, dict) else []
    for part, wanted in ((value, fields), *((one, set_fields) for one in sets)):
        if lacking := [
            name for name in wanted.split() if not isinstance(part, dict) or name not in part
        ]:
            raise StageError(f"{path}: has no {lacking[0]!r}; run its {_stage(path)} stage again")
    return dict(value)


def _stage(path: Path) -> str:
    """The stage that writes a file."""
    known = {"scores": "score", "timing": "train"}
    return (
        path.stem
        if path.name == "questions.json"
        else known.get(path.parent.name, path.parent.name)
    )
