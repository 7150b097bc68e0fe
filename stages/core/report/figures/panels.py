"""How figures are drawn: rows of estimates, a grid of axes, and one look for each arm in all
figures.

Colours are Okabe and Ito's (2008), which colour-blind readers tell apart; markers tell arms apart
in grey.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from stages.core.cells import TRUNCATED, UNTRAINED, label
from stages.core.report import paper
from stages.core.statistics.measures import Estimate

Look = tuple[str, str]  # colour, marker
_FIXED = {"raw": ("#000000", "o"), "answer_only": ("#CC79A7", "X"), UNTRAINED: ("#808080", "*")}
_COMPRESSED = (("#0072B2", "s"), ("#E69F00", "D"), ("#009E73", "^"), ("#F0E442", "p"))
_CUT = (("#D55E00", "v"), ("#56B4E9", "<"))
PAPER = Patch(facecolor="none", edgecolor="#b8b8b8", hatch="////", linewidth=0, label=paper.NAME)
MOST = Line2D([], [], color="#8a6d9e", linewidth=1.2, linestyle="-.", label=paper.MAXIMUM)
Fill = Literal["full", "bottom", "left", "top", "right"]
_FILLS: tuple[Fill, ...] = ("full", "full", "bottom", "left", "top", "right")  # by teacher


@dataclass(frozen=True)
class Mark:
    """One estimate: its row, its slot there (or the middle), its arm, and its teacher's number, for
    the fill.
    """

    row: str
    slot: str
    arm: str
    value: Estimate
    teacher: int = 0


@dataclass(frozen=True)
class Panel:
    """One axes of a figure: its title, what x is and its unit, the marks, and a value to compare
    with.

    x is "percent" or "share", from 0 on, "ratio", logarithmic where the figure's span a decade, or
    "difference". `band` is a range of the paper's, `most` its maximum where it says "up to".
    """

    title: str
    axis: str
    marks: Sequence[Mark]
    reference: float | None = None
    scale: Literal["percent", "share", "ratio", "difference"] = "percent"
    band: tuple[float, float] | None = None  # hatched
    most: float | None = None  # a line


def looks(arms: Sequence[str]) -> dict[str, Look]:
    """The colour and the marker of each arm; where there are more arms than colours, colours come
    again.
    """
    compressed, cut = itertools.cycle(_COMPRESSED), itertools.cycle(_CUT)
    return {
        arm: _FIXED.get(arm) or next(cut if arm.startswith(TRUNCATED) else compressed)
        for arm in arms
    }


def marker_size(marker: str) -> float:
    """The marker's size in points: a star covers less than others."""
    return 9 if marker == "*" else 6


def line(colour: str, marker: str, name: str = "", teacher: int = 0) -> Line2D:
    """A marker without a line; the second teacher's is hollow, those of further ones are half
    filled.
    """
    face = "white" if teacher == 1 else colour
    drawn = Line2D(
        [], [], color=colour, marker=marker, markerfacecolor=face, linestyle="", label=name
    )
    drawn.set_markerfacecoloralt("white")
    drawn.set_markersize(marker_size(marker))
    drawn.set_fillstyle(_FILLS[teacher % len(_FILLS)])
    return drawn


def rows_figure(
    panels: Sequence[Panel],
    look: Mapping[str, Look],
    rows: Sequence[str],
    slots: Sequence[str],
    legend: Sequence[Line2D],
    columns: int,
) -> Figure:
    """Panels with the same rows, `columns` of them side by side; those of one quantity share its
    scale.
    """
    ratios = [mark.value for panel in panels if panel.scale == "ratio" for mark in panel.marks]
    if all(mark.value.value is None for panel in panels for mark in panel.marks):
        return nothing()
    height = 0.75 + len(rows) * max(0.3, 0.06 + 0.13 * len(slots))
    width = 3.2 if len(panels) > 1 else 4.4
    shared = {panel.scale for panel in panels} in ({"percent"}, {"share"})
    figure, drawn_on = grid(len(panels), columns, (width, height), shared, margin=1.3)
    for axes, panel in zip(drawn_on, panels, strict=True):
        _rows(axes, panel, look, rows, slots)
    for axes, panel in zip(drawn_on, panels, strict=True):
        if panel.scale == "ratio":
            log_x(axes, [one.value for one in ratios if one.value is not None])
        elif panel.scale != "difference":
            end = max(
                axes.get_xlim()[1], 10 if panel.scale == "percent" else 0.1
            )  # where all are 0
            axes.set_xlim(-0.02 * end, end)  # room for a marker at 0
    for axes, panel in zip(drawn_on, panels, strict=True):
        _edges(axes, panel, look, rows, slots)
    return with_legend(figure, [*legend, *_papers(panels)])


def _papers(panels: Sequence[Panel]) -> list[Line2D | Patch]:
    """The legend of what is the paper's."""
    ranges = [PAPER] if any(panel.band for panel in panels) else []
    return [*ranges, *([MOST] if any(panel.most is not None for panel in panels) else [])]


