"""Figures 3, 6 and 8: what is measured relative to raw traces."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from stages.core.report import paper
from stages.core.report.figures.charts.panels import Mark, Panel, distinct
from stages.core.report.figures.charts.rows import arm_rows_figure, rows_of
from stages.core.report.figures.names import training_names
from stages.core.report.results import Result
from stages.core.report.tables.data import MEAN, mean_compression
from stages.core.statistics.measures import Estimate, Measure

CompressMetrics = Mapping[str, Any]  # the metrics of a compress stage


def rho(
    arms: Sequence[str], compress_metrics: Sequence[CompressMetrics], show_paper: bool = False
) -> Figure:
    """Figure 3: rho by data set and compressor, a panel for each teacher.

    The lowest row is the mean over the data sets.
    """
    panels = []
    # A teacher without kept traces has no panel
    for teacher in distinct(metrics["teacher"] for metrics in compress_metrics if metrics["sets"]):
        teacher_metrics = [metrics for metrics in compress_metrics if metrics["teacher"] == teacher]
        panel = Panel(
            title=f"{teacher}: median and quartiles of rho",
            x_label="rho, compressed / raw characters",
            marks=_set_marks(teacher_metrics) + _mean_marks(teacher_metrics),
            scale="share",
            paper_range=paper.RHO if show_paper else None,
        )
        panels.append(panel)
    compressors = [metrics["compressor"] for metrics in compress_metrics]
    # Teachers may have different data sets; the mean is below them all
    set_rows = [row for row in rows_of(panels) if row != MEAN]
    # A compressor that no student learns from is no arm of the grid, but has a rho
    return arm_rows_figure(distinct(list(arms) + compressors), panels, [*set_rows, MEAN])


def _set_marks(teacher_metrics: Sequence[CompressMetrics]) -> list[Mark]:
    """The median and quartiles of rho of each data set and compressor."""
    marks = []
    for metrics in teacher_metrics:
        for set_metrics in metrics["sets"]:
            quartiles = Estimate(
                set_metrics["rho_median"], set_metrics["rho_q1"], set_metrics["rho_q3"]
            )
            mark = Mark.in_arm_slot(set_metrics["source"], metrics["compressor"], quartiles)
            marks.append(mark)
    return marks


def _mean_marks(teacher_metrics: Sequence[CompressMetrics]) -> list[Mark]:
    """The mean of rho over the data sets of each compressor."""
    marks = []
    for metrics in teacher_metrics:
        mean = mean_compression(metrics["sets"])["rho_mean"]
        marks.append(Mark.in_arm_slot(MEAN, metrics["compressor"], Estimate(mean)))
    return marks


def cost(arms: Sequence[str], results: Sequence[Result], show_paper: bool = False) -> Figure:
    """Figure 6: training tokens, FLOPs and seconds in training steps, relative to raw."""
    rows = training_names(results)
    tokens, flops, seconds = [], [], []
    incomparable_times = 0
    for result in results:
        # The untrained student cost nothing
        if result.cost is None:
            continue
        row, arm = rows[result.cell], result.cell.target
        tokens.append(Mark.in_arm_slot(row, arm, Estimate(result.cost.relative_tokens)))
        flops.append(Mark.in_arm_slot(row, arm, Estimate(result.cost.relative_flops)))
        seconds.append(Mark.in_arm_slot(row, arm, result.cost.relative_seconds))
        if result.cost.seconds_note:
            incomparable_times += 1
    # Seconds of another device have no ratio to raw's, and so no mark
    note = f" ({incomparable_times} not comparable)" if incomparable_times else ""
    tokens_range = paper.TRAINING_TOKENS if show_paper else None
    seconds_range = paper.TRAINING_SECONDS if show_paper else None
    panels = [
        _ratio_panel("training tokens", "completion tokens / raw's", tokens, tokens_range),
        _ratio_panel("training FLOPs (6N)", "FLOPs / raw's", flops),
        _ratio_panel(f"training time{note}", "seconds in steps / raw's", seconds, seconds_range),
    ]
    return arm_rows_figure(arms, panels, rows_of(panels))


def retention_efficiency(
    arms: Sequence[str], results: Sequence[Result], show_paper: bool = False
) -> Figure:
    """Figure 8: retention, length of outputs and per-token efficiency, relative to raw."""
    questions = f"on {results[0].questions_text}"
    retention_panel = Panel(
        title="retention",
        x_label=f"accuracy / raw's (%)\n{questions}",
        marks=_measure_marks(results, lambda measure: measure.retention.scaled(100)),
        reference=100,  # raw itself, in per cent
        paper_maximum=100 * paper.RETENTION if show_paper else None,
    )
    length_panel = _ratio_panel(
        "length of outputs",
        f"mean tokens / raw's\n{questions}",
        _measure_marks(results, lambda measure: measure.output),
        paper_range=paper.OUTPUT if show_paper else None,
    )
    efficiency_panel = _ratio_panel(
        "per-token efficiency",
        f"accuracy per token / raw's\n{questions}",
        _measure_marks(results, lambda measure: measure.efficiency),
        paper_maximum=paper.EFFICIENCY if show_paper else None,
    )
    panels = [retention_panel, length_panel, efficiency_panel]
    return arm_rows_figure(arms, panels, rows_of(panels))


def _measure_marks(
    results: Sequence[Result], estimate_of: Callable[[Measure], Estimate]
) -> list[Mark]:
    """The marks of one estimate of each trained arm, on the questions of headline numbers.

    Nothing of the untrained student is relative to raw traces.
    """
    rows = training_names(results)
    marks = []
    for result in results:
        if result.cell.trained:
            estimate = estimate_of(result.main)
            marks.append(Mark.in_arm_slot(rows[result.cell], result.cell.target, estimate))
    return marks


def _ratio_panel(
    title: str,
    x_label: str,
    marks: Sequence[Mark],
    paper_range: tuple[float, float] | None = None,
    paper_maximum: float | None = None,
) -> Panel:
    """A panel of ratios to raw, with a line at 1, which is raw itself."""
    return Panel(
        title=title,
        x_label=x_label,
        marks=marks,
        reference=1,
        scale="ratio",
        paper_range=paper_range,
        paper_maximum=paper_maximum,
    )
