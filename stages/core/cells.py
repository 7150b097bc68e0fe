"""Names of grid cells: the one place that knows how a cell's files are called."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from stages.core.errors import StageError

AXES = ("teacher", "target", "student", "method", "seed")
UNTRAINED = "untrained"


@dataclass(frozen=True)
class Cell:
    """One trained student: a point of the grid."""

    teacher: str
    target: str
    student: str
    method: str
    seed: str

    @property
    def name(self) -> str:
        """`<teacher>-<target>-<student>-<method>-<seed>`; unambiguous, because names hold no hyphen."""
        return "-".join(getattr(self, axis) for axis in AXES)


def cell_name(student: str, **arm: str) -> str:
    """The name of a trained cell, or of the untrained student where no arm is given.

    Raises StageError where only part of the arm is given.
    """
    given = {axis: value for axis, value in arm.items() if value}
    if not given:
        return f"{UNTRAINED}-{student}"
    missing = set(AXES) - {"student"} - given.keys()
    if missing:
        raise StageError(f"cell of {student}: {', '.join(sorted(missing))} missing; give all of the arm or none")
    return Cell(student=student, **given).name


def grid_cells(grid: Mapping[str, Sequence[str]]) -> Iterable[Cell]:
    """Every trained cell of the grid, in the grid's order: teacher slowest, seed fastest."""
    for values in product(*(grid[f"{axis}s"] for axis in AXES)):
        yield Cell(*values)
