"""The study's figures: what each of them shows. Their bytes follow from the data and matplotlib's
version.
"""

import io
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.style
from matplotlib.figure import Figure

from stages.core.cells import UNTRAINED, Cell, label
from stages.core.grid import describe_questions
from stages.core.report import paper
from stages.core.report.figures.panels import Mark, Panel, line, looks, rows_figure
from stages.core.report.figures.points import METHODS, Axis, Point, points_figure
from stages.core.report.figures.ribbons import Curve, curves_figure
from stages.core.report.results import Comparison, Result, by_training
from stages.core.report.tables.data import MEAN, mean_compression
from stages.core.statistics.measures import Estimate, Measure

_STYLE = {
    "svg.hashsalt": "compress-distill",  # the ids in an SVG are random without it
    "figure.dpi": 150,
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "lines.markeredgewidth": 0.8,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
}


def draw(
    arms: Sequence[str],
    pooled: Sequence[Result],
    compared: Sequence[Comparison],
    found: Sequence[Mapping[str, Any]],
    caps: Sequence[int],
    curves: Mapping[Cell, Sequence[Estimate]],
    papers: bool,
) -> dict[str, bytes]:
    """PNG and SVG of every figure by file name, from results and comparisons with their seeds
    pooled.

    `arms` are the targets in order, `found` the compress stages' metrics, `curves` each arm's
    accuracy at each of `caps`; `papers` says whether the paper's own ranges are drawn too.
    """
    with matplotlib.style.context(["default", _STYLE]):
        drawn = {
            "4_accuracy": accuracy(arms, pooled),
            "3_rho": rho(arms, found, papers),
            "5_accuracy_tokens": accuracy_tokens(arms, pooled, papers),
            "5b_accuracy_generated": accuracy_tokens(arms, pooled, papers, reasoning=False),
            "6_cost": cost(arms, pooled, papers),
            "7_truncation": truncation(arms, compared, f"on {pooled[0].questions_text}"),
            "8_retention_efficiency": retention_efficiency(arms, pooled, papers),
            "9_budget": budget(arms, pooled, caps, curves),
        }
        kinds = ("png", "svg")
        return {
            f"{name}.{kind}": _rendered(figure, kind)
            for name, figure in drawn.items()
            for kind in kinds
        }


def _rendered(figure: Figure, kind: str) -> bytes:
    """The file's bytes, without the date and the software's name."""
    file = io.BytesIO()
    unsaid = ("Software",) if kind == "png" else ("Date", "Creator")
    figure.savefig(file, format=kind, metadata=dict.fromkeys(unsaid))
    return file.getvalue()


def accuracy(arms: Sequence[str], pooled: Sequence[Result]) -> Figure:
    """Figure 4: accuracy by arm, a panel for each group of questions, student and method."""
    teachers = _distinct(one.cell.teacher for one in pooled)
    students = _distinct(one.cell.student for one in pooled)
    methods = _distinct(one.cell.method for one in pooled)
    panels = []
    for group, method, student in itertools.product(pooled[0].groups, methods, students):
        shown = [
            one for one in pooled if one.cell.student == student and one.cell.method in (method, "")
        ]
        marks = [_accuracy_mark(one, one.groups[group], teachers) for one in shown]
        axis = f"accuracy (%)\non {describe_questions(group, pooled[0].groups[group].questions)}"
        panels.append(Panel(f"{student}, {method}", axis, marks))
    legend = [
        line("#404040", "o", name, teacher)
        for teacher, name in enumerate(teachers)
        if len(teachers) > 1
    ]
    return rows_figure(
        panels,
        looks(arms),
        arms,
        teachers,
        legend,
        columns=len(students) if len(students) > 1 else len(methods),
    )


def _accuracy_mark(one: Result, measure: Measure, teachers: Sequence[str]) -> Mark:
    # the untrained student has no teacher, so no slot
    fill = teachers.index(one.cell.teacher) if one.cell.teacher else 0
    return Mark(
        one.cell.target, one.cell.teacher, one.cell.target, measure.accuracy.scaled(100), fill
    )


