"""The rows of ../shared/faults about graders, by kind of fault.

They are the ways in which models really close an answer, and attacks.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from stages.core import grading
from tests.made import SHARED, question

FAULTS = SHARED.parent / "faults"
KINDS = ("numeric", "math", "choice", "boolean", "exact")


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file that a grader is for."""
    return [row for row in map(json.loads, path.read_text().splitlines()) if row["kind"] in KINDS]


def graded(path: Path) -> list[tuple[dict[str, Any], str]]:
    """Each row with the grader's outcome."""
    file_rows = rows(path)
    questions = [
        question(
            question=row["question"],
            choices=tuple(row["choices"]),
            gold=row["gold"],
            grader=row["kind"],
        )
        for row in file_rows
    ]
    verdicts = grading.grade_many(
        (row["answer"], row["gold"], row["kind"], asked)
        for row, asked in zip(file_rows, questions, strict=True)
    )
    return [(row, verdict.outcome) for row, verdict in zip(file_rows, verdicts, strict=True)]


@pytest.mark.parametrize("name", ["a[1-6]_*", "b[1-9]_*", "adv_*"])
def test_every_row_is_as_expected(name: str) -> None:
    if not FAULTS.is_dir():
        pytest.skip(f"{FAULTS} is absent")
    paths = sorted(FAULTS.glob(f"{name}.jsonl"))
    assert paths
    unexpected = [
        (path.stem, row["answer"], row["gold"], outcome)
        for path in paths
        for row, outcome in graded(path)
        if (outcome == "correct") != (row["expected"] == "correct")
    ]
    assert unexpected == []
