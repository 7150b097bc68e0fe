"""The names of arms beside their points, placed where they cover the fewest other things."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from stages.core.cells import label
from stages.core.report.figures.charts.point_positions import Point, marker_pixel, points_by_arm
from stages.core.report.figures.styles import ArmStyle

_NAME_SIZE = 8  # in points
# Where a name may stand beside a marker: (to the right, up)
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
# Points between a marker and its name: where many coincide, names stack up
_DISTANCES = (5, 14, 23, 32)
# What keeps the name at its side of the marker
_HORIZONTAL_ALIGNMENT = {1: "left", 0: "center", -1: "right"}
_VERTICAL_ALIGNMENT = {1: "bottom", 0: "center", -1: "top"}
# In pixels, from the middle of a point
_MARKER_RADIUS = 7
_INTERVAL_RADIUS = 3
# A name that leaves the axes is worse than one that covers something
_OUTSIDE_WEIGHT = 4


class Placement(NamedTuple):
    """A place for an arm's name: `distance` points from a point of the arm, on one of the sides.

    `box` are the pixels that the name takes there.
    """

    point: Point
    side: tuple[int, int]
    distance: int
    box: Bbox


def name_arms(
    axes: Axes, points: Sequence[Point], styles: Mapping[str, ArmStyle], pixels_per_point: float
) -> None:
    """Writes each arm's name beside one of its points, where it covers least."""
    frame = axes.get_window_extent()
    # No name may cover a marker or an interval of any arm, nor a name that already has its place
    arms = points_by_arm(points)
    taken_boxes = []
    for arm_points in arms.values():
        for point in arm_points:
            taken_boxes += _covered_boxes(axes, point, pixels_per_point)
    for arm, arm_points in arms.items():
        text = _unplaced_name(axes, arm_points[0], styles[arm].colour)
        name_box = text.get_window_extent()
        costs_and_placements = []
        for placement in _placements(axes, arm_points, name_box, pixels_per_point):
            cost = _cost(placement, taken_boxes, frame)
            costs_and_placements.append((cost, placement))
        # Of equal costs the first one wins
        _, best = min(costs_and_placements, key=lambda pair: pair[0])
        taken_boxes.append(best.box)
        _move_name(text, best)


def _unplaced_name(axes: Axes, point: Point, colour: str) -> Annotation:
    """The name of a point's arm, for now at the point.

    It must be within the axes, for elsewhere a text has no extent.
    """
    text = axes.annotate(
        label(point.arm),
        (point.x, point.y.value),
        (0, 0),
        textcoords="offset points",
        color=colour,
        size=_NAME_SIZE,
    )
    # the layout is final, and a name must not change it
    text.set_in_layout(False)
    return text


def _placements(
    axes: Axes, arm_points: Sequence[Point], name_box: Bbox, pixels_per_point: float
) -> Iterator[Placement]:
    """All places that an arm's name may stand at, the nearest first."""
    for distance, point, side in itertools.product(_DISTANCES, arm_points, _SIDES):
        pixel = marker_pixel(axes, point, pixels_per_point)
        box = _box_beside(pixel, side, distance * pixels_per_point, name_box)
        yield Placement(point, side, distance, box)


def _box_beside(
    pixel: tuple[float, float], side: tuple[int, int], distance: float, name_box: Bbox
) -> Bbox:
    """The pixels of a name as large as `name_box`, `distance` pixels from a marker on a side."""
    x, y = pixel
    right, up = side
    left = x + distance * right + (right - 1) * name_box.width / 2
    bottom = y + distance * up + (up - 1) * name_box.height / 2
    return Bbox.from_bounds(left, bottom, name_box.width, name_box.height)


def _cost(placement: Placement, taken_boxes: Sequence[Bbox], frame: Bbox) -> float:
    """How bad a place is: the pixels that it covers and those outside the frame, and its distance.

    `frame` are the pixels of the axes.
    """
    box = placement.box
    outside = _common_area(box, box) - _common_area(box, frame)
    covered = sum(_common_area(box, taken_box) for taken_box in taken_boxes)
    return _OUTSIDE_WEIGHT * outside + covered + placement.distance


def _move_name(text: Annotation, placement: Placement) -> None:
    """Moves an arm's name to its place."""
    right, up = placement.side
    point, distance = placement.point, placement.distance
    # In data for the point, in typographic points for the way from there
    text.xy = (point.x, point.y.value)
    text.set_position((distance * right + point.shift, distance * up))
    text.set(ha=_HORIZONTAL_ALIGNMENT[right], va=_VERTICAL_ALIGNMENT[up])


def _covered_boxes(axes: Axes, point: Point, pixels_per_point: float) -> list[Bbox]:
    """The pixels of a point's marker and of its interval."""
    x, y = marker_pixel(axes, point, pixels_per_point)
    _, low = axes.transData.transform((1, point.y.low))
    _, high = axes.transData.transform((1, point.y.high))
    marker_box = Bbox.from_extents(
        x - _MARKER_RADIUS, y - _MARKER_RADIUS, x + _MARKER_RADIUS, y + _MARKER_RADIUS
    )
    interval_box = Bbox.from_extents(x - _INTERVAL_RADIUS, low, x + _INTERVAL_RADIUS, high)
    return [marker_box, interval_box]


def _common_area(box: Bbox, other: Bbox) -> float:
    """The pixels that two boxes share."""
    common = Bbox.intersection(box, other)
    return float(common.width * common.height) if common else 0.0
