"""How figures are drawn: rows of estimates, labelled points, and one look for each arm in all of them.

Colours are Okabe and Ito's (2008), which colour-blind readers tell apart; markers tell arms apart in grey.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import Bbox

from stages.core.cells import UNTRAINED
from stages.core.runs import TRUNCATED, label
from stages.core.stats import Estimate, Measure

Look = tuple[str, str]  # colour, marker
_FIXED = {"raw": ("#000000", "o"), "answer_only": ("#CC79A7", "X"), UNTRAINED: ("#808080", "*")}
_COMPRESSED = (("#0072B2", "s"), ("#E69F00", "D"), ("#009E73", "^"), ("#F0E442", "p"))
_CUT = (("#D55E00", "v"), ("#56B4E9", "<"))
_FILLS: tuple[Literal["full", "bottom", "left", "top", "right"], ...] = (
    "full",
    "full",
    "bottom",
    "left",
    "top",
    "right",
)
METHODS = ("o", "s", "^", "D", "v", "P")  # where the marker tells the method
_AROUND = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
_SIDE = {1: ("left", "bottom"), 0: ("center", "center"), -1: ("right", "top")}


@dataclass(frozen=True)
class Mark:
    """One estimate: its row, its slot in the row, its arm, and the number of its teacher, for the fill."""

    row: str
    slot: str
    arm: str
    value: Estimate
    teacher: int = 0


@dataclass(frozen=True)
class Panel:
    """One axes of a figure: its title, what x is and its unit, the marks, and a value to compare with."""

    title: str
    axis: str
    marks: Sequence[Mark]
    reference: float | None = None


@dataclass(frozen=True)
class Point:
    """What an arm did, and its method's marker, None for the arm's own."""

    arm: str
    measure: Measure
    marker: str | None

    @property
    def tokens(self) -> float:
        """x: median generated tokens."""
        return self.measure.quartiles[1]

    @property
    def percent(self) -> tuple[float, float, float]:
        """y: accuracy in per cent and the ends of its interval."""
        one = self.measure.accuracy.scaled(100)
        value = one.value or 0.0
        return value, value if one.low is None else one.low, value if one.high is None else one.high


def looks(arms: Sequence[str]) -> dict[str, Look]:
    """The colour and the marker of each arm; where there are more arms than colours, colours come again."""
    compressed, cut = itertools.cycle(_COMPRESSED), itertools.cycle(_CUT)
    return {arm: _FIXED.get(arm) or next(cut if arm.startswith(TRUNCATED) else compressed) for arm in arms}


def line(colour: str, marker: str, name: str = "", teacher: int = 0) -> Line2D:
    """A marker without a line; the second teacher's is hollow, those of further ones are half filled."""
    face = "white" if teacher == 1 else colour
    drawn = Line2D([], [], color=colour, marker=marker, markerfacecolor=face, linestyle="", label=name)
    drawn.set_markerfacecoloralt("white")
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
    """Panels with the same rows, `columns` of them side by side; those of one quantity share its scale."""
    values = [[mark.value.value for mark in panel.marks if mark.value.value is not None] for panel in panels]
    if not any(values):
        return _nothing()
    shared = len({panel.axis for panel in panels}) == 1
    height = 0.75 + len(rows) * max(0.3, 0.06 + 0.13 * len(slots))
    figure, grid = _grid(len(panels), columns, (3.2, height), shared, margin=1.3)
    for axes, panel, own in zip(grid, panels, values, strict=True):
        _rows(axes, panel, look, rows, slots)
        _log(axes, list(itertools.chain(*values)) if shared else own)
    return _with_legend(figure, legend)


