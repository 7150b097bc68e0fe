"""Points of accuracy against tokens, and where they stand when their intervals would coincide."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from matplotlib.axes import Axes

from stages.core.report.figures.charts.percent import Percent, percent
from stages.core.statistics.measures import Estimate, Lengths

# In points: markers nearer than the first are drawn as far apart as the second
_NEAR, _SPACING = 5, 6.5


class Placed(Protocol):
    """A dataclass of something that is drawn `shift` typographic points to the right of its x."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def x(self) -> float:
        """The number of tokens."""

    @property
    def y(self) -> Percent:
        """The accuracy in per cent, with its interval."""

    @property
    def shift(self) -> float:
        """In typographic points."""


AnyPlaced = TypeVar("AnyPlaced", bound=Placed)


@dataclass(frozen=True)
class Point:
    """What an arm's student did.

    `lengths` are those of the tokens that x counts. `marker` is the method's, None for the arm's
    own. The point is drawn `shift` typographic points to the right of its x.
    """

    arm: str
    accuracy: Estimate
    lengths: Lengths
    marker: str | None
    shift: float = 0.0

    @property
    def x(self) -> float:
        """The median number of tokens."""
        return self.lengths.median

    @property
    def y(self) -> Percent:
        """The accuracy in per cent, with its interval."""
        return percent(self.accuracy)


def points_by_arm(points: Sequence[Point]) -> dict[str, list[Point]]:
    """The points of each arm, arms in the order of their first points."""
    grouped: dict[str, list[Point]] = {}
    for point in points:
        grouped.setdefault(point.arm, []).append(point)
    return grouped


def marker_pixel(axes: Axes, point: Placed, pixels_per_point: float) -> tuple[float, float]:
    """Where the point's marker stands in the figure, in pixels. The axes must be final."""
    x, y = axes.transData.transform((point.x, point.y.value))
    return float(x) + point.shift * pixels_per_point, float(y)


def moved_apart(
    axes: Axes, points: Sequence[AnyPlaced], pixels_per_point: float, widest: float = math.inf
) -> list[AnyPlaced]:
    """The points, those moved apart sideways whose intervals would be drawn onto each other.

    Those that coincide take `widest` typographic points together at most.
    """
    x_positions = []
    for point in points:
        x_pixel, _ = axes.transData.transform((point.x, point.y.value))
        x_positions.append(x_pixel / pixels_per_point)
    moved = list(points)
    for group in _crowded_groups(points, x_positions):
        # The group stays where it is, its markers side by side
        middle = sum(x_positions[index] for index in group) / len(group)
        spacing = min(_SPACING, widest / (len(group) - 1))
        for rank, index in enumerate(group):
            slot = rank - (len(group) - 1) / 2
            shift = middle + spacing * slot - x_positions[index]
            moved[index] = dataclasses.replace(points[index], shift=shift)
    return moved


def _crowded_groups(points: Sequence[Placed], x_positions: Sequence[float]) -> list[list[int]]:
    """The indices of points that coincide, from left to right in each group of two or more."""
    groups: list[list[int]] = []
    # From left to right, so that only the last point of a group can be the nearest
    from_left = sorted(range(len(points)), key=lambda index: x_positions[index])
    for index in from_left:
        for group in groups:
            distance = x_positions[index] - x_positions[group[-1]]
            if distance < _NEAR and _overlaps_group(points, group, index):
                group.append(index)
                break
        else:  # no group is near enough
            groups.append([index])
    return [group for group in groups if len(group) > 1]


def _overlaps_group(points: Sequence[Placed], group: Sequence[int], index: int) -> bool:
    """Whether a point's interval meets one of the group's."""
    interval = points[index].y
    for other_index in group:
        other = points[other_index].y
        if other.low <= interval.high and interval.low <= other.high:
            return True
    return False