def rho(arms: Sequence[str], found: Sequence[Mapping[str, Any]], papers: bool = False) -> Figure:
    """Figure 3: median and quartiles of rho by data set and compressor, and the mean; a panel for
    each teacher.
    """
    marks: dict[str, list[Mark]] = {}
    means: dict[str, list[Mark]] = {}
    for metrics in found:
        teacher, name = metrics["teacher"], metrics["compressor"]
        for one in metrics["sets"]:
            value = Estimate(one["rho_median"], one["rho_q1"], one["rho_q3"])
            marks.setdefault(teacher, []).append(Mark(one["source"], name, name, value))
        mean = Estimate(mean_compression(metrics["sets"])["rho_mean"])
        means.setdefault(teacher, []).append(Mark(MEAN, name, name, mean))
    axis = "rho, compressed / raw characters"
    order = _distinct([*arms, *(metrics["compressor"] for metrics in found)])
    sets = _distinct(mark.row for own in marks.values() for mark in own)
    return _by_arm(
        order,
        [
            Panel(
                f"{teacher}: median and quartiles of rho",
                axis,
                own,
                scale="share",
                band=_band(paper.RHO, papers),
            )
            for teacher, own in {
                teacher: [*marks[teacher], *means[teacher]] for teacher in marks
            }.items()
        ],
        [*sets, MEAN],
    )


def cost(arms: Sequence[str], pooled: Sequence[Result], papers: bool = False) -> Figure:
    """Figure 6: training tokens, FLOPs and seconds in training steps, relative to raw."""
    names = _names(pooled)
    trained = [(names[one.cell], one.cell.target, one.cost) for one in pooled if one.cost]
    tokens = [Mark(row, arm, arm, Estimate(cost.relative_tokens)) for row, arm, cost in trained]
    flops = [Mark(row, arm, arm, Estimate(cost.relative_flops)) for row, arm, cost in trained]
    seconds = [Mark(row, arm, arm, cost.relative_seconds) for row, arm, cost in trained]
    lacking = sum(bool(cost.seconds_note) for _, _, cost in trained)
    missing = f" ({lacking} not comparable)" if lacking else ""
    panels = [
        Panel(
            "training tokens",
            "completion tokens / raw's",
            tokens,
            1,
            "ratio",
            _band(paper.TRAINING_TOKENS, papers),
        ),
        Panel("training FLOPs (6N)", "FLOPs / raw's", flops, 1, "ratio"),
        Panel(
            f"training time{missing}",
            "seconds in steps / raw's",
            seconds,
            1,
            "ratio",
            _band(paper.TRAINING_SECONDS, papers),
        ),
    ]
    return _by_arm(arms, panels)


def truncation(arms: Sequence[str], compared: Sequence[Comparison], where: str = "") -> Figure:
    """Figure 7: accuracy on compressed traces less that on traces cut to the same budget, on the
    questions `where`.
    """
    names = _names(compared)
    marks = [
        Mark(
            names[one.cell], one.cell.target, one.cell.target, one.compressed.difference.scaled(100)
        )
        for one in compared
    ]
    title, axis = "accuracy, compressed less truncated", f"percentage points\n{where}"
    return _by_arm(arms, [Panel(title, axis, marks, 0, "difference")])


def retention_efficiency(
    arms: Sequence[str], pooled: Sequence[Result], papers: bool = False
) -> Figure:
    """Figure 8: retention, length of outputs and per-token efficiency, relative to raw."""
    names = _names(pooled)
    trained = [
        (names[one.cell], one.cell.target, one.main)
        for one in pooled
        if one.cell.target != UNTRAINED
    ]
    kept = [Mark(row, arm, arm, whole.retention.scaled(100)) for row, arm, whole in trained]
    output = [Mark(row, arm, arm, whole.output) for row, arm, whole in trained]
    efficient = [Mark(row, arm, arm, whole.efficiency) for row, arm, whole in trained]
    where = f"on {pooled[0].questions_text}"
    panels = [
        Panel(
            "retention",
            f"accuracy / raw's (%)\n{where}",
            kept,
            100,
            most=100 * paper.RETENTION if papers else None,
        ),
        Panel(
            "length of outputs",
            f"mean tokens / raw's\n{where}",
            output,
            1,
            "ratio",
            _band(paper.OUTPUT, papers),
        ),
        Panel(
            "per-token efficiency",
            f"accuracy per token / raw's\n{where}",
            efficient,
            1,
            "ratio",
            most=paper.EFFICIENCY if papers else None,
        ),
    ]
    return _by_arm(arms, panels)


