"""All comparisons of a report, the family that Holm's correction is over.

They compare every arm with raw by group, every arm with the untrained student, and compression with
the shorteners to its budgets.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.core.cells import Cell
from stages.core.grid import ALL
from stages.core.report.arms import raw_arms, untrained_students
from stages.core.report.metrics import Inputs
from stages.core.report.results import Comparison, Result
from stages.core.statistics import measuring, significance
from stages.core.statistics.answers import Answers
from stages.core.statistics.bootstrap import Bootstrap
from stages.core.statistics.measures import Measure


@dataclass(frozen=True)
class Correction:
    """What Holm's correction gives for one comparison; None for one without a p."""

    p: float | None  # with the correction
    level: float | None  # what the plain p must stay below
    comparisons: int  # all that have a p


def shortener_comparisons(
    answers: Mapping[Cell, Answers], inputs: Inputs, bootstrap: Bootstrap
) -> list[Comparison]:
    """Compression against every shortener to its budgets, wherever the grid has both."""
    comparisons = []
    for metrics, controls in _controls(answers, inputs):
        # All are resampled together, each once
        compared = dict.fromkeys([*controls, *controls.values()])
        compared_answers = {cell: answers[cell] for cell in compared}
        measures = measuring.measure(compared_answers, controls, bootstrap)
        for cell, control in controls.items():
            comparison = Comparison(
                cell=cell,
                shortener=control.target,
                compressed=measures[cell],
                shortened=measures[control],
                tokens=metrics["mean_tokens"],
                budget=metrics["mean_budget"],
            )
            comparisons.append(comparison)
    return comparisons


def _controls(
    cells: Iterable[Cell], inputs: Inputs
) -> list[tuple[Mapping[str, Any], dict[Cell, Cell]]]:
    """For the metrics of each shortener to a compressor's budgets: the arms of that compressor, each
    with the arm of the shortener, where both are there.
    """
    cells = list(cells)
    controls_by_metrics = []
    for metrics in inputs.shorten:
        compressed = (metrics["teacher"], metrics["budget_of"], metrics["student"])
        controls = {}
        for cell in cells:
            control = dataclasses.replace(cell, target=metrics["shortener"])
            if (cell.teacher, cell.target, cell.student) == compressed and control in cells:
                controls[cell] = control
        if controls:
            controls_by_metrics.append((metrics, controls))
    return controls_by_metrics


def size(answers: Mapping[Cell, Answers], inputs: Inputs) -> int:
    """How many comparisons the report has at most, whether or not they have a p."""
    groups = {group for _, group, _ in inputs.questions}
    compared_with_raw = [
        cell for cell, raw in raw_arms(answers).items() if cell != raw and raw in answers
    ]
    with_untrained = untrained_students(answers)
    with_shortened = sum(len(controls) for _, controls in _controls(answers, inputs))
    return len(compared_with_raw) * len(groups) + len(with_untrained) + with_shortened


def corrected(
    results: Sequence[Result], comparisons: Sequence[Comparison], confidence: float
) -> tuple[list[Result], list[Comparison]]:
    """Both with Holm's p and the difference that it detects, over all comparisons of the report."""
    p_values = [measure.p for result in results for measure in _compared_measures(result)]
    p_values += [comparison.compressed.p for comparison in comparisons]
    # They are taken up again in the order of the p values
    corrections = _corrections(p_values, 1 - confidence)
    corrected_results = [_correct_result(result, corrections) for result in results]
    corrected_comparisons = [
        dataclasses.replace(comparison, compressed=_correct(comparison.compressed, corrections))
        for comparison in comparisons
    ]
    return corrected_results, corrected_comparisons


def _corrections(p_values: Sequence[float | None], level: float) -> Iterator[Correction]:
    """Holm's correction of each p in a family."""
    comparisons = sum(p is not None for p in p_values)
    adjusted = significance.holm(p_values)
    levels = significance.holm_levels(p_values, level)
    for p, p_level in zip(adjusted, levels, strict=True):
        yield Correction(p, p_level, comparisons)


def _compared_measures(result: Result) -> list[Measure]:
    """An arm's measures against raw by group, and that against the untrained student."""
    measures = list(result.groups.values())
    if result.versus_untrained:
        measures.append(result.versus_untrained)
    return measures


def _correct_result(result: Result, corrections: Iterator[Correction]) -> Result:
    """`result` with the next corrections, in the order of `_compared_measures`."""
    corrected_scopes = {
        (group, ALL): _correct(measure, corrections) for group, measure in result.groups.items()
    }
    versus_untrained = None
    if result.versus_untrained:
        versus_untrained = _correct(result.versus_untrained, corrections)
    return dataclasses.replace(
        result,
        scopes={**result.scopes, **corrected_scopes},
        versus_untrained=versus_untrained,
    )


def _correct(measure: Measure, corrections: Iterator[Correction]) -> Measure:
    """`measure` with the next correction, and the difference that it detects."""
    correction = next(corrections)
    smallest = None
    if measure.error is not None and correction.level is not None:
        seeds = max(1, len(measure.seeds))
        smallest = significance.detectable(measure.error, correction.level, seeds)
        # No difference is over 100 points: two seeds of a large family resolve nothing
        if smallest > 1:
            smallest = None
    return dataclasses.replace(
        measure,
        holm=correction.p,
        detectable=smallest,
        comparisons=None if correction.p is None else correction.comparisons,
    )
