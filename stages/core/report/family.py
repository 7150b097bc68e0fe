"""All comparisons of a report, the family that Holm's correction is over.

They compare every arm with raw by group, every arm with the untrained student, and compression with
truncation.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stages.core.cells import TRUNCATED, Cell
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


def truncation_comparisons(
    answers: Mapping[Cell, Answers], inputs: Inputs, bootstrap: Bootstrap
) -> list[Comparison]:
    """Compression against truncation to its lengths, wherever the grid has both."""
    truncated_arms = _truncated_arms(answers)
    if not truncated_arms:
        return []
    # All are resampled together, each once
    compared = dict.fromkeys([*truncated_arms, *truncated_arms.values()])
    compared_answers = {cell: answers[cell] for cell in compared}
    measures = measuring.measure(compared_answers, truncated_arms, bootstrap)
    lengths = {
        (metrics["teacher"], metrics["compressor"], metrics["student"]): metrics
        for metrics in inputs.truncate
    }
    comparisons = []
    for cell, truncated in truncated_arms.items():
        cell_lengths = lengths.get((cell.teacher, cell.target, cell.student), {})
        comparison = Comparison(
            cell=cell,
            compressed=measures[cell],
            truncated=measures[truncated],
            tokens=cell_lengths.get("mean_tokens"),
            budget=cell_lengths.get("mean_budget"),
        )
        comparisons.append(comparison)
    return comparisons


def _truncated_arms(cells: Iterable[Cell]) -> dict[Cell, Cell]:
    """The arm of each compressor's arm that is truncated to its lengths, where it is there."""
    truncated_arms = {}
    cells = list(cells)
    for cell in cells:
        truncated = dataclasses.replace(cell, target=TRUNCATED + cell.target)
        if truncated in cells:
            truncated_arms[cell] = truncated
    return truncated_arms


def size(answers: Mapping[Cell, Answers], inputs: Inputs) -> int:
    """How many comparisons the report has at most, whether or not they have a p."""
    groups = {group for _, group, _ in inputs.questions}
    compared_with_raw = [
        cell for cell, raw in raw_arms(answers).items() if cell != raw and raw in answers
    ]
    with_untrained, with_truncated = untrained_students(answers), _truncated_arms(answers)
    return len(compared_with_raw) * len(groups) + len(with_untrained) + len(with_truncated)


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