def budget(
    arms: Sequence[str],
    pooled: Sequence[Result],
    caps: Sequence[int],
    curves: Mapping[Cell, Sequence[Estimate]],
) -> Figure:
    """Figure 9: accuracy against the cap of generated tokens, a panel for each student (of a
    teacher) and method.
    """
    several = len(_distinct(one.cell.teacher for one in pooled)) > 1
    drawn = {
        student + (f" of {teacher}" if several else "") + f", {method}": [
            Curve(one.cell.target, curves[one.cell]) for one in own
        ]
        for (teacher, student, method), own in by_training(pooled).items()
    }
    return curves_figure(drawn, looks(arms), caps, f"accuracy (%)\non {pooled[0].questions_text}")


def _band(ends: tuple[float, float], papers: bool) -> tuple[float, float] | None:
    """The paper's range, where it is wanted."""
    return ends if papers else None


def _distinct(values: Iterable[str]) -> list[str]:
    """The values that are not empty, once each, in order."""
    return [value for value in dict.fromkeys(values) if value]


def _names(results: Sequence[Result | Comparison]) -> dict[Cell, str]:
    """Each run's row: the student, of which teacher where there are several, and the method."""
    several = len(_distinct(one.cell.teacher for one in results)) > 1
    return {
        one.cell: one.cell.student
        + (f" of {one.cell.teacher}" if several else "")
        + f", {one.cell.method}"
        for one in results
    }


def _by_arm(arms: Sequence[str], panels: Sequence[Panel], rows: Sequence[str] = ()) -> Figure:
    """Panels whose rows hold a slot for each arm that has a value; `rows` in another order than
    that of the marks.
    """
    marks = [mark for panel in panels for mark in panel.marks]
    present = [arm for arm in arms if any(mark.arm == arm for mark in marks)]
    look = looks(arms)
    legend = [line(*look[arm], label(arm)) for arm in present]
    return rows_figure(
        panels, look, rows or _distinct(mark.row for mark in marks), present, legend, columns=3
    )


def accuracy_tokens(
    arms: Sequence[str], pooled: Sequence[Result], papers: bool = False, *, reasoning: bool = True
) -> Figure:
    """Figure 5: accuracy against median reasoning tokens, or all generated ones; a panel for each
    student, and teacher.

    With `papers` each panel has the range where the paper's lengths would lie, from raw's.
    """
    teachers = _distinct(one.cell.teacher for one in pooled)
    methods = _distinct(one.cell.method for one in pooled)
    markers = {method: METHODS[place % len(METHODS)] for place, method in enumerate(methods)}
    panels = {}
    for teacher, student in itertools.product(
        teachers, _distinct(one.cell.student for one in pooled)
    ):
        title = student + (f" of {teacher}" if len(teachers) > 1 else "")
        panels[title] = [
            Point(
                one.cell.target,
                one.main.accuracy,
                one.main.thinking if reasoning else one.main.lengths,
                markers.get(one.cell.method),
            )
            for one in pooled
            if one.cell.student == student and one.cell.teacher in (teacher, "")
        ]
    axis = Axis(
        "median reasoning tokens"
        if reasoning
        else "median generated tokens,\nreasoning and answer",
        f"accuracy (%)\non {pooled[0].questions_text}",
        {title: band for title, points in panels.items() if papers and (band := _shorter(points))},
    )
    legend = [line("#404040", marker, method) for method, marker in markers.items()]
    return points_figure(panels, looks(arms), legend, axis)


def _shorter(points: Sequence[Point]) -> tuple[float, float] | None:
    """The paper's range of lengths, from those of the raw arms; None without any."""
    raw = [one.tokens for one in points if one.arm == "raw" and one.tokens]
    return (paper.OUTPUT[0] * min(raw), paper.OUTPUT[1] * max(raw)) if raw else None
