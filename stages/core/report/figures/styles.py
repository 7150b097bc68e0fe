"""The look of each arm, alike in all figures: its colour and its marker, and its teacher's fill.

This is the one place that gives an arm its colour. The figures ask `arm_styles`, and so do
curves.py and vega.py, which write the colours into the data of `dvc plots`.

The colours are Okabe and Ito's (2008), which colour-blind readers tell apart. The markers tell arms
apart in grey.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from matplotlib.lines import Line2D

from stages.core.cells import FORCED, TRUNCATED, UNTRAINED
from stages.core.report.frontier.names import budgets_by_name


class ArmStyle(NamedTuple):
    """A colour and a marker of matplotlib's."""

    colour: str
    marker: str


# To change the colour of an arm, change it in one of these four. Arms that are in every study:
FIXED_STYLES = {
    "raw": ArmStyle("#000000", "o"),
    "answer_only": ArmStyle("#CC79A7", "X"),
    UNTRAINED: ArmStyle("#808080", "*"),
}
# The arms of grid.compressors, in that order. Further ones begin again.
COMPRESSED_STYLES = (
    ArmStyle("#0072B2", "s"),
    ArmStyle("#E69F00", "D"),
    ArmStyle("#009E73", "^"),
    ArmStyle("#F0E442", "p"),
)
# The arms whose names begin with truncated_, in their order
TRUNCATED_STYLES = (ArmStyle("#D55E00", "v"), ArmStyle("#56B4E9", "<"))

# The arms of grid.forced, in colours of Paul Tol's muted scheme, for none of the eight is left
FORCED_STYLES = (ArmStyle("#882255", "P"), ArmStyle("#332288", "h"))
# The markers of further budgets of one of these
BUDGET_MARKERS = ("s", "D", "^", "p", "v", "<", ">", "h", "d", "8")

# The colour of legend entries that are about a teacher or a method, not about an arm
NEUTRAL = "#404040"

FillStyle = Literal["full", "bottom", "left", "top", "right"]
# By the number of the teacher. The first two are both full, but the second one's face is white.
FILL_STYLES: tuple[FillStyle, ...] = ("full", "full", "bottom", "left", "top", "right")


def arm_styles(arms: Sequence[str]) -> dict[str, ArmStyle]:
    """The style of each arm. Where there are more arms than styles, colours come again with other
    markers.

    The arms of one way of shortening at several budgets count as one: they share its colour, and
    differ in their markers.
    """
    compressed_styles = _styles_in_rounds(COMPRESSED_STYLES)
    truncated_styles = _styles_in_rounds(TRUNCATED_STYLES)
    forced_styles = itertools.cycle(FORCED_STYLES)
    styles: dict[str, ArmStyle] = {}
    trained_arms = [arm for arm in arms if not arm.startswith(FORCED)]
    budgets_by_arm = {
        arm: list(budgets.values())
        for budgets in budgets_by_name(trained_arms).values()
        for arm in budgets.values()
    }
    for arm in arms:
        if arm in styles:
            continue
        if arm in budgets_by_arm:
            first_style = next(truncated_styles if arm.startswith(TRUNCATED) else compressed_styles)
            styles |= _budget_styles(budgets_by_arm[arm], first_style)
        elif arm in FIXED_STYLES:
            styles[arm] = FIXED_STYLES[arm]
        elif arm.startswith(TRUNCATED):
            styles[arm] = next(truncated_styles)
        elif arm.startswith(FORCED):
            styles[arm] = next(forced_styles)
        else:
            styles[arm] = next(compressed_styles)
    return styles


def _styles_in_rounds(styles: Sequence[ArmStyle]) -> Iterator[ArmStyle]:
    """`styles`, and then their colours again and again, each round with the markers moved on."""
    for round_number in itertools.count():
        for index, style in enumerate(styles):
            marker = styles[(index + round_number) % len(styles)].marker
            yield ArmStyle(style.colour, marker)


def _budget_styles(arms: Sequence[str], first_style: ArmStyle) -> dict[str, ArmStyle]:
    """The styles of the budgets of one way of shortening, the first of them `first_style`."""
    other_markers = [marker for marker in BUDGET_MARKERS if marker != first_style.marker]
    markers = itertools.cycle([first_style.marker, *other_markers])
    return {arm: ArmStyle(first_style.colour, next(markers)) for arm in arms}


def marker_size(marker: str) -> float:
    """The size of a marker in points. A star covers less than other markers, so it is larger."""
    return 9 if marker == "*" else 6


def marker_artist(
    colour: str, marker: str, legend_text: str = "", teacher_index: int = 0
) -> Line2D:
    """One marker, to be drawn in axes or to stand in a legend.

    The markers of the first teacher are full and those of the second are hollow. The markers of
    further teachers are half filled.
    """
    # It has no data yet: a chart sets them, a legend needs none
    artist = Line2D(
        [],
        [],
        color=colour,
        marker=marker,
        markerfacecolor="white" if teacher_index == 1 else colour,
        linestyle="",
        label=legend_text,
    )
    artist.set_markerfacecoloralt("white")
    artist.set_markersize(marker_size(marker))
    artist.set_fillstyle(FILL_STYLES[teacher_index % len(FILL_STYLES)])
    return artist
