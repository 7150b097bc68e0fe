"""Charts of curves: steps with their intervals as ribbons, and each arm's name at its end."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from stages.core.cells import label
from stages.core.report.figures.charts.axes import axes_grid, empty_figure
from stages.core.report.figures.charts.percent import percent
from stages.core.report.figures.styles import ArmStyle
from stages.core.statistics.measures import Estimate

NAME_SIZE = 8  # in points; also the smallest distance between two names


@dataclass(frozen=True)
class Curve:
    """An arm's accuracies, one for each cap of tokens."""

    arm: str
    accuracies: Sequence[Estimate]


def curves_figure(
    panels: Mapping[str, Sequence[Curve]],
    styles: Mapping[str, ArmStyle],
    caps: Sequence[int],
    y_label: str,
) -> Figure:
    """Accuracy in per cent against the cap of generated tokens, a panel for each title."""
    if not panels:
        return empty_figure()
    first_cap, last_cap = _first_cap(panels, caps), caps[-1]
    figure, all_axes = axes_grid(len(panels), 4, (4.2, 2.8), share_x=True)
    # Draw the curves, then the names, which need final axes
    for axes, (title, curves) in zip(all_axes, panels.items(), strict=True):
        for curve in curves:
            _draw_curve(axes, curve, styles[curve.arm], caps)
        axes.set_title(title, loc="left")
        axes.set(xlabel="cap of generated tokens", ylabel=y_label)
        _scale_caps(axes, first_cap, last_cap)
    # All axes share y
    all_axes[0].set_ylim(-2, max(10.0, all_axes[0].get_ylim()[1]))
    # This fixes the axes, whose height says how far apart names are
    figure.draw_without_rendering()
    pixels_per_point = figure.dpi / 72
    for axes, curves in zip(all_axes, panels.values(), strict=True):
        _name_curves(axes, curves, styles, last_cap, pixels_per_point)
    return figure


def _first_cap(panels: Mapping[str, Sequence[Curve]], caps: Sequence[int]) -> int:
    """Where x begins: the last cap at which nothing is right yet, or the first cap.

    Further left there is nothing to see.
    """
    curves = [curve for panel_curves in panels.values() for curve in panel_curves]
    first_cap = caps[0]
    for index, cap in enumerate(caps):
        if not any(curve.accuracies[index].value for curve in curves):
            first_cap = cap
    # Where nothing is ever right, the axis has all caps
    return first_cap if first_cap < caps[-1] else caps[0]


def _scale_caps(axes: Axes, first_cap: int, last_cap: int) -> None:
    """Makes x logarithmic, with a tick at each doubling."""
    axes.set_xscale("log")
    axes.set_xlim(first_cap * 0.9, last_cap * 1.05)
    # each doubling is worth the same; every third has a tick where the labels would touch
    base = 2 if last_cap <= 256 * first_cap else 8
    axes.xaxis.set_major_locator(LogLocator(base=base))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _draw_curve(axes: Axes, curve: Curve, style: ArmStyle, caps: Sequence[int]) -> None:
    """A step up at each cap: between two caps no more is known than what the smaller one allows."""
    percents = [percent(accuracy) for accuracy in curve.accuracies]
    low = [interval.low for interval in percents]
    high = [interval.high for interval in percents]
    axes.fill_between(caps, low, high, step="post", color=style.colour, alpha=0.1, linewidth=0)
    axes.plot(
        caps,
        [interval.value for interval in percents],
        drawstyle="steps-post",
        color=style.colour,
        marker=style.marker,
        markevery=max(1, len(caps) // 6),  # about six markers tell arms apart in grey
        ms=4,
        lw=1.4,
    )


def _name_curves(
    axes: Axes,
    curves: Sequence[Curve],
    styles: Mapping[str, ArmStyle],
    last_cap: int,
    pixels_per_point: float,
) -> None:
    """Writes each arm's name beside the end of its curve, no two of them on one line."""
    low, high = axes.get_ylim()
    points_per_percent = axes.get_window_extent().height / pixels_per_point / (high - low)
    # A name goes beside its curve's end, or above the name before it
    name_percent = -math.inf
    for end_percent, arm in _ends_from_below(curves):
        name_percent = max(end_percent, name_percent + NAME_SIZE / points_per_percent)
        offset_points = (8.0, (name_percent - end_percent) * points_per_percent)
        text = axes.annotate(
            label(arm),
            (last_cap, end_percent),
            offset_points,
            textcoords="offset points",
            color=styles[arm].colour,
        )
        text.set(size=NAME_SIZE, va="center", annotation_clip=False)


def _ends_from_below(curves: Sequence[Curve]) -> list[tuple[float, str]]:
    """The accuracy in per cent at the end of each curve and its arm, the lowest first.

    Where arms are level the last of them comes first, so that names read in the order of the arms.
    """
    ends = []
    for curve in reversed(curves):
        end_percent = 100 * (curve.accuracies[-1].value or 0.0)
        ends.append((end_percent, curve.arm))
    # a stable sort keeps the order of those that are level
    return sorted(ends, key=lambda end: end[0])
