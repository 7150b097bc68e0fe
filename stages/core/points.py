"""Accuracy against tokens: points that carry their arm's name, placed where it covers least."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from stages.core.panels import Look, grid, log_x, marker_size, nothing, with_legend
from stages.core.runs import label
from stages.core.stats import Measure

METHODS = ("o", "s", "^", "D", "v", "P")  # where the marker tells the method
_AROUND = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
_FAR = (5, 14, 23, 32)  # points between a marker and its name: where many coincide, names stack up
_NEAR, _APART = 5, 6.5  # points: what is nearer than this is drawn so far apart
_SIDE = {1: ("left", "bottom"), 0: ("center", "center"), -1: ("right", "top")}


@dataclass(frozen=True)
class Point:
    """What an arm did, its method's marker, None for the arm's own, and by how many points it is drawn to the right."""

    arm: str
    measure: Measure
    marker: str | None
    shift: float = 0.0

    @property
    def tokens(self) -> float:
        """x: median generated tokens."""
        return self.measure.lengths.median

    @property
    def percent(self) -> tuple[float, float, float]:
        """y: accuracy in per cent and the ends of its interval."""
        one = self.measure.accuracy.scaled(100)
        value = one.value or 0.0
        return value, value if one.low is None else one.low, value if one.high is None else one.high


def points_figure(
    panels: Mapping[str, Sequence[Point]], look: Mapping[str, Look], legend: Sequence[Line2D], accuracy: str
) -> Figure:
    """Accuracy against tokens, a panel for each title; `accuracy` names y. Points of an arm are joined."""
    if not panels:
        return nothing()
    size = (3.7, 3.0) if len(panels) > 1 else (5.6, 3.8)
    figure, drawn_on = grid(len(panels), 4, size, shared=True)
    every = [one for points in panels.values() for one in points]
    for axes, title in zip(drawn_on, panels, strict=True):
        axes.set_title(title, loc="left")
        axes.set(xlabel="median generated tokens,\nreasoning and answer", ylabel=accuracy)
    _limits(drawn_on[0], every)
    with_legend(figure, legend)
    figure.draw_without_rendering()  # fixes the axes, in which points are moved apart and labels placed
    scale = figure.dpi / 72
    for axes, points in zip(drawn_on, panels.values(), strict=True):
        log_x(axes, [one.tokens for one in every])
        moved = _moved(axes, points, scale)
        for arm, own in _arms(moved).items():
            _draw(axes, own, look[arm], scale)
        _name_arms(axes, _arms(moved), look, scale)
    return figure


def _limits(axes: Axes, points: Sequence[Point]) -> None:
    """Axes that hold all points and intervals, shared by all panels."""
    ends = [one.tokens for one in points]
    ends += [end for one in points for end in (one.measure.lengths.q1, one.measure.lengths.q3)]
    axes.set_ylim(-3, max(10, 3 + max(one.percent[2] for one in points)))  # from just below 0
    axes.set_xlim(max(0.0, min(ends) * 0.8), max(max(ends) * 1.25, 1.0))
    log_x(axes, [one.tokens for one in points])


def _moved(axes: Axes, points: Sequence[Point], scale: float) -> list[Point]:
    """The points, those moved apart sideways whose intervals would be drawn onto each other."""
    places = [axes.transData.transform((_seen(axes, one), one.percent[0]))[0] / scale for one in points]
    groups: list[list[int]] = []
    for at in sorted(range(len(points)), key=lambda at: places[at]):
        near = (own for own in groups if places[at] - places[own[-1]] < _NEAR and _overlap(points, own, at))
        if group := next(near, None):
            group.append(at)
        else:
            groups.append([at])
    shifts = {}
    for group in groups:
        middle = sum(places[at] for at in group) / len(group)
        for place, at in enumerate(group):
            shifts[at] = middle + _APART * (place - (len(group) - 1) / 2) - places[at] if len(group) > 1 else 0.0
    return [dataclasses.replace(one, shift=shifts[at]) for at, one in enumerate(points)]


def _overlap(points: Sequence[Point], group: Sequence[int], at: int) -> bool:
    """Whether a point's interval meets one of the group's."""
    _, low, high = points[at].percent
    return any(points[other].percent[1] <= high and low <= points[other].percent[2] for other in group)


def _seen(axes: Axes, point: Point) -> float:
    """Where the point stands: at the left edge if a log axis has no place for its 0."""
    return max(point.tokens, axes.get_xlim()[0])


def _draw(axes: Axes, own: Sequence[Point], look: Look, scale: float) -> None:
    """An arm's points with their intervals, and lightly the quartiles of their tokens."""
    colour, marker = look
    shown = [axes.transData.inverted().transform(_pixel(axes, one, scale)) for one in own]
    axes.plot([x for x, _ in shown], [y for _, y in shown], ":", color=colour, lw=1)
    for one, (x, y) in zip(own, shown, strict=True):
        axes.hlines(y, one.measure.lengths.q1, one.measure.lengths.q3, colors=colour, lw=2.5, alpha=0.2, zorder=1)
        axes.vlines(x, *one.percent[1:], colors=colour, linewidth=1.3)
        shape = one.marker or marker
        # the white edge keeps points that touch apart
        axes.plot([x], [y], shape, color=colour, ms=marker_size(shape), mec="white", clip_on=False)
        if one.tokens == 0 and axes.get_xscale() == "log":
            axes.annotate("0", (x, y), (0, 7), textcoords="offset points", color=colour, size=7, ha="center")


def _pixel(axes: Axes, point: Point, scale: float) -> tuple[float, float]:
    """Where the point's marker stands in the figure."""
    x, y = axes.transData.transform((_seen(axes, point), point.percent[0]))
    return float(x) + point.shift * scale, float(y)


def _arms(points: Sequence[Point]) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = {one.arm: [] for one in points}
    for one in points:
        found[one.arm].append(one)
    return found


def _name_arms(axes: Axes, arms: Mapping[str, Sequence[Point]], look: Mapping[str, Look], scale: float) -> None:
    """Writes each arm's name at the place beside one of its points that covers least; `scale` is a point in pixels."""
    frame = axes.get_window_extent()
    taken = [box for own in arms.values() for one in own for box in _covered(axes, one, scale)]
    for arm, own in arms.items():
        at = (_seen(axes, own[0]), own[0].percent[0])  # within the axes: elsewhere a text has no extent
        text = axes.annotate(label(arm), at, (0, 0), textcoords="offset points", color=look[arm][0], size=8)
        text.set_in_layout(False)
        bare = text.get_window_extent()
        tries = []
        for far, one, side in itertools.product(_FAR, own, _AROUND):
            box = _beside(_pixel(axes, one, scale), side, far * scale, bare)
            lost = _area(box, box) - _area(box, frame)
            tries.append((4 * lost + sum(_area(box, other) for other in taken) + far, box, far, one, side))
        _, box, far, one, (right, up) = min(tries, key=lambda found: found[0])
        taken.append(box)
        text.xy = (_seen(axes, one), one.percent[0])
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
    return [Bbox.from_extents(x - 7, y - 7, x + 7, y + 7), Bbox.from_extents(x - 3, ends[0], x + 3, ends[1])]


def _area(one: Bbox, other: Bbox) -> float:
    both = Bbox.intersection(one, other)
    return float(both.width * both.height) if both else 0.0
