"""Figures 4 and 7: accuracies by arm, and their differences from those of shortened traces."""

import itertools
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.core.grid import describe_questions
from stages.core.report.figures.charts.panels import Mark, Panel, RowLayout
from stages.core.report.figures.charts.rows import arm_rows_figure, rows_figure, rows_of
from stages.core.report.figures.names import methods_of, students_of, teachers_of, training_names
from stages.core.report.figures.styles import NEUTRAL, arm_styles, marker_artist
from stages.core.report.results import Comparison, Result


def accuracy(arms: Sequence[str], results: Sequence[Result]) -> Figure:
    """Figure 4: accuracy by arm, a panel for each group of questions, method and student.

    The rows are the arms, and have a slot for each teacher.
    """
    teachers = teachers_of(results)
    students = students_of(results)
    methods = methods_of(results)
    panels = []
    for group, method, student in itertools.product(results[0].groups, methods, students):
        questions = describe_questions(group, results[0].groups[group].questions)
        panel = Panel(
            title=f"{student}, {method}",
            x_label=f"accuracy (%)\non {questions}",
            marks=_accuracy_marks(results, group, student, method),
        )
        panels.append(panel)
    columns = len(students) if len(students) > 1 else len(methods)
    layout = RowLayout(rows=arms, slots=teachers)
    return rows_figure(panels, arm_styles(arms), layout, _teacher_legend(teachers), columns)


def _accuracy_marks(results: Sequence[Result], group: str, student: str, method: str) -> list[Mark]:
    """The marks of a panel of figure 4: those of a method, and that of the untrained student."""
    teachers = teachers_of(results)
    marks = []
    for result in results:
        cell = result.cell
        if cell.student != student or cell.method not in (method, ""):
            continue
        # the untrained student has no teacher, so no slot
        teacher_index = teachers.index(cell.teacher) if cell.teacher else 0
        percent = result.groups[group].accuracy.scaled(100)
        marks.append(Mark(cell.target, cell.teacher, cell.target, percent, teacher_index))
    return marks


def _teacher_legend(teachers: Sequence[str]) -> list[Line2D]:
    """The fills of the teachers' markers, where there are several teachers."""
    if len(teachers) == 1:
        return []
    return [marker_artist(NEUTRAL, "o", teacher, index) for index, teacher in enumerate(teachers)]


def truncation(
    arms: Sequence[str], comparisons: Sequence[Comparison], questions_text: str
) -> Figure:
    """Figure 7: accuracy on compressed traces less that on traces shortened to the same budgets.

    A mark is named by the shortener, because a compressor can have several of these controls.

    `questions_text` says which questions, as "132 in-distribution questions".
    """
    rows = training_names(comparisons)
    marks = []
    for comparison in comparisons:
        cell = comparison.cell
        percentage_points = comparison.compressed.difference.scaled(100)
        marks.append(Mark.in_arm_slot(rows[cell], comparison.shortener, percentage_points))
    panel = Panel(
        title="accuracy, compressed less shortened",
        x_label=f"percentage points\non {questions_text}",
        marks=marks,
        reference=0,
        scale="difference",
    )
    return arm_rows_figure(arms, [panel], rows_of([panel]))