def _y(mark: Mark, rows: Sequence[str], slots: Sequence[str]) -> float:
    """Where a mark stands: in its row, at its slot or in the middle."""
    middle = (len(slots) - 1) / 2
    place = slots.index(mark.slot) if mark.slot in slots else middle
    return rows.index(mark.row) + (place - middle) * 0.75 / len(slots)


def _rows(
    axes: Axes, panel: Panel, look: Mapping[str, Look], rows: Sequence[str], slots: Sequence[str]
) -> None:
    """Draws a panel, the first row on top."""
    for mark in panel.marks:
        one, (colour, marker) = mark.value, look[mark.arm]
        if one.value is None:
            continue
        y = _y(mark, rows, slots)
        if one.low is not None:
            axes.hlines(
                y,
                one.low,
                one.value if one.high is None else one.high,
                colors=colour,
                linewidth=1.3,
            )
        drawn = line(colour, marker, teacher=mark.teacher)
        drawn.set_data([one.value], [y])
        axes.add_line(drawn)
    for odd in range(1, len(rows), 2):
        axes.axhspan(odd - 0.5, odd + 0.5, color="#f5f5f5", zorder=0)
    if panel.band is not None:
        axes.axvspan(
            *panel.band,
            facecolor="none",
            edgecolor="#b8b8b8",
            hatch="////",
            linewidth=0,
            zorder=0.5,
        )
    if panel.most is not None:
        axes.axvline(panel.most, color=MOST.get_color(), linewidth=1.2, linestyle="-.", zorder=1)
    if panel.reference is not None:
        axes.axvline(panel.reference, color="#808080", linewidth=0.9, linestyle="--", zorder=1)
    names = [label(row).replace("truncated to ", "truncated to\n") for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_title(panel.title, loc="left")
    axes.set_xlabel(panel.axis)
    axes.autoscale_view(scaley=False)


def _edges(
    axes: Axes, panel: Panel, look: Mapping[str, Look], rows: Sequence[str], slots: Sequence[str]
) -> None:
    """What no scale holds: an interval without an upper end runs to the right edge, a 0 on a log
    axis to the left.
    """
    left, right = axes.get_xlim()
    for mark in panel.marks:
        one, (colour, marker), y = mark.value, look[mark.arm], _y(mark, rows, slots)
        if one.value is not None and one.low is not None and one.high is None:
            axes.hlines(y, max(one.value, left), right, colors=colour, linewidth=1.3)
            axes.plot([right], [y], ">", color=colour, ms=4, clip_on=False)
        if one.value == 0 and axes.get_xscale() == "log":
            drawn = line(colour, marker, teacher=mark.teacher)
            drawn.set(data=([left], [y]), clip_on=False)
            axes.add_line(drawn)
            axes.annotate("0", (left, y), (4, 2), textcoords="offset points", color=colour, size=8)
    axes.set_xlim(left, right)


def grid(
    count: int, columns: int, size: tuple[float, float], shared: bool, margin: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """A figure of `count` axes of `size` inches each, with `margin` inches for the names of rows."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(
        figsize=(margin + size[0] * columns, 0.4 + size[1] * rows), layout="constrained"
    )
    grid = figure.subplots(rows, columns, squeeze=False, sharex=shared, sharey=True).ravel()
    for spare in grid[count:]:
        spare.set_axis_off()
    for axes in grid[:count]:
        axes.tick_params(
            labelbottom=True
        )  # which sharing leaves to the lowest row, where a panel may be missing
    return figure, list(grid[:count])


def log_x(axes: Axes, values: Sequence[float]) -> None:
    """Makes x logarithmic where the values above 0 span a decade, from a little below the least of
    them.
    """
    positive = [value for value in values if value > 0]
    if not positive or max(positive) < 10 * min(positive):
        return
    axes.set_xscale("log")
    left, right = axes.get_xlim()
    # an interval may reach far lower than any value, to 0 too: it then ends at the edge
    axes.set_xlim(max(left, min(positive) / 3), right)
    span = max(positive) / min(positive)
    subs = (1.0, 2.0, 3.0, 5.0) if span < 30 else (1.0, 2.0, 5.0) if span < 300 else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def with_legend(figure: Figure, legend: Sequence[Line2D | Patch]) -> Figure:
    if legend:
        inches = 0.45 + 0.065 * max(len(str(entry.get_label())) for entry in legend)
        lines = math.ceil(len(legend) / max(1, int(figure.get_figwidth() / inches)))
        columns = math.ceil(len(legend) / lines)
        figure.legend(handles=list(legend), loc="outside lower center", ncols=columns)
    return figure


def nothing() -> Figure:
    """What stands where a grid has nothing to show, so that every link to a figure holds."""
    figure = Figure(figsize=(4, 1))
    figure.text(0.5, 0.5, "nothing to compare in this grid", ha="center", va="center")
    return figure
