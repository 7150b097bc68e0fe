"""Figure 5: where points of accuracy against tokens stand, and names that cover nothing."""

import dataclasses
import itertools

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from stages.core.grid import ALL
from stages.core.report.figures.tokens import accuracy_tokens
from tests.core.report.synthetic_results import ARMS, grid_results, result
from tests.synthetic import equal_lengths


def markers(axes: Axes) -> list[Line2D]:
    """The markers of points, without the lines that join them."""
    return [line for line in axes.lines if line.get_linestyle() == "None"]


def names(figure: Figure) -> list[Annotation]:
    """The names written beside points."""
    return [text for axes in figure.axes for text in axes.texts if isinstance(text, Annotation)]


def assert_apart(texts: list[Annotation]) -> None:
    """No text covers another."""
    for text, other in itertools.combinations(texts, 2):
        assert not Bbox.intersection(text.get_window_extent(), other.get_window_extent())


def test_tokens_are_logarithmic_where_they_span_a_decade() -> None:
    wide, narrow = [result("raw", 0.5, 300), result("light", 0.5, 20)], [result("raw", 0.5, 300)]
    assert accuracy_tokens(ARMS, wide).axes[0].get_xscale() == "log"
    assert accuracy_tokens(ARMS, narrow).axes[0].get_xscale() == "linear"


@pytest.mark.parametrize(
    ("tokens_by_arm", "scale"), [({"raw": 300, "light": 20}, "symlog"), ({"raw": 90}, "linear")]
)
def test_students_without_reasoning_stand_at_0_inside_the_axes_of_tokens(
    tokens_by_arm: dict[str, int], scale: str
) -> None:
    reasoning = [result(arm, 0.5, tokens) for arm, tokens in tokens_by_arm.items()]
    without = [
        result(arm, 0.1, 0, method=method)
        for arm in ("answer_only", "strong")
        for method in ("a", "b")
    ]
    axes = accuracy_tokens(ARMS, reasoning + without).axes[0]
    assert axes.get_xscale() == scale
    assert 0 in axes.get_xticks()
    x_pixels = [
        axes.transData.transform((np.asarray(marker.get_xdata())[0], 10))[0]
        for marker in markers(axes)
    ]
    assert axes.get_window_extent().x0 < min(x_pixels)
    assert axes.transData.transform((0, 0))[0] == pytest.approx(sum(sorted(x_pixels)[:4]) / 4)


@pytest.mark.parametrize(
    ("reasoning", "tokens", "x_label"),
    [(True, 40, "median reasoning tokens"), (False, 50, "median generated tokens")],
)
def test_figure_5_counts_reasoning_tokens_and_its_alternative_all_generated_ones(
    reasoning: bool, tokens: int, x_label: str
) -> None:
    raw = result("raw", 0.5, 50)
    measure = dataclasses.replace(raw.main, thinking=equal_lengths(40.0))
    results = [dataclasses.replace(raw, scopes={(ALL, ALL): measure})]
    axes = accuracy_tokens(ARMS, results, reasoning=reasoning).axes[0]
    (marker,) = markers(axes)
    assert np.asarray(marker.get_xdata())[0] == pytest.approx(tokens)
    assert axes.get_xlabel().startswith(x_label)


def test_papers_lengths_are_marked_from_those_of_raw() -> None:
    """Of raw with 190 and 300 tokens: from 190 / 19 to 300 / 3."""
    results = [
        result("raw", 0.5, 190, method="lora"),
        result("raw", 0.5, 300),
        result("light", 0.5, 40),
    ]
    (band,) = accuracy_tokens(ARMS, results, show_paper=True).axes[0].patches
    assert isinstance(band, Rectangle)
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((10, 100))
    assert not accuracy_tokens(ARMS, results).axes[0].patches


@pytest.mark.parametrize(("students", "methods"), [(1, 2), (2, 2)])
def test_names_of_points_neither_cover_each_other_nor_leave_their_panel(
    students: int, methods: int
) -> None:
    texts = names(accuracy_tokens(ARMS, grid_results(students, methods)))
    assert len(texts) == len(ARMS) * students
    assert_apart(texts)
    for text in texts:
        assert text.axes is not None
        frame, box = text.axes.get_window_extent(), text.get_window_extent()
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1


def test_names_stack_up_where_all_points_coincide() -> None:
    results = [result(arm, 0.0, 16, method=method) for method in ("lora", "full") for arm in ARMS]
    texts = names(accuracy_tokens(ARMS, results))
    assert len(texts) == len(ARMS)
    assert_apart(texts)


def test_points_at_one_place_are_moved_apart_and_others_are_not() -> None:
    coinciding = [
        result(arm, 0.5, 50, method=method)
        for method in ("lora", "full")
        for arm in ("raw", "light")
    ]
    axes = accuracy_tokens(ARMS, [*coinciding, result("strong", 0.5, 300)]).axes[0]
    x_values = [marker.get_xdata()[0] for marker in markers(axes)]
    x_pixels = sorted(axes.transData.transform((x, 50))[0] for x in x_values)
    assert min(right - left for left, right in itertools.pairwise(x_pixels)) > 6
    assert any(x == pytest.approx(300) for x in x_values)
