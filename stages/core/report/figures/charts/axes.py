"""Figures with a grid of axes, their legends, and logarithmic axes with plain numbers."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import (
    EngFormatter,
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullLocator,
)

# The room on the left of a point at 0, as a share of the axis
_ZERO_MARGIN = 0.06


def axes_grid(
    count: int,
    columns: int,
    panel_size: tuple[float, float],
    *,
    share_x: bool,
    left_margin: float = 0.0,
) -> tuple[Figure, list[Axes]]:
    """A figure and its `count` axes, of which `columns` stand side by side.

    Each has the width and height of `panel_size`. `left_margin` is for the names of rows. All are
    in inches.
    """
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    width, height = panel_size
    figure = Figure(
        figsize=(left_margin + width * columns, 0.4 + height * rows), layout="constrained"
    )
    grid = figure.subplots(rows, columns, squeeze=False, sharex=share_x, sharey=True).ravel()
    for spare_axes in grid[count:]:
        spare_axes.set_axis_off()
    for axes in grid[:count]:
        # sharing leaves these labels to the lowest row alone, where a panel may be missing
        axes.tick_params(labelbottom=True)
    return figure, list(grid[:count])


def empty_figure() -> Figure:
    """The figure of a grid that has nothing to show, so that every link to a figure holds."""
    figure = Figure(figsize=(4, 1))
    figure.text(0.5, 0.5, "nothing to compare in this grid", ha="center", va="center")
    return figure


def add_legend(figure: Figure, handles: Sequence[Line2D | Patch]) -> None:
    """Adds a legend below the axes, with lines of about equal length; none without handles."""
    if not handles:
        return
    longest_text = max(len(str(handle.get_label())) for handle in handles)
    # The width of an entry, from its longest text at the legend's size
    entry_inches = 0.45 + 0.065 * longest_text
    entries_per_line = max(1, int(figure.get_figwidth() / entry_inches))
    lines = math.ceil(len(handles) / entries_per_line)
    columns = math.ceil(len(handles) / lines)
    figure.legend(handles=list(handles), loc="outside lower center", ncols=columns)


def log_x(axes: Axes, values: Sequence[float]) -> None:
    """Makes x logarithmic where the values above 0 span a decade.

    The axis begins a little below the smallest of these values.
    """
    positive_values = [value for value in values if value > 0]
    if not positive_values:
        return
    smallest, largest = min(positive_values), max(positive_values)
    if largest < 10 * smallest:
        return
    axes.set_xscale("log")
    left, right = axes.get_xlim()
    # an interval may reach far lower than any value, to 0 too: it then ends at the edge
    axes.set_xlim(max(left, smallest / 3), right)
    axes.xaxis.set_major_locator(LogLocator(subs=_tick_multiples(largest / smallest)))
    _write_plain_numbers(axes)


def log_x_si(axes: Axes, values: Sequence[float]) -> None:
    """Makes x logarithmic around `values`, with labels as 20k and 1M, whatever they span.

    All values must be above 0.
    """
    smallest, largest = min(values), max(values)
    axes.set_xscale("log")
    margin = (largest / smallest) ** 0.06 * 1.05
    axes.set_xlim(smallest / margin, largest * margin)
    if largest < 3 * smallest:
        # Too few multiples of powers of 10 lie in so narrow an axis
        axes.xaxis.set_major_locator(MaxNLocator(4))
    else:
        axes.xaxis.set_major_locator(LogLocator(subs=_tick_multiples(largest / smallest)))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_locator(NullLocator())


def _tick_multiples(span: float) -> tuple[float, ...]:
    """The multiples of each power of 10 that have a tick: the fewer, the more decades there are."""
    if span < 30:
        return (1.0, 2.0, 3.0, 5.0)
    if span < 300:
        return (1.0, 2.0, 5.0)
    return (1.0,)


def _write_plain_numbers(axes: Axes) -> None:
    """Labels the major ticks of x with numbers, not with powers of 10, and has no minor ticks."""
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def log_x_with_zero(axes: Axes, values: Sequence[float]) -> None:
    """Makes x as `log_x` does. Where a value is 0, the axis has room for it, not at its very edge.

    A logarithmic axis with a 0 becomes one of matplotlib's "symlog" ones.
    """
    log_x(axes, values)
    if min(values) > 0:
        return
    left, right = axes.get_xlim()
    if axes.get_xscale() != "log":
        axes.set_xlim(-_ZERO_MARGIN * right, right)
        return
    ticks = [0.0]
    locator = LogLocator(subs=(1.0, 2.0, 5.0) if right < 300 * left else (1.0,))
    for tick in locator.tick_values(left, right):
        if left <= tick <= right:
            ticks.append(tick)
    # below `left` the axis is linear, as wide as a fifth of the rest
    axes.set_xscale("symlog", linthresh=left, linscale=0.2 * math.log10(right / left))
    axes.set_xlim(-left / 2, right)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    _write_plain_numbers(axes)
