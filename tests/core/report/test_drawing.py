"""Figures: one look for each arm, what is drawn where, and labels that do not cover each other."""

import dataclasses
import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from stages.core.cells import Cell
from stages.core.grid import ALL
from stages.core.report.figures import drawing
from stages.core.report.figures.panels import Mark, Panel, looks, rows_figure
from stages.core.report.results import Result, TrainingCost
from stages.core.statistics.measures import Estimate
from tests.synthetic import equal_lengths, measured

ARMS = ("raw", "light", "strong", "truncated_light", "answer_only", "untrained")
COST = TrainingCost(
    examples=1,
    passes=1.0,
    steps=1,
    tokens=1,
    total_tokens=2,
    flops=12,
    packed=True,
    each_seconds=(1.0,),
    peak_memory_gb=1.0,
    devices=("cpu (2 threads)",),
    relative_tokens=0.5,
    relative_flops=0.6,
    relative_seconds=Estimate(0.25),
)


def result(
    target: str, accuracy: float, tokens: float, *, student: str = "small", method: str = "full"
) -> Result:
    """A run with just what figures show."""
    plain = Estimate(accuracy, max(0, accuracy - 0.1), min(1, accuracy + 0.1))
    ratios = dict.fromkeys(("retention", "output", "efficiency"), plain)
    measure = measured(40, plain, tokens, **ratios)
    untrained = target == "untrained"
    run = (
        Cell("", target, student, "", "")
        if untrained
        else Cell("solver", target, student, method, "")
    )
    return Result(run, None if untrained else COST, {(ALL, ALL): measure})


def grid(students: int, methods: int) -> list[Result]:
    """Every arm of a small grid."""
    shape = dict(
        zip(
            ARMS,
            [(0.7, 300), (0.6, 110), (0.5, 60), (0.3, 100), (0.1, 12), (0.2, 180)],
            strict=True,
        )
    )
    cells = itertools.product(range(students), range(methods), ARMS[:-1])
    trained = [
        result(arm, *shape[arm], student=f"s{one}", method=f"m{two}") for one, two, arm in cells
    ]
    return trained + [
        result("untrained", *shape["untrained"], student=f"s{one}") for one in range(students)
    ]


def test_arms_differ_in_colour_and_in_marker() -> None:
    found = looks(ARMS)
    assert len({colour for colour, _ in found.values()}) == len(ARMS)
    assert len({marker for _, marker in found.values()}) == len(ARMS)


def test_an_arm_keeps_its_look_without_the_arms_after_it() -> None:
    assert all(
        looks(ARMS[:count])[arm] == looks(ARMS)[arm]
        for count in range(1, 7)
        for arm in ARMS[:count]
    )


def test_more_arms_than_colours_still_have_looks() -> None:
    many = ["raw", *(f"c{place}" for place in range(9))]
    assert list(looks(many)) == many


@pytest.mark.parametrize(
    ("students", "methods", "panels"), [(1, 1, 1), (1, 2, 2), (3, 2, 6), (4, 2, 8)]
)
def test_accuracy_has_a_panel_for_each_student_and_method(
    students: int, methods: int, panels: int
) -> None:
    figure = drawing.accuracy(ARMS, grid(students, methods))
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.axison]
    assert len(titles) == panels
    assert len(set(titles)) == panels


def test_accuracy_has_panels_for_each_group_of_questions() -> None:
    whole = result("raw", 0.5, 9)
    measure = whole.scopes[ALL, ALL]
    groups = {
        ("in_distribution", ALL): measure,
        ("ood_reasoning", ALL): dataclasses.replace(measure, questions=7),
    }
    drawn = drawing.accuracy(ARMS, [dataclasses.replace(whole, scopes=whole.scopes | groups)]).axes
    asked = [axes.get_xlabel().split("\n")[1] for axes in drawn]
    assert asked == ["on 40 in-distribution questions", "on 7 OOD reasoning questions"]


def test_rows_stand_in_the_order_of_the_arms_from_the_top() -> None:
    axes = drawing.accuracy(ARMS, grid(1, 1)).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()][:2] == ["raw", "light"]
    low, high = axes.get_ylim()
    assert low > high


def test_tokens_are_logarithmic_where_they_span_a_decade() -> None:
    wide, narrow = [result("raw", 0.5, 300), result("light", 0.5, 20)], [result("raw", 0.5, 300)]
    assert drawing.accuracy_tokens(ARMS, wide).axes[0].get_xscale() == "log"
    assert drawing.accuracy_tokens(ARMS, narrow).axes[0].get_xscale() == "linear"


