"""The names that figures give to students and trainings, in the order of the results."""

from collections.abc import Sequence

from stages.core.cells import Cell
from stages.core.report.figures.charts.panels import distinct
from stages.core.report.results import Comparison, Result


def teachers_of(results: Sequence[Result | Comparison]) -> list[str]:
    """The teachers of results; untrained students have none."""
    return distinct(result.cell.teacher for result in results)


def students_of(results: Sequence[Result]) -> list[str]:
    """The students of results."""
    return distinct(result.cell.student for result in results)


def methods_of(results: Sequence[Result]) -> list[str]:
    """The methods of results; untrained students have none."""
    return distinct(result.cell.method for result in results)


def student_name(student: str, teacher: str, teachers: Sequence[str]) -> str:
    """The name of a student, with that of its teacher where there are several teachers."""
    return f"{student} of {teacher}" if len(teachers) > 1 else student


def training_names(results: Sequence[Result | Comparison]) -> dict[Cell, str]:
    """The row of each cell, as "small of solver, lora": the student's name and the method."""
    teachers = teachers_of(results)
    names = {}
    for result in results:
        cell = result.cell
        student = student_name(cell.student, cell.teacher, teachers)
        names[cell] = f"{student}, {cell.method}"
    return names
