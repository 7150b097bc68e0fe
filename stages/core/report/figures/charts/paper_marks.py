"""What is drawn of the paper's own numbers, where a profile asks for them."""

from typing import Literal

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stages.core.report import paper

_HATCH_COLOUR = "#b8b8b8"
_HATCH = "////"
_MAXIMUM_COLOUR = "#8a6d9e"
_MAXIMUM_LINE: Literal["-."] = "-."
_LENGTHS_COLOUR = "#ececec"  # not hatched, for names of arms stand on it

# The entries of legends
RANGE_HANDLE = Patch(
    facecolor="none", edgecolor=_HATCH_COLOUR, hatch=_HATCH, linewidth=0, label=paper.NAME
)
MAXIMUM_HANDLE = Line2D(
    [], [], color=_MAXIMUM_COLOUR, linewidth=1.2, linestyle=_MAXIMUM_LINE, label=paper.MAXIMUM
)
LENGTHS_HANDLE = Patch(
    facecolor=_LENGTHS_COLOUR, label=f"3 to 19 times fewer than raw's ({paper.SOURCE})"
)


def draw_range(axes: Axes, low: float, high: float) -> None:
    """Hatches the paper's range of x."""
    axes.axvspan(
        low,
        high,
        facecolor="none",
        edgecolor=_HATCH_COLOUR,
        hatch=_HATCH,
        linewidth=0,
        zorder=0.5,
    )


def draw_maximum(axes: Axes, maximum: float) -> None:
    """Draws a vertical line at the paper's maximum, for what it says "up to" of."""
    axes.axvline(maximum, color=_MAXIMUM_COLOUR, linewidth=1.2, linestyle=_MAXIMUM_LINE, zorder=1)


def draw_lengths_range(axes: Axes, low: float, high: float) -> None:
    """Shades the range where the paper's lengths of outputs would lie, in tokens."""
    axes.axvspan(low, high, facecolor=_LENGTHS_COLOUR, linewidth=0, zorder=0)
