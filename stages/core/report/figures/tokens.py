"""Figures 5 and 9: accuracy against the tokens that students write, and within a budget of them."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from stages.core.cells import Cell
from stages.core.report import paper
from stages.core.report.figures.charts.point_positions import Point
from stages.core.report.figures.charts.points import PointAxes, points_figure
from stages.core.report.figures.charts.ribbons import Curve, curves_figure
from stages.core.report.figures.names import methods_of, student_name, students_of, teachers_of
from stages.core.report.figures.styles import NEUTRAL, arm_styles, marker_artist
from stages.core.report.results import Result, by_training
from stages.core.statistics.measures import Estimate

# Figure 5 tells methods by these, with the arms' colours
METHOD_MARKERS = ("o", "s", "^", "D", "v", "P")


def accuracy_tokens(
    arms: Sequence[str],
    results: Sequence[Result],
    show_paper: bool = False,
    *,
    reasoning: bool = True,
) -> Figure:
    """Figure 5: accuracy against the median of reasoning tokens, or of all generated ones.

    There is a panel for each student and teacher. With `show_paper` each panel has the range where
    the paper's lengths would lie, from raw's.
    """
    markers = _markers_by_method(results)
    panels = _points_by_panel(results, markers, reasoning)
    point_axes = PointAxes(
        _tokens_label(reasoning),
        f"accuracy (%)\non {results[0].questions_text}",
        _paper_ranges(panels) if show_paper else {},
    )
    legend = [marker_artist(NEUTRAL, marker, method) for method, marker in markers.items()]
    return points_figure(panels, arm_styles(arms), legend, point_axes)


def _markers_by_method(results: Sequence[Result]) -> dict[str, str]:
    """The marker of each method. Where there are more methods than markers, markers come again."""
    markers = {}
    for index, method in enumerate(methods_of(results)):
        markers[method] = METHOD_MARKERS[index % len(METHOD_MARKERS)]
    return markers


def _points_by_panel(
    results: Sequence[Result], markers: Mapping[str, str], reasoning: bool
) -> dict[str, list[Point]]:
    """The points of figure 5 by the title of their panel."""
    teachers = teachers_of(results)
    panels = {}
    for teacher in teachers:
        for student in students_of(results):
            # The untrained student has no teacher, and a point in every panel
            points = [
                _point(result, markers, reasoning)
                for result in results
                if result.cell.student == student and result.cell.teacher in (teacher, "")
            ]
            panels[student_name(student, teacher, teachers)] = points
    return panels


def _point(result: Result, markers: Mapping[str, str], reasoning: bool) -> Point:
    """The point of a result. The untrained student has no method, so the marker of its arm."""
    lengths = result.main.thinking if reasoning else result.main.lengths
    marker = markers.get(result.cell.method)
    return Point(result.cell.target, result.main.accuracy, lengths, marker)


def _tokens_label(reasoning: bool) -> str:
    """What x of figure 5 is."""
    if reasoning:
        return "median reasoning tokens"
    return "median generated tokens,\nreasoning and answer"


def _paper_ranges(
    panels: Mapping[str, Sequence[Point]],
) -> dict[str, tuple[float, float]]:
    """The paper's range of lengths by the panel's title, from the lengths of the raw arms.

    A panel without raw arms that write tokens has none.
    """
    ranges = {}
    for title, points in panels.items():
        raw_lengths = [point.x for point in points if point.arm == "raw" and point.x]
        if raw_lengths:
            shortest, longest = paper.OUTPUT
            ranges[title] = (shortest * min(raw_lengths), longest * max(raw_lengths))
    return ranges


def budget(
    arms: Sequence[str],
    results: Sequence[Result],
    caps: Sequence[int],
    accuracies_by_cap: Mapping[Cell, Sequence[Estimate]],
) -> Figure:
    """Figure 9: accuracy against the cap of generated tokens.

    There is a panel for each student (of a teacher) and method. `accuracies_by_cap` has the
    accuracy of each cell at each of `caps`.
    """
    teachers = teachers_of(results)
    panels = {}
    for (teacher, student, method), training_results in by_training(results).items():
        title = f"{student_name(student, teacher, teachers)}, {method}"
        panels[title] = [
            Curve(result.cell.target, accuracies_by_cap[result.cell]) for result in training_results
        ]
    y_label = f"accuracy (%)\non {results[0].questions_text}"
    return curves_figure(panels, arm_styles(arms), caps, y_label)
