"""Charts of points: accuracy against tokens, each arm's name beside one of its points."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stages.core.report.figures.charts import paper_marks
from stages.core.report.figures.charts.axes import (
    add_legend,
    axes_grid,
    empty_figure,
    log_x_with_zero,
)
from stages.core.report.figures.charts.point_names import name_arms
from stages.core.report.figures.charts.point_positions import (
    Point,
    marker_pixel,
    moved_apart,
    points_by_arm,
)
from stages.core.report.figures.styles import ArmStyle, marker_size


@dataclass(frozen=True)
class PointAxes:
    """The labels of x and y, and the paper's range of x by the panel's title, where it is shown."""

    x_label: str
    y_label: str
    paper_ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def points_figure(
    panels: Mapping[str, Sequence[Point]],
    styles: Mapping[str, ArmStyle],
    legend: Sequence[Line2D],
    point_axes: PointAxes,
) -> Figure:
    """Accuracy against tokens, a panel for each title. Points of an arm are joined."""
    if not panels:
        return empty_figure()
    # A single panel may be larger, in inches
    panel_size = (3.7, 3.0) if len(panels) > 1 else (5.6, 3.8)
    figure, all_axes = axes_grid(len(panels), 4, panel_size, share_x=True)
    for axes, title in zip(all_axes, panels, strict=True):
        _label_axes(axes, title, point_axes)
    all_points = [point for points in panels.values() for point in points]
    # All panels share both axes
    _set_limits(all_axes[0], all_points, point_axes)
    handles: list[Line2D | Patch] = list(legend)
    if point_axes.paper_ranges:
        handles.append(paper_marks.LENGTHS_HANDLE)
    add_legend(figure, handles)
    # This fixes the axes, in which points are moved apart and names placed
    figure.draw_without_rendering()
    pixels_per_point = figure.dpi / 72
    for axes, points in zip(all_axes, panels.values(), strict=True):
        log_x_with_zero(axes, [point.x for point in all_points])
        _draw_points(axes, points, styles, pixels_per_point)
    return figure


def _label_axes(axes: Axes, title: str, point_axes: PointAxes) -> None:
    """Writes the labels, and shades the paper's range where the panel has one."""
    axes.set_title(title, loc="left")
    axes.set(xlabel=point_axes.x_label, ylabel=point_axes.y_label)
    if title in point_axes.paper_ranges:
        low, high = point_axes.paper_ranges[title]
        paper_marks.draw_lengths_range(axes, low, high)


def _set_limits(axes: Axes, points: Sequence[Point], point_axes: PointAxes) -> None:
    """Gives the axes limits that hold all points, their intervals and the paper's ranges."""
    x_values = [point.x for point in points]
    x_ends = list(x_values)
    for low, high in point_axes.paper_ranges.values():
        x_ends += [low, high]
    for point in points:
        x_ends += [point.lengths.q1, point.lengths.q3]
    # An accuracy of 0 needs room for its marker: y begins just below 0
    highest = max(point.y.high for point in points)
    axes.set_ylim(-3, max(10, 3 + highest))
    # x has room for markers and names, and a width where all lengths are 0
    left, right = 0.8 * min(x_ends), 1.25 * max(x_ends)
    axes.set_xlim(max(0.0, left), max(right, 1.0))
    log_x_with_zero(axes, x_values)


def _draw_points(
    axes: Axes, points: Sequence[Point], styles: Mapping[str, ArmStyle], pixels_per_point: float
) -> None:
    """Draws the points of a panel, and the arms' names last, since they avoid what is drawn."""
    moved_points = moved_apart(axes, points, pixels_per_point)
    for arm, arm_points in points_by_arm(moved_points).items():
        _draw_arm(axes, arm_points, styles[arm], pixels_per_point)
    name_arms(axes, moved_points, styles, pixels_per_point)


def _draw_arm(
    axes: Axes, arm_points: Sequence[Point], style: ArmStyle, pixels_per_point: float
) -> None:
    """An arm's points with their intervals, and lightly the quartiles of their tokens."""
    # A point that is moved apart has no tokens of its own, only a pixel: back from there to data
    to_data = axes.transData.inverted()
    positions = []
    for point in arm_points:
        pixel = marker_pixel(axes, point, pixels_per_point)
        positions.append(to_data.transform(pixel))
    x_positions = [x for x, _ in positions]
    y_positions = [y for _, y in positions]
    # The dotted line joins the methods of the arm
    axes.plot(x_positions, y_positions, ":", color=style.colour, lw=1)
    for point, (x, y) in zip(arm_points, positions, strict=True):
        q1, q3 = point.lengths.q1, point.lengths.q3
        axes.hlines(y, q1, q3, colors=style.colour, lw=2.5, alpha=0.2, zorder=1)
        axes.vlines(x, point.y.low, point.y.high, colors=style.colour, linewidth=1.3)
        _draw_marker(axes, (x, y), style.colour, point.marker or style.marker)


def _draw_marker(axes: Axes, position: tuple[float, float], colour: str, marker: str) -> None:
    """A marker whose white edge keeps points that touch apart."""
    x, y = position
    axes.plot([x], [y], marker, color=colour, ms=marker_size(marker), mec="white", clip_on=False)
