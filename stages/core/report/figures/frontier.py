"""Figure 11: accuracy against training tokens, a line for each way of shortening."""

import dataclasses
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from stages.core.cells import UNTRAINED, Cell, label
from stages.core.report.figures.charts.series import (
    Dash,
    SeedDot,
    Series,
    SeriesPanel,
    SeriesPoint,
    series_figure,
)
from stages.core.report.figures.names import student_name
from stages.core.report.figures.styles import ArmStyle, arm_styles
from stages.core.report.frontier.lines import BudgetLine, Frontier, pass_tokens
from stages.core.report.results import Result

_X_LABEL = "completion tokens of one pass\nover the training set, log scale"
# Lines of one colour, where there are more lines than colours
_DASHES: tuple[Dash, ...] = ("-", "--", ":", "-.")
SeedsByArm = Mapping[Cell, Sequence[Result]]


def frontier(arms: Sequence[str], frontiers: Sequence[Frontier], cells: Sequence[Result]) -> Figure:
    """Accuracy against the completion tokens of one pass, a panel for each frontier.

    `cells` are the results of the single seeds, none in a grid of one seed.
    """
    styles = arm_styles(arms)
    dashes = _dashes(frontiers, styles)
    seeds_by_arm: dict[Cell, list[Result]] = {}
    for result in cells:
        if result.cost and result.cost.passes:
            arm = dataclasses.replace(result.cell, seed="")
            seeds_by_arm.setdefault(arm, []).append(result)
    teachers = list(dict.fromkeys(each.teacher for each in frontiers))
    panels = []
    for each in frontiers:
        student = student_name(each.student, each.teacher, teachers)
        panel = SeriesPanel(
            title=f"{student}, {each.method}",
            series=_series(each, styles, dashes, seeds_by_arm),
            level=each.untrained.main.accuracy if each.untrained else None,
        )
        panels.append(panel)
    y_label = f"accuracy (%)\non {_first_arm(frontiers).questions_text}"
    level_style = (label(UNTRAINED), styles[UNTRAINED].colour)
    methods = {each.method for each in frontiers}
    columns = len(methods) if len(methods) > 1 else 3
    return series_figure(panels, (_X_LABEL, y_label), level_style, columns)


def _series(
    frontier: Frontier,
    styles: Mapping[str, ArmStyle],
    dashes: Mapping[str, Dash],
    seeds_by_arm: SeedsByArm,
) -> list[Series]:
    """The lines of a panel, and then its single points."""
    all_series = []
    for line in frontier.lines:
        points = [_point(arm, seeds_by_arm) for arm in line.arms.values()]
        style = _line_style(line, styles)
        all_series.append(Series(line.label, style, points, dashes[line.name]))
    for arm in frontier.single_arms:
        target = arm.cell.target
        points = [_point(arm, seeds_by_arm)]
        all_series.append(Series(label(target), styles[target], points))
    return all_series


def _point(arm: Result, seeds_by_arm: SeedsByArm) -> SeriesPoint:
    """The point of an arm, with a dot for each of its seeds where it has several."""
    dots = [
        SeedDot(pass_tokens(seed), 100 * (seed.main.accuracy.value or 0.0))
        for seed in seeds_by_arm.get(arm.cell, ())
    ]
    return SeriesPoint(pass_tokens(arm), arm.main.accuracy, tuple(dots))


def _line_style(line: BudgetLine, styles: Mapping[str, ArmStyle]) -> ArmStyle:
    """The style of the first arm of a line."""
    return styles[next(iter(line.arms.values())).cell.target]


def _dashes(frontiers: Sequence[Frontier], styles: Mapping[str, ArmStyle]) -> dict[str, Dash]:
    """How each line is dashed, by its name: differently from all others of its colour."""
    names_by_colour: dict[str, list[str]] = {}
    dashes: dict[str, Dash] = {}
    for line in (line for each in frontiers for line in each.lines):
        names = names_by_colour.setdefault(_line_style(line, styles).colour, [])
        if line.name not in names:
            names.append(line.name)
            dashes[line.name] = _DASHES[(len(names) - 1) % len(_DASHES)]
    return dashes


def _first_arm(frontiers: Sequence[Frontier]) -> Result:
    """Some arm; all of them answered the same questions."""
    return next(iter(frontiers[0].lines[0].arms.values()))