def test_students_without_reasoning_stand_at_0_inside_the_axes_of_tokens() -> None:
    for shown in ([result("raw", 0.5, 300), result("light", 0.5, 20)], [result("raw", 0.5, 90)]):
        nothing = [
            result(arm, 0.1, 0, method=method)
            for arm in ("answer_only", "strong")
            for method in ("a", "b")
        ]
        axes = drawing.accuracy_tokens(ARMS, [*shown, *nothing]).axes[0]
        assert axes.get_xscale() == ("symlog" if len(shown) == 2 else "linear")
        assert 0 in axes.get_xticks()
        left = axes.get_window_extent().x0
        points = [one for one in axes.lines if one.get_linestyle() == "None"]
        places = [
            axes.transData.transform((np.asarray(one.get_xdata())[0], 10))[0] for one in points
        ]
        assert left < min(places)
        assert axes.transData.transform((0, 0))[0] == pytest.approx(sum(sorted(places)[:4]) / 4)


def test_figure_5_counts_reasoning_tokens_and_its_alternative_all_generated_ones() -> None:
    one = result("raw", 0.5, 50)
    measure = dataclasses.replace(one.main, thinking=equal_lengths(40.0))
    own = [dataclasses.replace(one, scopes={(ALL, ALL): measure})]
    for reasoning, wanted, said in (
        (True, 40, "median reasoning tokens"),
        (False, 50, "median generated tokens"),
    ):
        axes = drawing.accuracy_tokens(ARMS, own, reasoning=reasoning).axes[0]
        (point,) = (line for line in axes.lines if line.get_linestyle() == "None")
        assert np.asarray(point.get_xdata())[0] == pytest.approx(wanted)
        assert axes.get_xlabel().startswith(said)


def test_papers_lengths_are_marked_from_those_of_raw() -> None:
    """Of raw with 190 and 300 tokens: from 190 / 19 to 300 / 3."""
    shown = [
        result("raw", 0.5, 190, method="lora"),
        result("raw", 0.5, 300),
        result("light", 0.5, 40),
    ]
    (band,) = drawing.accuracy_tokens(ARMS, shown, papers=True).axes[0].patches
    assert isinstance(band, Rectangle)
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((10, 100))
    assert not drawing.accuracy_tokens(ARMS, shown).axes[0].patches


def test_rho_has_the_mean_over_sets_at_the_bottom() -> None:
    sets = [
        {"source": name, "rho_mean": mean, "rho_median": 0.2, "rho_q1": 0.1, "rho_q3": 0.3}
        for name, mean in (("a", 0.1), ("b", 0.4))
    ]
    found = [
        {"teacher": teacher, "compressor": "light", "sets": own}
        for teacher, own in (("x", sets[:1]), ("y", sets))
    ]
    x, y = drawing.rho(ARMS, found).axes
    assert [text.get_text() for text in x.get_yticklabels()] == ["a", "b", "mean over sets"]
    means = [
        [float(np.asarray(one.get_xdata())[0]) for one in axes.lines if one.get_ydata()[0] == 2]
        for axes in (x, y)
    ]
    assert means == [[0.1], [0.25]]


def test_accuracies_are_never_logarithmic_and_start_at_zero() -> None:
    axes = drawing.accuracy(ARMS, [result("raw", 0.9, 10), result("light", 0.01, 10)]).axes[0]
    assert axes.get_xscale() == "linear"
    assert -5 < axes.get_xlim()[0] <= 0


def labels(figure: Figure) -> list[Annotation]:
    """The names written beside points."""
    return [text for axes in figure.axes for text in axes.texts if isinstance(text, Annotation)]


@pytest.mark.parametrize(("students", "methods"), [(1, 2), (2, 2)])
def test_names_of_points_neither_cover_each_other_nor_leave_their_panel(
    students: int, methods: int
) -> None:
    figure = drawing.accuracy_tokens(ARMS, grid(students, methods))
    found = labels(figure)
    assert len(found) == len(ARMS) * students
    for one, other in itertools.combinations(found, 2):
        assert not Bbox.intersection(one.get_window_extent(), other.get_window_extent())
    for text in found:
        assert text.axes is not None
        frame, box = text.axes.get_window_extent(), text.get_window_extent()
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1


