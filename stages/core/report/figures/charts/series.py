"""Charts of series: accuracy against training tokens, points of a series joined by a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.core.report.figures.charts.axes import add_legend, axes_grid, log_x_si
from stages.core.report.figures.charts.percent import Percent, percent
from stages.core.report.figures.charts.point_positions import marker_pixel, moved_apart
from stages.core.report.figures.styles import NEUTRAL, ArmStyle, marker_artist, marker_size
from stages.core.statistics.measures import Estimate

Dash = Literal["-", "--", ":", "-."]
# Typographic points that points at one place are moved apart at most. Targets cut to the same budget
# have the same tokens, and many of them must not seem to have others.
_WIDEST = 22
_DOT_SIZE = 3.5  # of a single seed, in points


@dataclass(frozen=True)
class SeedDot:
    """What a single seed did: its tokens, and its accuracy in per cent."""

    x: float
    percent: float


@dataclass(frozen=True)
class SeriesPoint:
    """An arm's tokens and accuracy, with those of its seeds where it has several.

    It is drawn `shift` typographic points to the right of its x, and so are its seeds.
    """

    x: float
    accuracy: Estimate
    seeds: tuple[SeedDot, ...] = ()
    shift: float = 0.0

    @property
    def y(self) -> Percent:
        """The accuracy in per cent, with its interval."""
        return percent(self.accuracy)


@dataclass(frozen=True)
class Series:
    """Points that a line joins, from the left, or a single point."""

    name: str
    style: ArmStyle
    points: Sequence[SeriesPoint]
    dash: Dash = "-"


@dataclass(frozen=True, kw_only=True)
class SeriesPanel:
    """One axes of a figure. `level` is an accuracy without tokens, drawn as a dashed line."""

    title: str
    series: Sequence[Series]
    level: Estimate | None = None


def series_figure(
    panels: Sequence[SeriesPanel],
    axis_labels: tuple[str, str],
    level_style: tuple[str, str],
    columns: int,
) -> Figure:
    """Accuracy against tokens on a logarithmic axis, `columns` of the panels side by side.

    `axis_labels` are those of x and y, `level_style` the name and the colour of the panels' levels.
    """
    # A single panel may be larger, in inches
    panel_size = (3.7, 3.2) if len(panels) > 1 else (5.6, 4.0)
    figure, all_axes = axes_grid(len(panels), columns, panel_size, share_x=True)
    for axes, panel in zip(all_axes, panels, strict=True):
        axes.set_title(panel.title, loc="left")
        axes.set(xlabel=axis_labels[0], ylabel=axis_labels[1])
        if panel.level:
            axes.axhline(percent(panel.level).value, color=level_style[1], ls="--", lw=1, zorder=1)
    _set_limits(all_axes[0], panels)
    add_legend(figure, _legend(panels, level_style))
    # This fixes the axes, in which points are moved apart
    figure.draw_without_rendering()
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw_panel(axes, panel, figure.dpi / 72)
    return figure


def _set_limits(axes: Axes, panels: Sequence[SeriesPanel]) -> None:
    """Gives the axes, which all panels share, limits that hold all points and intervals."""
    points = [point for panel in panels for series in panel.series for point in series.points]
    highest = max(max(point.y.high, *_seed_percents(point), 0.0) for point in points)
    # An accuracy of 0 needs room for its marker: y begins just below 0
    axes.set_ylim(-3, max(10.0, 3 + highest))
    log_x_si(axes, [point.x for point in points])


def _seed_percents(point: SeriesPoint) -> list[float]:
    return [dot.percent for dot in point.seeds]


def _legend(panels: Sequence[SeriesPanel], level_style: tuple[str, str]) -> list[Line2D]:
    """An entry for each series of any panel, for levels and for single seeds."""
    handles: dict[str, Line2D] = {}
    all_series = [series for panel in panels for series in panel.series]
    for series in all_series:
        handles.setdefault(series.name, _series_handle(series))
    legend = list(handles.values())
    if any(panel.level for panel in panels):
        name, colour = level_style
        legend.append(Line2D([], [], color=colour, ls="--", lw=1, label=name))
    if any(point.seeds for series in all_series for point in series.points):
        dot = marker_artist(NEUTRAL, "o", "single seed")
        dot.set(markersize=_DOT_SIZE, alpha=0.5)
        legend.append(dot)
    return legend


def _series_handle(series: Series) -> Line2D:
    """The legend's entry of a series: its marker, with its line where it has one."""
    handle = marker_artist(series.style.colour, series.style.marker, series.name)
    if len(series.points) > 1:
        handle.set_linestyle(series.dash)
    return handle


def _draw_panel(axes: Axes, panel: SeriesPanel, pixels_per_point: float) -> None:
    """Draws the series of a panel, whose axes are final."""
    points = [point for series in panel.series for point in series.points]
    # All at once, because points of different series coincide
    moved = iter(moved_apart(axes, points, pixels_per_point, _WIDEST))
    for series in panel.series:
        series_points = [next(moved) for _ in series.points]
        _draw_series(axes, series, series_points, pixels_per_point)


def _draw_series(
    axes: Axes, series: Series, points: Sequence[SeriesPoint], pixels_per_point: float
) -> None:
    """Draws the points of a series with their intervals and seeds, and the line through them."""
    colour, marker = series.style
    to_data = axes.transData.inverted()
    x_positions = []
    for point in points:
        x, _ = to_data.transform(marker_pixel(axes, point, pixels_per_point))
        x_positions.append(float(x))
        axes.vlines(x, point.y.low, point.y.high, colors=colour, linewidth=1.3)
        for dot in point.seeds:
            # The axis is logarithmic: a shift in points is a factor
            dot_x = dot.x * float(x) / point.x
            axes.plot(
                [dot_x], [dot.percent], "o", color=colour, ms=_DOT_SIZE, mew=0, alpha=0.5, zorder=3
            )
    y_positions = [point.y.value for point in points]
    axes.plot(x_positions, y_positions, series.dash, color=colour, lw=1.2, zorder=2)
    for x, y in zip(x_positions, y_positions, strict=True):
        size = marker_size(marker)
        axes.plot([x], [y], marker, color=colour, ms=size, mec="white", clip_on=False, zorder=4)
