"""Accuracy against tokens: points that carry their arm's name, placed where it covers least."""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import Bbox

from stages.core.cells import label
from stages.core.report import paper
from stages.core.report.figures.panels import Look, grid, log_x, marker_size, nothing, with_legend
from stages.core.statistics.measures import Estimate, Lengths

METHODS = ("o", "s", "^", "D", "v", "P")  # where the marker tells the method
_AROUND = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
_FAR = (5, 14, 23, 32)  # points between a marker and its name: where many coincide, names stack up
_ZERO = 0.06  # of the axis: the room on the left of a point at 0
_NEAR, _APART = 5, 6.5  # points: what is nearer than this is drawn so far apart
# not hatched, for names of arms stand on it
_SHORTER = Patch(facecolor="#ececec", label=f"3 to 19 times fewer than raw's ({paper.SOURCE})")
_SIDE = {1: ("left", "bottom"), 0: ("center", "center"), -1: ("right", "top")}


@dataclass(frozen=True)
class Point:
    """What an arm did, its method's marker, None for the arm's own, and by how many points it is
    drawn to the right.
    """

    arm: str
    accuracy: Estimate
    lengths: Lengths  # of the tokens that x counts
    marker: str | None
    shift: float = 0.0

    @property
    def tokens(self) -> float:
        """x: their median."""
        return self.lengths.median

    @property
    def percent(self) -> tuple[float, float, float]:
        """y: accuracy in per cent and the ends of its interval."""
        one = self.accuracy.scaled(100)
        value = one.value or 0.0
        return value, value if one.low is None else one.low, value if one.high is None else one.high


@dataclass(frozen=True)
class Axis:
    """What x and y are called, and the paper's range of x in each panel where it is wanted."""

    tokens: str
    accuracy: str
    bands: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def points_figure(
    panels: Mapping[str, Sequence[Point]],
    look: Mapping[str, Look],
    legend: Sequence[Line2D],
    axis: Axis,
) -> Figure:
    """Accuracy against tokens, a panel for each title. Points of an arm are joined."""
    if not panels:
        return nothing()
    size = (3.7, 3.0) if len(panels) > 1 else (5.6, 3.8)
    figure, drawn_on = grid(len(panels), 4, size, shared=True)
    every = [one for points in panels.values() for one in points]
    for axes, title in zip(drawn_on, panels, strict=True):
        axes.set_title(title, loc="left")
        axes.set(xlabel=axis.tokens, ylabel=axis.accuracy)
        if band := axis.bands.get(title):
            axes.axvspan(*band, facecolor=_SHORTER.get_facecolor(), linewidth=0, zorder=0)
    _limits(drawn_on[0], every, [end for band in axis.bands.values() for end in band])
    with_legend(figure, [*legend, *([_SHORTER] if axis.bands else [])])
    # fixes the axes, in which points are moved apart and labels placed
    figure.draw_without_rendering()
    scale = figure.dpi / 72
    for axes, points in zip(drawn_on, panels.values(), strict=True):
        _scale(axes, [one.tokens for one in every])
        moved = _moved(axes, points, scale)
        for arm, own in _arms(moved).items():
            _draw(axes, own, look[arm], scale)
        _name_arms(axes, _arms(moved), look, scale)
    return figure


def _limits(axes: Axes, points: Sequence[Point], bands: Sequence[float]) -> None:
    """Axes that hold all points, intervals and ends of bands, shared by all panels."""
    ends = [*bands, *(one.tokens for one in points)]
    ends += [end for one in points for end in (one.lengths.q1, one.lengths.q3)]
    axes.set_ylim(-3, max(10, 3 + max(one.percent[2] for one in points)))  # from just below 0
    axes.set_xlim(max(0.0, min(ends) * 0.8), max(max(ends) * 1.25, 1.0))
    _scale(axes, [one.tokens for one in points])


def _scale(axes: Axes, values: Sequence[float]) -> None:
    """Makes x as `log_x` does; where a value is 0, an axis that has a place for it, not at its very
    edge.
    """
    log_x(axes, values)
    left, right = axes.get_xlim()
    if min(values) > 0:
        return
    if axes.get_xscale() != "log":
        axes.set_xlim(-_ZERO * right, right)
        return
    ticks = LogLocator(subs=(1.0, 2.0, 5.0) if right < 300 * left else (1.0,)).tick_values(
        left, right
    )
    # below `left` the axis is linear, as wide as a fifth of the rest
    axes.set_xscale("symlog", linthresh=left, linscale=0.2 * math.log10(right / left))
    axes.set_xlim(-left / 2, right)
    axes.xaxis.set_major_locator(
        FixedLocator([0.0, *(tick for tick in ticks if left <= tick <= right)])
    )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _moved(axes: Axes, points: Sequence[Point], scale: float) -> list[Point]:
    """The points, those moved apart sideways whose intervals would be drawn onto each other."""
    places = [axes.transData.transform((one.tokens, one.percent[0]))[0] / scale for one in points]
    groups: list[list[int]] = []
    for at in sorted(range(len(points)), key=lambda at: places[at]):
        near = (
            own
            for own in groups
            if places[at] - places[own[-1]] < _NEAR and _overlap(points, own, at)
        )
        if group := next(near, None):
            group.append(at)
        else:
            groups.append([at])
    shifts = {}
    for group in groups:
        middle = sum(places[at] for at in group) / len(group)
        for place, at in enumerate(group):
            shifts[at] = (
                middle + _APART * (place - (len(group) - 1) / 2) - places[at]
                if len(group) > 1
                else 0.0
            )
    return [dataclasses.replace(one, shift=shifts[at]) for at, one in enumerate(points)]


