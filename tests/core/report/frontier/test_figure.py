"""Figure 11: a line for each way of shortening, single points, a dot for each seed."""

import itertools

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.core.report.figures.frontier import frontier
from stages.core.report.figures.styles import arm_styles
from stages.core.report.results import Result
from tests.core.report.frontier.known_arms import all_frontiers, cell, result

WAYS = ("random", "step", "surprisal", "tail", "entropy")
RATES = {10: 0.2, 30: 0.4, 80: 0.6}
SEEDS = ("s0", "s1")
ARMS = (
    "raw",
    "mild",
    *(f"{way}_{percent}" for way in WAYS for percent in RATES),
    "answer_only",
    "untrained",
)
SINGLE = {"raw": (0.7, 9000), "mild": (0.5, 2700), "answer_only": (0.1, 200)}


def rate_and_tokens(arm: str) -> tuple[float, int]:
    """What an arm reaches, and with how many tokens; those of one budget are alike."""
    if arm in SINGLE:
        return SINGLE[arm]
    percent = int(arm.rsplit("_", 1)[1])
    return RATES[percent], 90 * percent


def drawn(
    arms: tuple[str, ...] = ARMS, seeds: tuple[str, ...] = (), methods: tuple[str, ...] = ("lora",)
) -> Figure:
    """The figure of a grid of one student."""
    results: list[Result] = []
    cells: list[Result] = []
    for method, arm in itertools.product(methods, arms[:-1]):
        rate, tokens = rate_and_tokens(arm)
        results.append(result(cell(arm, method=method), rate, tokens, seeds))
        cells += [result(cell(arm, seed, method=method), rate, tokens) for seed in seeds]
    results.append(result(cell("untrained"), 0.15, 1))
    return frontier(arms, all_frontiers(results), cells)


def joined_lines(axes: Axes) -> list[Line2D]:
    """The lines through points of several budgets."""
    return [line for line in axes.lines if len(np.asarray(line.get_ydata())) == len(RATES)]


def legend_texts(figure: Figure) -> list[str]:
    """The entries of the legend."""
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_line_for_each_way_and_single_points_for_others() -> None:
    figure = drawn()
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "small, lora"
    assert axes.get_xscale() == "log"
    accuracies = [list(np.asarray(line.get_ydata())) for line in joined_lines(axes)]
    assert accuracies == [pytest.approx([20, 40, 60])] * len(WAYS)
    expected = [f"{way} 10, 30, 80 %" for way in WAYS]
    assert legend_texts(figure) == [*expected, "raw", "mild", "answer only", "untrained"]


def test_every_seed_is_a_dot() -> None:
    figure = drawn(seeds=SEEDS)
    dots = [line for line in figure.axes[0].lines if line.get_alpha() == 0.5]
    assert len(dots) == len(SEEDS) * (len(ARMS) - 1)
    assert legend_texts(figure)[-1] == "single seed"


def test_a_panel_for_each_method_that_has_lines() -> None:
    figure = drawn(methods=("lora", "full"))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["small, lora", "small, full"]


def test_points_at_one_place_are_moved_apart_but_little() -> None:
    axes = drawn().axes[0]
    points_per_pixel = 72 / axes.figure.dpi
    last = [np.asarray(line.get_xdata())[-1] for line in joined_lines(axes)]
    pixels = sorted(float(axes.transData.transform((x, 50))[0]) for x in last)
    distances = [(right - left) * points_per_pixel for left, right in itertools.pairwise(pixels)]
    assert min(distances) > 3
    assert sum(distances) < 25


def test_all_points_lie_inside_the_axes() -> None:
    axes = drawn(seeds=SEEDS).axes[0]
    left, right = axes.get_xlim()
    low, high = axes.get_ylim()
    for line in axes.lines:
        x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        # The dashed line of the untrained student has two points, at the edges
        if len(x) != 2:
            assert np.all((left < x) & (x < right))
            assert np.all((low < y) & (y < high))


def test_narrow_tokens_have_ticks_too() -> None:
    axes = drawn(("step_30", "step_80", "mild", "untrained")).axes[0]
    left, right = axes.get_xlim()
    assert sum(left <= tick <= right for tick in axes.get_xticks()) >= 2


def test_budgets_of_one_way_share_a_colour_and_lines_differ() -> None:
    styles = arm_styles(ARMS)
    for way in WAYS:
        of_way = [styles[f"{way}_{percent}"] for percent in RATES]
        assert len({style.colour for style in of_way}) == 1
        assert len({style.marker for style in of_way}) == len(RATES)
    assert len({styles[f"{way}_10"] for way in WAYS} | {styles["mild"]}) == len(WAYS) + 1
    drawn_lines = joined_lines(drawn().axes[0])
    looks = {(line.get_color(), line.get_linestyle()) for line in drawn_lines}
    assert len(looks) == len(WAYS)