def _rows(
    axes: Axes, panel: Panel, look: Mapping[str, Look], rows: Sequence[str], slots: Sequence[str]
) -> None:
    """Draws a panel, the first row on top."""
    for mark in panel.marks:
        one, (colour, marker) = mark.value, look[mark.arm]
        if one.value is None:
            continue
        y = rows.index(mark.row) + (slots.index(mark.slot) - (len(slots) - 1) / 2) * 0.8 / len(slots)
        if one.low is not None and one.high is not None:
            axes.hlines(y, one.low, one.high, colors=colour, linewidth=1.3)
        drawn = line(colour, marker, teacher=mark.teacher)
        drawn.set_data([one.value], [y])
        axes.add_line(drawn)
    for odd in range(1, len(rows), 2):
        axes.axhspan(odd - 0.5, odd + 0.5, color="#f5f5f5", zorder=0)
    if panel.reference is not None:
        axes.axvline(panel.reference, color="#808080", linewidth=0.9, linestyle="--", zorder=1)
    names = [label(row).replace("truncated to ", "truncated to\n") for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_title(panel.title)
    axes.set_xlabel(panel.axis)
    axes.autoscale_view(scaley=False)


def points_figure(
    panels: Mapping[str, Sequence[Point]], look: Mapping[str, Look], legend: Sequence[Line2D]
) -> Figure:
    """Accuracy against tokens, a panel for each title; an arm's points are joined, and labelled once."""
    size = (3.7, 3.0) if len(panels) > 1 else (5.6, 3.8)
    figure, grid = _grid(len(panels), 4, size, shared=True)
    for axes, (title, points) in zip(grid, panels.items(), strict=True):
        for arm, own in _by_arm(points).items():
            colour, marker = look[arm]
            axes.plot(
                [one.tokens for one in own], [one.percent[0] for one in own], ":", color=colour, linewidth=1
            )
            for one in own:
                axes.vlines(one.tokens, *one.percent[1:], colors=colour, linewidth=1.3)
                axes.plot([one.tokens], [one.percent[0]], one.marker or marker, color=colour)
        axes.margins(0.12)
        axes.set(title=title, xlabel="median generated tokens", ylabel="accuracy (%)")
    _log(grid[0], [one.tokens for points in panels.values() for one in points])
    _with_legend(figure, legend)
    figure.draw_without_rendering()  # fixes the axes, between which labels are then placed
    for axes, points in zip(grid, panels.values(), strict=True):
        _label_arms(axes, _by_arm(points), look)
    return figure


def _by_arm(points: Sequence[Point]) -> dict[str, list[Point]]:
    return {
        arm: [one for one in points if one.arm == arm] for arm in dict.fromkeys(one.arm for one in points)
    }


def _label_arms(axes: Axes, arms: Mapping[str, Sequence[Point]], look: Mapping[str, Look]) -> None:
    """Writes each arm's name at the place beside one of its points that covers least."""
    frame = axes.get_window_extent()
    taken = [box for own in arms.values() for one in own for box in _covered(axes, one)]
    for arm, own in arms.items():
        tries = []
        for one, side in itertools.product(own, _AROUND):
            text = _beside(axes, one, side, label(arm), look[arm][0])
            box = text.get_window_extent()
            lost = _area(box, box) - _area(box, frame)
            tries.append((4 * lost + sum(_area(box, other) for other in taken), one, side))
            text.remove()
        _, one, side = min(tries, key=lambda found: found[0])
        taken.append(_beside(axes, one, side, label(arm), look[arm][0]).get_window_extent())


def _beside(axes: Axes, point: Point, side: tuple[int, int], name: str, colour: str) -> Annotation:
    (across, _), (_, along) = _SIDE[side[0]], _SIDE[side[1]]
    text = axes.annotate(
        name, (point.tokens, point.percent[0]), xytext=(5 * side[0], 5 * side[1]), textcoords="offset points",
        ha=across, va=along, color=colour, fontsize=8,
    )  # fmt: skip
    text.set_in_layout(False)
    return text


def _covered(axes: Axes, point: Point) -> list[Bbox]:
    """The pixels of a point's marker and of its interval."""
    x, y = axes.transData.transform((point.tokens, point.percent[0]))
    ends = [axes.transData.transform((point.tokens, end))[1] for end in point.percent[1:]]
    return [Bbox.from_extents(x - 7, y - 7, x + 7, y + 7), Bbox.from_extents(x - 3, ends[0], x + 3, ends[1])]


def _area(one: Bbox, other: Bbox) -> float:
    both = Bbox.intersection(one, other)
    return float(both.width * both.height) if both else 0.0


def _grid(
    count: int, columns: int, size: tuple[float, float], shared: bool, margin: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """A figure of `count` axes of `size` inches each, with `margin` inches for the names of rows."""
    columns = min(columns, count)
    rows = -(-count // columns)
    inches = (margin + size[0] * columns, 0.4 + size[1] * rows)
    figure = Figure(figsize=inches, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=shared, sharey=True).ravel()
    for spare in grid[count:]:
        spare.set_axis_off()
    for axes in grid[:count]:
        axes.tick_params(
            labelbottom=True
        )  # which sharing leaves to the lowest row, where a panel may be missing
    return figure, list(grid[:count])


def _log(axes: Axes, values: Sequence[float]) -> None:
    """Makes x logarithmic where the values span a decade."""
    if not values or min(values) <= 0 or max(values) < 10 * min(values):
        return
    axes.set_xscale("log")
    wide = max(values) > 300 * min(values)
    axes.xaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _with_legend(figure: Figure, legend: Sequence[Line2D]) -> Figure:
    if legend:
        inches = 0.5 + 0.075 * max(len(str(entry.get_label())) for entry in legend)
        columns = min(len(legend), max(1, int(figure.get_figwidth() / inches)))
        figure.legend(handles=list(legend), loc="outside lower center", ncols=columns)
    return figure


def _nothing() -> Figure:
    """What stands where a grid has nothing to show, so that every link to a figure holds."""
    figure = Figure(figsize=(4, 1))
    figure.text(0.5, 0.5, "nothing to compare in this grid", ha="center", va="center")
    return figure
