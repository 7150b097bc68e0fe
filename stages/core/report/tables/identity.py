"""The columns that tell the rows of a table of students apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from stages.core.cells import Cell, label
from stages.core.report.tables.table import Column
from stages.core.statistics.measures import Measure


class HasArm(Protocol):
    """A record about a cell, or about an arm that has several seeds."""

    @property
    def cell(self) -> Cell:
        """What was trained on what. Its seed is empty where there are several."""

    @property
    def seeds(self) -> Sequence[str]:
        """The seeds of an arm that has several; they are not read where the cell has its seed."""


@dataclass(frozen=True)
class ArmMeasure:
    """What an arm did on a group of questions, or on one set of the group."""

    cell: Cell
    seeds: Sequence[str]
    group: str
    measure: Measure


def target_label(record: HasArm) -> str:
    """The target's name for readers."""
    return label(record.cell.target) or "-"


WITHOUT_TARGET: list[Column[HasArm]] = [
    Column("teacher", lambda record: record.cell.teacher or "-"),
    Column("student", lambda record: record.cell.student or "-"),
    Column("method", lambda record: record.cell.method or "-"),
    Column("seed", lambda record: record.cell.seed or " ".join(record.seeds) or "-"),
]
IDENTITY: list[Column[HasArm]] = [*WITHOUT_TARGET, Column("target", target_label)]
