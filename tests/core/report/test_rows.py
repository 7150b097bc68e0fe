"""Figures of rows: 3, 4, 6 and 8, and what stands at the edges of their axes."""

import dataclasses

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from stages.core.grid import ALL
from stages.core.report.figures.accuracy import accuracy
from stages.core.report.figures.charts.panels import Mark, Panel, RowLayout, Scale
from stages.core.report.figures.charts.rows import rows_figure
from stages.core.report.figures.relative import cost, retention_efficiency, rho
from stages.core.report.figures.styles import arm_styles
from stages.core.statistics.measures import Estimate
from tests.core.report.synthetic_results import ARMS, COST, grid_results, result


def panel_titles(figure: Figure) -> list[str]:
    """The titles of the axes that are not switched off."""
    return [axes.get_title(loc="left") for axes in figure.axes if axes.axison]


def one_row(estimates: dict[str, Estimate], scale: Scale = "percent") -> Axes:
    """The axes of a figure that has these arms' estimates in its only row."""
    marks = [Mark.in_arm_slot("row", arm, estimate) for arm, estimate in estimates.items()]
    panel = Panel(title="t", x_label="x", marks=marks, scale=scale)
    layout = RowLayout(["row"], list(estimates))
    return rows_figure([panel], arm_styles(ARMS), layout, [], 2).axes[0]


@pytest.mark.parametrize(
    ("students", "methods", "panels"), [(1, 1, 1), (1, 2, 2), (3, 2, 6), (4, 2, 8)]
)
def test_accuracy_has_a_panel_for_each_student_and_method(
    students: int, methods: int, panels: int
) -> None:
    titles = panel_titles(accuracy(ARMS, grid_results(students, methods)))
    assert len(titles) == panels
    assert len(set(titles)) == panels


def test_accuracy_has_panels_for_each_group_of_questions() -> None:
    raw = result("raw", 0.5, 9)
    measure = raw.scopes[ALL, ALL]
    groups = {
        ("in_distribution", ALL): measure,
        ("ood_reasoning", ALL): dataclasses.replace(measure, questions=7),
    }
    figure = accuracy(ARMS, [dataclasses.replace(raw, scopes=raw.scopes | groups)])
    questions = [axes.get_xlabel().split("\n")[1] for axes in figure.axes]
    assert questions == ["on 40 in-distribution questions", "on 7 OOD reasoning questions"]


def test_rows_stand_in_the_order_of_the_arms_from_the_top() -> None:
    axes = accuracy(ARMS, grid_results(1, 1)).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()][:2] == ["raw", "light"]
    bottom, top = axes.get_ylim()
    assert bottom > top


def test_rho_has_the_mean_over_sets_at_the_bottom() -> None:
    sets = [
        {"source": name, "rho_mean": mean, "rho_median": 0.2, "rho_q1": 0.1, "rho_q3": 0.3}
        for name, mean in (("a", 0.1), ("b", 0.4))
    ]
    compress_metrics = [
        {"teacher": "x", "compressor": "light", "sets": sets[:1]},
        {"teacher": "y", "compressor": "light", "sets": sets},
    ]
    x, y = rho(ARMS, compress_metrics).axes
    assert [text.get_text() for text in x.get_yticklabels()] == ["a", "b", "mean over sets"]
    means = [
        [float(np.asarray(line.get_xdata())[0]) for line in axes.lines if line.get_ydata()[0] == 2]
        for axes in (x, y)
    ]
    assert means == [[0.1], [0.25]]


def test_accuracies_are_never_logarithmic_and_start_at_zero() -> None:
    axes = accuracy(ARMS, [result("raw", 0.9, 10), result("light", 0.01, 10)]).axes[0]
    assert axes.get_xscale() == "linear"
    assert -5 < axes.get_xlim()[0] <= 0


def test_a_missing_value_is_left_out_and_zero_is_drawn() -> None:
    axes = one_row({"raw": Estimate(0.0, 0.0, 0.0), "light": Estimate(None)})
    (line,) = axes.lines
    assert np.asarray(line.get_xdata()).tolist() == [0.0]


def test_zero_stands_at_the_edge_of_a_log_axis_and_says_so() -> None:
    estimates = {
        "raw": Estimate(1.0),
        "light": Estimate(20.0, 5.0, 40.0),
        "strong": Estimate(0.0, 0.0, 0.5),
    }
    axes = one_row(estimates, "ratio")
    assert axes.get_xscale() == "log"
    (text,) = axes.texts
    assert text.get_text() == "0"
    assert isinstance(text, Annotation)
    assert text.xy[0] == axes.get_xlim()[0] > 0


def test_an_interval_without_an_upper_end_runs_to_the_edge() -> None:
    axes = one_row({"raw": Estimate(1.0), "light": Estimate(4.5, 1.2, None)})
    (head,) = [line for line in axes.lines if line.get_marker() == ">"]
    assert np.asarray(head.get_xdata()).tolist() == [axes.get_xlim()[1]]


def test_the_papers_up_to_values_are_lines_and_its_ranges_are_hatched() -> None:
    results = [result("raw", 0.5, 9), result("light", 0.5, 9)]
    all_axes = retention_efficiency(ARMS, results, show_paper=True).axes
    maxima = [
        [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "-."]
        for axes in all_axes
    ]
    hatches = [
        [patch.get_hatch() for patch in axes.patches if patch.get_hatch()] for axes in all_axes
    ]
    assert maxima == [[96.0], [], [18.0]]
    assert hatches == [[], ["////"], []]


def test_uncomparable_times_are_counted_in_the_title() -> None:
    incomparable = dataclasses.replace(
        COST, relative_seconds=Estimate(), seconds_note="timed on gpu, raw on cpu"
    )
    light = dataclasses.replace(result("light", 0.5, 9), cost=incomparable)
    figure = cost(ARMS, [result("raw", 0.5, 9), light])
    assert panel_titles(figure) == [
        "training tokens",
        "training FLOPs (6N)",
        "training time (1 not comparable)",
    ]
    # the reference, and the arms that have a ratio
    assert [len(axes.lines) for axes in figure.axes] == [3, 3, 2]
