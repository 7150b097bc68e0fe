"""Steps with their intervals as ribbons, each with its arm's name at its end."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from stages.core.cells import label
from stages.core.report.figures.panels import Look, grid, nothing
from stages.core.statistics.measures import Estimate

SIZE = 8  # of names, in points, and the least distance between two


@dataclass(frozen=True)
class Curve:
    """An arm's estimates, one for each x."""

    arm: str
    values: Sequence[Estimate]


def curves_figure(
    panels: Mapping[str, Sequence[Curve]],
    look: Mapping[str, Look],
    caps: Sequence[int],
    accuracy: str,
) -> Figure:
    """Accuracy in per cent against the cap of tokens, a panel for each title; `accuracy` names y."""
    if not panels:
        return nothing()
    start = _start(panels, caps)
    figure, drawn_on = grid(len(panels), 4, (4.2, 2.8), shared=True)
    for axes, (title, curves) in zip(drawn_on, panels.items(), strict=True):
        for one in curves:
            _draw(axes, one, look[one.arm], caps)
        axes.set_title(title, loc="left")
        axes.set(xlabel="cap of generated tokens", ylabel=accuracy, xscale="log")
        axes.set_xlim(start * 0.9, caps[-1] * 1.05)
        # each doubling is worth the same; every third where the labels would touch
        axes.xaxis.set_major_locator(LogLocator(base=2 if caps[-1] <= 256 * start else 8))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.xaxis.set_minor_locator(NullLocator())
    drawn_on[0].set_ylim(-2, max(10.0, drawn_on[0].get_ylim()[1]))  # shared
    figure.draw_without_rendering()  # fixes the axes, whose height says how far apart names are
    for axes, curves in zip(drawn_on, panels.values(), strict=True):
        _name(axes, curves, look, caps[-1], figure.dpi / 72)
    return figure


def _start(panels: Mapping[str, Sequence[Curve]], caps: Sequence[int]) -> int:
    """The last cap at which nothing is right yet, or the first of all: further left there is
    nothing to see.
    """
    values = [one.values for curves in panels.values() for one in curves]
    nothing_right = [
        cap for place, cap in enumerate(caps) if not any(own[place].value for own in values)
    ]
    return nothing_right[-1] if nothing_right and nothing_right[-1] < caps[-1] else caps[0]


def _draw(axes: Axes, one: Curve, look: Look, caps: Sequence[int]) -> None:
    """A step up at each cap: between two caps no more is known than what the smaller one allows."""
    colour, marker = look
    percent = [value.scaled(100) for value in one.values]
    middle = [value.value or 0.0 for value in percent]
    low = [
        value.low if value.low is not None else at
        for value, at in zip(percent, middle, strict=True)
    ]
    high = [
        value.high if value.high is not None else at
        for value, at in zip(percent, middle, strict=True)
    ]
    axes.fill_between(caps, low, high, step="post", color=colour, alpha=0.1, linewidth=0)
    every = max(1, len(caps) // 6)
    axes.plot(
        caps,
        middle,
        drawstyle="steps-post",
        color=colour,
        marker=marker,
        markevery=every,
        ms=4,
        lw=1.4,
    )


def _name(
    axes: Axes, curves: Sequence[Curve], look: Mapping[str, Look], end: int, scale: float
) -> None:
    """Writes each arm's name beside the end of its curve, no two of them on one line; `scale` is a
    point in pixels.
    """
    low, high = axes.get_ylim()
    points = axes.get_window_extent().height / scale / (high - low)  # of a per cent
    line = -math.inf
    # from below, where arms are level the last of them first, so that names read in the order of
    # the arms
    for value, _, arm in sorted(
        (100 * (one.values[-1].value or 0.0), -at, one.arm) for at, one in enumerate(curves)
    ):
        line = max(value, line + SIZE / points)
        beside = (8.0, (line - value) * points)
        text = axes.annotate(
            label(arm), (end, value), beside, textcoords="offset points", color=look[arm][0]
        )
        text.set(size=SIZE, va="center", annotation_clip=False)
