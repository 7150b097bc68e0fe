"""The metrics files that the report reads: which must be there, and what must be in them.

Per-cell metrics stay in git, so a file of a cell that has left the grid would be summarised for ever: what
is found must be exactly what the grid names.
"""

import csv
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.errors import StageError
from stages.core.files import read_json
from stages.core.records import GROUPS, SCORE_COLUMNS
from stages.core.runs import Grid, Run
from stages.core.stats import Answers

OUTCOMES = ("answered", "no_answer", "hit_cap")
_VERIFIED = (
    "source questions attempts correct accuracy accuracy_second_grader disagreement_rate questions_kept traces_kept "
    "mean_chars selection"
)
_COMPRESSED = "source traces kept dropped rho_mean rho_median rho_q1 rho_q3 mean_chars"
# what each kind of file must hold, and each of its sets where it has some
_FIELDS = {
    "verify": ("teacher sets", _VERIFIED),
    "compress": ("teacher compressor sets", _COMPRESSED),
    "truncate": ("teacher compressor student mean_tokens mean_budget", ""),
    "assemble": ("teacher student questions examples dropped", ""),
    "train": ("examples passes prompt_tokens completion_tokens steps flops_6n packed", ""),
    "timing": ("device threads step_seconds peak_memory_gb", ""),
}


@dataclass(frozen=True)
class Inputs:
    """Everything that the report reads. Questions are (id, group, source), in the order of the answers."""

    datasets: Sequence[Mapping[str, Any]]
    verify: Sequence[Mapping[str, Any]]
    compress: Sequence[Mapping[str, Any]]
    truncate: Sequence[Mapping[str, Any]]
    assemble: Sequence[Mapping[str, Any]]
    train: Mapping[Run, Mapping[str, Any]]
    timing: Mapping[Run, Mapping[str, Any]]
    questions: Sequence[tuple[str, str, str]]
    answers: Mapping[Run, Answers]


def names(grid: Grid) -> dict[str, list[str]]:
    """The files that the grid calls for, in order, by folder."""

    def product(*axes: list[str]) -> list[str]:
        return ["-".join(item) for item in itertools.product(*axes)]

    cells = [run.name for run in grid.runs()]
    trained = cells[: len(cells) - len(grid.students)]
    stems = {
        "verify": product(grid.teachers),
        "compress": product(grid.teachers, grid.compressors),
        "truncate": product(grid.teachers, grid.truncate_to, grid.students),
        "assemble": product(grid.teachers, grid.students),
        "train": trained,
        "timing": trained,
    }
    files = {folder: [f"{stem}.json" for stem in found] for folder, found in stems.items()}
    return files | {"scores": [f"{cell}.csv" for cell in cells]}


def check(root: Path, wanted: Mapping[str, Sequence[str]]) -> None:
    """Raises StageError for the first file that is missing, or is there and not of the grid."""
    for folder, expected in wanted.items():
        there = root / folder
        found = {path.name for path in there.iterdir() if path.name[0] != "."} if there.is_dir() else set()
        if missing := [name for name in expected if name not in found]:
            stage = _stage(there / missing[0])
            more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise StageError(f"{there / missing[0]}: no such file{more}; run its {stage} stage with `dvc repro`")
        if stray := sorted(found.difference(expected)):
            raise StageError(f"{there / stray[0]}: not of the grid in params.yaml; delete this stray file")


def load(root: Path, grid: Grid) -> Inputs:
    """All metrics of a profile. Raises StageError for a missing, stray or damaged one."""
    wanted = names(grid)
    check(root, wanted)
    read = {
        folder: [_json(root / folder / name, *fields) for name in wanted[folder]] for folder, fields in _FIELDS.items()
    }
    runs = grid.runs()
    questions, answers = _scores([(run, root / "scores" / f"{run.name}.csv") for run in runs])
    return Inputs(
        datasets=_json(root / "questions.json", "sets", "source group grader kind train validation test")["sets"],
        verify=read["verify"],
        compress=read["compress"],
        truncate=read["truncate"],
        assemble=read["assemble"],
        train=dict(zip(runs, read["train"], strict=False)),  # the untrained students have none
        timing=dict(zip(runs, read["timing"], strict=False)),
        questions=questions,
        answers=answers,
    )


