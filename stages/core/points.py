"""Accuracy against tokens: points that carry their arm's name, placed where it covers least."""

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
_SIDE = {1: ("left", "bottom"), 0: ("center", "center"), -1: ("right", "top")}


@dataclass(frozen=True)
class Point:
    """What an arm did, and its method's marker, None for the arm's own."""

    arm: str
    measure: Measure
    marker: str | None

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


def points_figure(panels: Mapping[str, Sequence[Point]], look: Mapping[str, Look], legend: Sequence[Line2D]) -> Figure:
    """Accuracy against tokens, a panel for each title; an arm's points are joined, and labelled once."""
    if not panels:
        return nothing()
    size = (3.7, 3.0) if len(panels) > 1 else (5.6, 3.8)
    figure, drawn_on = grid(len(panels), 4, size, shared=True)
    for axes, (title, points) in zip(drawn_on, panels.items(), strict=True):
        for arm, own in _arms(points).items():
            colour, marker = look[arm]
            axes.plot([one.tokens for one in own], [one.percent[0] for one in own], ":", color=colour, lw=1)
            for one in own:
                axes.vlines(one.tokens, *one.percent[1:], colors=colour, linewidth=1.3)
                shape = one.marker or marker
                # the white edge keeps points that coincide apart
                axes.plot([one.tokens], [one.percent[0]], shape, color=colour, ms=marker_size(shape), mec="white")
        axes.margins(0.12)
        axes.set_title(title, loc="left")
        axes.set(xlabel="median generated tokens", ylabel="accuracy (%)")
        log_x(axes, [one.tokens for every in panels.values() for one in every])
    drawn_on[0].set_ylim(-3, max(10, drawn_on[0].get_ylim()[1]))  # shared; from just below 0
    with_legend(figure, legend)
    figure.draw_without_rendering()  # fixes the axes, between which labels are then placed
    for axes, points in zip(drawn_on, panels.values(), strict=True):
        _name_arms(axes, _arms(points), look, figure.dpi / 72)
    return figure


def _arms(points: Sequence[Point]) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = {one.arm: [] for one in points}
    for one in points:
        found[one.arm].append(one)
    return found


def _name_arms(axes: Axes, arms: Mapping[str, Sequence[Point]], look: Mapping[str, Look], scale: float) -> None:
    """Writes each arm's name at the place beside one of its points that covers least; `scale` is a point in pixels."""
    frame = axes.get_window_extent()
    taken = [box for own in arms.values() for one in own for box in _covered(axes, one)]
    for arm, own in arms.items():
        at = (own[0].tokens, own[0].percent[0])  # within the axes: elsewhere a text has no extent
        text = axes.annotate(label(arm), at, (0, 0), textcoords="offset points", color=look[arm][0], size=8)
        text.set_in_layout(False)
        bare = text.get_window_extent()
        tries = []
        for far, one, side in itertools.product(_FAR, own, _AROUND):
            box = _beside(axes, one, side, far * scale, bare)
            lost = _area(box, box) - _area(box, frame)
            tries.append((4 * lost + sum(_area(box, other) for other in taken) + far, box, far, one, side))
        _, box, far, one, (right, up) = min(tries, key=lambda found: found[0])
        taken.append(box)
        text.xy = (one.tokens, one.percent[0])
        text.set_position((far * right, far * up))
        text.set(ha=_SIDE[right][0], va=_SIDE[up][1])


def _beside(axes: Axes, point: Point, side: tuple[int, int], far: float, bare: Bbox) -> Bbox:
    """The pixels of a text of `bare`'s size on that side of a point, `far` pixels away."""
    x, y = axes.transData.transform((point.tokens, point.percent[0]))
    left = x + far * side[0] + (side[0] - 1) * bare.width / 2
    low = y + far * side[1] + (side[1] - 1) * bare.height / 2
    return Bbox.from_bounds(left, low, bare.width, bare.height)


def _covered(axes: Axes, point: Point) -> list[Bbox]:
    """The pixels of a point's marker and of its interval."""
    x, y = axes.transData.transform((point.tokens, point.percent[0]))
    ends = [axes.transData.transform((point.tokens, end))[1] for end in point.percent[1:]]
    return [Bbox.from_extents(x - 7, y - 7, x + 7, y + 7), Bbox.from_extents(x - 3, ends[0], x + 3, ends[1])]


def _area(one: Bbox, other: Bbox) -> float:
    both = Bbox.intersection(one, other)
    return float(both.width * both.height) if both else 0.0