def _overlap(points: Sequence[Point], group: Sequence[int], at: int) -> bool:
    """Whether a point's interval meets one of the group's."""
    _, low, high = points[at].percent
    return any(
        points[other].percent[1] <= high and low <= points[other].percent[2] for other in group
    )


def _draw(axes: Axes, own: Sequence[Point], look: Look, scale: float) -> None:
    """An arm's points with their intervals, and lightly the quartiles of their tokens."""
    colour, marker = look
    shown = [axes.transData.inverted().transform(_pixel(axes, one, scale)) for one in own]
    axes.plot([x for x, _ in shown], [y for _, y in shown], ":", color=colour, lw=1)
    for one, (x, y) in zip(own, shown, strict=True):
        axes.hlines(y, one.lengths.q1, one.lengths.q3, colors=colour, lw=2.5, alpha=0.2, zorder=1)
        axes.vlines(x, *one.percent[1:], colors=colour, linewidth=1.3)
        shape = one.marker or marker
        # the white edge keeps points that touch apart
        axes.plot([x], [y], shape, color=colour, ms=marker_size(shape), mec="white", clip_on=False)


def _pixel(axes: Axes, point: Point, scale: float) -> tuple[float, float]:
    """Where the point's marker stands in the figure."""
    x, y = axes.transData.transform((point.tokens, point.percent[0]))
    return float(x) + point.shift * scale, float(y)


def _arms(points: Sequence[Point]) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = {one.arm: [] for one in points}
    for one in points:
        found[one.arm].append(one)
    return found


def _name_arms(
    axes: Axes, arms: Mapping[str, Sequence[Point]], look: Mapping[str, Look], scale: float
) -> None:
    """Writes each arm's name at the place beside one of its points that covers least; `scale` is a
    point in pixels.
    """
    frame = axes.get_window_extent()
    taken = [box for own in arms.values() for one in own for box in _covered(axes, one, scale)]
    for arm, own in arms.items():
        at = (own[0].tokens, own[0].percent[0])  # within the axes: elsewhere a text has no extent
        text = axes.annotate(
            label(arm), at, (0, 0), textcoords="offset points", color=look[arm][0], size=8
        )
        text.set_in_layout(False)
        bare = text.get_window_extent()
        tries = []
        for far, one, side in itertools.product(_FAR, own, _AROUND):
            box = _beside(_pixel(axes, one, scale), side, far * scale, bare)
            lost = _area(box, box) - _area(box, frame)
            tries.append(
                (4 * lost + sum(_area(box, other) for other in taken) + far, box, far, one, side)
            )
        _, box, far, one, (right, up) = min(tries, key=lambda found: found[0])
        taken.append(box)
        text.xy = (one.tokens, one.percent[0])
        text.set_position((far * right + one.shift, far * up))
        text.set(ha=_SIDE[right][0], va=_SIDE[up][1])


def _beside(at: tuple[float, float], side: tuple[int, int], far: float, bare: Bbox) -> Bbox:
    """The pixels of a text of `bare`'s size on that side of a place, `far` pixels away."""
    x, y = at
    left = x + far * side[0] + (side[0] - 1) * bare.width / 2
    low = y + far * side[1] + (side[1] - 1) * bare.height / 2
    return Bbox.from_bounds(left, low, bare.width, bare.height)


def _covered(axes: Axes, point: Point, scale: float) -> list[Bbox]:
    """The pixels of a point's marker and of its interval."""
    x, y = _pixel(axes, point, scale)
    ends = [axes.transData.transform((1, end))[1] for end in point.percent[1:]]
    return [
        Bbox.from_extents(x - 7, y - 7, x + 7, y + 7),
        Bbox.from_extents(x - 3, ends[0], x + 3, ends[1]),
    ]


def _area(one: Bbox, other: Bbox) -> float:
    both = Bbox.intersection(one, other)
    return float(both.width * both.height) if both else 0.0
