"""What a chart of rows holds: marks in the slots of rows, and panels of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from stages.core.statistics.measures import Estimate

Scale = Literal["percent", "share", "ratio", "difference"]

# The height in rows that all slots of a row take together
_SLOTS_HEIGHT = 0.75


@dataclass(frozen=True)
class Mark:
    """One estimate of an arm, and where it stands.

    `slot` is a line of the row, `teacher_index` the number of the teacher, which gives the fill.
    """

    row: str
    slot: str
    arm: str
    estimate: Estimate
    teacher_index: int = 0

    @classmethod
    def in_arm_slot(cls, row: str, arm: str, estimate: Estimate) -> "Mark":
        """A mark in a row that has a slot for each arm."""
        return cls(row, arm, arm, estimate)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One axes of a figure.

    `scale` says what x is. A "percent" or a "share" begins at 0. A "ratio" is logarithmic where
    those of the figure span a decade. A "difference" may be negative. `reference` is a value to
    compare with, drawn as a line. `paper_range` is the paper's, hatched. `paper_maximum` is a line, for
    what the paper says "up to" of.
    """

    title: str
    x_label: str
    marks: Sequence[Mark]
    reference: float | None = None
    scale: Scale = "percent"
    paper_range: tuple[float, float] | None = None
    paper_maximum: float | None = None


@dataclass(frozen=True)
class RowLayout:
    """The rows of all panels of a figure from the top, and the slots that each row has."""

    rows: Sequence[str]
    slots: Sequence[str]

    @property
    def height(self) -> float:
        """The height of a panel in inches."""
        # 0.75 for the title and the labels of x; a row needs 0.3 for its name
        return 0.75 + len(self.rows) * max(0.3, 0.06 + 0.13 * len(self.slots))

    def y(self, mark: Mark) -> float:
        """Where a mark stands, in rows from the middle of the top row.

        A mark whose slot the rows do not have stands in the middle of its row.
        """
        # Slots are numbered from the top of the row
        middle = (len(self.slots) - 1) / 2
        slot_index = self.slots.index(mark.slot) if mark.slot in self.slots else middle
        offset = (slot_index - middle) * _SLOTS_HEIGHT / len(self.slots)
        return self.rows.index(mark.row) + offset


def distinct(values: Iterable[str]) -> list[str]:
    """The values that are not empty, once each, in order."""
    return [value for value in dict.fromkeys(values) if value]