def test_names_stack_up_where_all_points_coincide() -> None:
    shown = [result(arm, 0.0, 16, method=method) for method in ("lora", "full") for arm in ARMS]
    found = labels(drawing.accuracy_tokens(ARMS, shown))
    assert len(found) == len(ARMS)
    for one, other in itertools.combinations(found, 2):
        assert not Bbox.intersection(one.get_window_extent(), other.get_window_extent())


def test_points_at_one_place_are_moved_apart_and_others_are_not() -> None:
    shown = [
        result(arm, 0.5, 50, method=method)
        for method in ("lora", "full")
        for arm in ("raw", "light")
    ]
    axes = drawing.accuracy_tokens(ARMS, [*shown, result("strong", 0.5, 300)]).axes[0]
    points = [one for one in axes.lines if one.get_linestyle() == "None"]
    places = sorted(axes.transData.transform((one.get_xdata()[0], 50))[0] for one in points)
    assert min(right - left for left, right in itertools.pairwise(places)) > 6
    assert any(one.get_xdata()[0] == pytest.approx(300) for one in points)


def test_a_missing_value_is_left_out_and_zero_is_drawn() -> None:
    marks = [
        Mark("row", "light", "light", Estimate(None)),
        Mark("row", "raw", "raw", Estimate(0.0, 0.0, 0.0)),
    ]
    figure = rows_figure([Panel("t", "x", marks)], looks(ARMS), ["row"], ["raw", "light"], [], 2)
    (line,) = figure.axes[0].lines
    assert np.asarray(line.get_xdata()).tolist() == [0.0]


def test_zero_stands_at_the_edge_of_a_log_axis_and_says_so() -> None:
    values = {
        "raw": Estimate(1.0),
        "light": Estimate(20.0, 5.0, 40.0),
        "strong": Estimate(0.0, 0.0, 0.5),
    }
    marks = [Mark("row", arm, arm, value) for arm, value in values.items()]
    axes = rows_figure(
        [Panel("t", "x", marks, scale="ratio")], looks(ARMS), ["row"], list(values), [], 2
    ).axes[0]
    assert axes.get_xscale() == "log"
    (text,) = axes.texts
    assert text.get_text() == "0"
    assert isinstance(text, Annotation)
    assert text.xy[0] == axes.get_xlim()[0] > 0


def test_an_interval_without_an_upper_end_runs_to_the_edge() -> None:
    marks = [
        Mark("row", "raw", "raw", Estimate(1.0)),
        Mark("row", "light", "light", Estimate(4.5, 1.2, None)),
    ]
    axes = rows_figure(
        [Panel("t", "x", marks)], looks(ARMS), ["row"], ["raw", "light"], [], 2
    ).axes[0]
    (head,) = [one for one in axes.lines if one.get_marker() == ">"]
    assert np.asarray(head.get_xdata()).tolist() == [axes.get_xlim()[1]]


def test_the_papers_up_to_values_are_lines_and_its_ranges_are_hatched() -> None:
    figure = drawing.retention_efficiency(
        ARMS, [result("raw", 0.5, 9), result("light", 0.5, 9)], papers=True
    )
    dashed = [
        [one.get_xdata()[0] for one in axes.lines if one.get_linestyle() == "-."]
        for axes in figure.axes
    ]
    hatched = [[one.get_hatch() for one in axes.patches if one.get_hatch()] for axes in figure.axes]
    assert dashed == [[96.0], [], [18.0]]
    assert hatched == [[], ["////"], []]


def test_nothing_to_compare_is_said() -> None:
    for figure in (
        drawing.truncation(ARMS, []),
        drawing.accuracy_tokens(ARMS, [result("untrained", 0.5, 9)]),
    ):
        (text,) = figure.texts
        assert "nothing to compare" in text.get_text()


def test_uncomparable_times_are_counted_in_the_title() -> None:
    refused = dataclasses.replace(
        COST, relative_seconds=Estimate(), seconds_note="timed on gpu, raw on cpu"
    )
    other = dataclasses.replace(result("light", 0.5, 9), cost=refused)
    drawn = drawing.cost(ARMS, [result("raw", 0.5, 9), other]).axes
    titles = [axes.get_title(loc="left") for axes in drawn]
    assert titles == ["training tokens", "training FLOPs (6N)", "training time (1 not comparable)"]
    assert [len(axes.lines) for axes in drawn] == [
        3,
        3,
        2,
    ]  # the reference, and the arms that have a ratio