def _json(path: Path, fields: str, set_fields: str) -> Mapping[str, Any]:
    """A metrics file that has `fields`, and `set_fields` in each of its sets."""
    value = read_json(path)
    sets = value.get("sets", []) if isinstance(value, dict) else []
    for part, wanted in ((value, fields), *((one, set_fields) for one in sets)):
        if lacking := [name for name in wanted.split() if not isinstance(part, dict) or name not in part]:
            raise StageError(f"{path}: has no {lacking[0]!r}; run its {_stage(path)} stage again")
    return dict(value)


def _stage(path: Path) -> str:
    """The stage that writes a file."""
    known = {"scores": "score", "timing": "train"}
    return path.stem if path.name == "questions.json" else known.get(path.parent.name, path.parent.name)


def _scores(files: Iterable[tuple[Run, Path]]) -> tuple[list[tuple[str, str, str]], dict[Run, Answers]]:
    """The questions that all runs answered, and each run's answers."""
    questions: list[tuple[str, str, str]] = []
    answers: dict[Run, Answers] = {}
    for run, path in files:
        with path.open(encoding="utf-8", newline="") as lines:
            asked, answers[run] = parse_scores(str(path), lines)
        if questions and asked != questions:
            odd = min(set(asked) ^ set(questions))
            raise StageError(f"{path}: other questions than the runs before it, {odd[0]!r} first; score it again")
        questions = asked
    return questions, answers


def parse_scores(name: str, lines: Iterable[str]) -> tuple[list[tuple[str, str, str]], Answers]:
    """The (id, group, source) and the answers in a scores CSV, sorted by question. Raises StageError."""
    rows = csv.reader(lines)
    if next(rows, None) != list(SCORE_COLUMNS):
        raise StageError(f"{name}: its header is not {','.join(SCORE_COLUMNS)}; score it again")
    greedy: dict[tuple[str, str, str], tuple[int, int, str]] = {}
    sampled: dict[tuple[str, str, str], dict[int, int]] = {}
    for number, row in enumerate(rows, 2):
        try:
            question, sample, graded = _score(row)
            taken = question in greedy if sample == 0 else sample in sampled.get(question, {})
        except ValueError as error:
            raise StageError(f"{name}: line {number}: {error}; score it again") from error
        if taken:
            raise StageError(f"{name}: line {number}: sample {sample} of {question[0]!r} again; score it again")
        if sample == 0:
            greedy[question] = graded
        else:
            sampled.setdefault(question, {})[sample] = graded[0]
    if not greedy or (lone := sorted(sampled.keys() - greedy.keys())):
        what = f"{lone[0][0]!r} has samples but no greedy answer" if greedy else "no greedy answers"
        raise StageError(f"{name}: {what}; run its evaluate and score stages again")
    return sorted(greedy), _answers(greedy, sampled)


def _score(row: Sequence[str]) -> tuple[tuple[str, str, str], int, tuple[int, int, str]]:
    """((id, group, source), sample, (correct, tokens, outcome)) of one line. Raises ValueError."""
    if len(row) != len(SCORE_COLUMNS):
        raise ValueError(f"{len(row)} fields instead of {len(SCORE_COLUMNS)}")
    question, sample, source, group, outcome, correct, _, think, answer = row
    for value, known in ((group, GROUPS), (outcome, OUTCOMES), (correct, ("0", "1"))):
        if value not in known:
            raise ValueError(f"{value!r} is none of {', '.join(known)}")
    return (question, group, source), int(sample), (int(correct), int(think) + int(answer), outcome)


def _answers(
    greedy: Mapping[tuple[str, str, str], tuple[int, int, str]],
    sampled: Mapping[tuple[str, str, str], Mapping[int, int]],
) -> Answers:
    """The arrays, a row for each question in order; one seed."""
    asked = sorted(greedy)
    samples = [list(sampled.get(question, {}).values()) for question in asked]
    return Answers(
        correct=np.array([[greedy[question][0]] for question in asked], dtype=np.float64),
        tokens=np.array([[greedy[question][1]] for question in asked], dtype=np.float64),
        outcome=np.array([[greedy[question][2]] for question in asked]),
        sampled=np.array([sum(right) / len(right) if right else 0.0 for right in samples]),
        has_samples=np.array([float(bool(right)) for right in samples]),
    )
