"""The training tokens that each line needs for equal accuracy, with intervals.

Accuracy over the logarithm of tokens is taken to be nondecreasing: its isotonic regression, joined
by straight lines, says where an accuracy is reached. All of it is made again in each resample of
questions and seeds, those of all other intervals: the lines, raw's accuracy, and the best accuracy
that all lines reach.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stages.core.cells import Cell
from stages.core.report.frontier.lines import BudgetLine, Frontier, pass_tokens
from stages.core.statistics.answers import Answers, Floats
from stages.core.statistics.bootstrap import Bootstrap, over_seeds, resampled_sums
from stages.core.statistics.measures import (
    ROUNDING,
    Estimate,
    finite_quantile,
    interval_confidence,
    ratio,
)
from stages.core.statistics.monotone import first_reach, nondecreasing

RAW_LEVEL, COMMON_LEVEL = "raw's", "best that all lines reach"


@dataclass(frozen=True, kw_only=True)
class Needed:
    """The tokens of one pass at which a line reaches an accuracy.

    `tokens` has no value where the line does not reach it, and no upper end where too many
    resamples do not. `smallest_tokens` are those of the line's smallest budget: as many mean that
    it is reached there already, so that as many or fewer are needed.
    """

    cell: Cell  # of the line's teacher, student and method; its target is the line's name
    seeds: tuple[str, ...]
    line: BudgetLine
    level: str
    accuracy: Estimate
    tokens: Estimate
    smallest_tokens: float
    raw_tokens: float | None
    not_reached: float | None  # share of the resamples


@dataclass(frozen=True)
class _Curve:
    """A line's nondecreasing accuracies in each resample.

    `log_tokens` are (points,), `accuracies` (1 + resamples, points).
    """

    log_tokens: Floats
    accuracies: Floats


def tokens_needed(
    frontiers: Sequence[Frontier], answers: Mapping[Cell, Answers], bootstrap: Bootstrap
) -> list[Needed]:
    """The tokens that each line needs for raw's accuracy, and for the best that all lines reach.

    `answers` are those of each arm to the questions of headline numbers. The lines of a frontier
    and raw are compared over the seeds that all of them have. A frontier without any such seed has
    no rows.
    """
    return [needed for frontier in frontiers for needed in _needed_of(frontier, answers, bootstrap)]


def _needed_of(
    frontier: Frontier, answers: Mapping[Cell, Answers], bootstrap: Bootstrap
) -> list[Needed]:
    """The rows of one frontier: the levels in turn, each with all lines."""
    cells = [arm.cell for line in frontier.lines for arm in line.arms.values()]
    if frontier.raw:
        cells.append(frontier.raw.cell)
    seeds = _shared_seeds([answers[cell] for cell in cells])
    if seeds is None:
        return []
    accuracies = _accuracies({cell: answers[cell] for cell in cells}, seeds, bootstrap)
    curves = [_curve(line, accuracies) for line in frontier.lines]
    levels = {}
    if frontier.raw:
        levels[RAW_LEVEL] = accuracies[frontier.raw.cell]
    levels[COMMON_LEVEL] = np.min([curve.accuracies[:, -1] for curve in curves], axis=0)
    confidence = interval_confidence(len(answers[cells[0]].correct), bootstrap)
    return [
        _needed(frontier, line, curve, (level, level_accuracies), seeds, confidence)
        for level, level_accuracies in levels.items()
        for line, curve in zip(frontier.lines, curves, strict=True)
    ]


def _shared_seeds(answers: Sequence[Answers]) -> tuple[str, ...] | None:
    """The seeds that all have, in order; () for single cells, None where arms share no seed."""
    first = answers[0].seeds
    if not first:
        return ()
    shared = tuple(seed for seed in first if all(seed in arm.seeds for arm in answers))
    return shared or None


def _accuracies(
    answers: Mapping[Cell, Answers], seeds: Sequence[str], bootstrap: Bootstrap
) -> dict[Cell, Floats]:
    """The accuracy of each arm over `seeds`, as it is and resampled: (1 + resamples,)."""
    correct = []
    for of_arm in answers.values():
        columns = [of_arm.seeds.index(seed) for seed in seeds] if seeds else [0]
        correct.append(of_arm.correct[:, columns])
    # All are resampled together, so that a resample has the same questions for each
    means = resampled_sums(np.stack(correct, axis=1), bootstrap) / len(correct[0])
    return {cell: over_seeds(means[:, index], bootstrap) for index, cell in enumerate(answers)}


def _curve(line: BudgetLine, accuracies: Mapping[Cell, Floats]) -> _Curve:
    """The curve of a line. Its points are in the order of their tokens."""
    arms = sorted(line.arms.values(), key=pass_tokens)
    tokens = np.array([max(1.0, pass_tokens(arm)) for arm in arms])
    measured = np.stack([accuracies[arm.cell] for arm in arms], axis=1)
    return _Curve(np.log(tokens), nondecreasing(measured))


def _needed(
    frontier: Frontier,
    line: BudgetLine,
    curve: _Curve,
    level: tuple[str, Floats],
    seeds: tuple[str, ...],
    confidence: float | None,
) -> Needed:
    """What one line needs for a level: its name and its accuracies, (1 + resamples,)."""
    level_name, level_accuracies = level
    reach = first_reach(curve.log_tokens, curve.accuracies, level_accuracies)
    any_cell = next(iter(line.arms.values())).cell
    return Needed(
        cell=Cell(frontier.teacher, line.name, frontier.student, frontier.method, any_cell.seed),
        seeds=seeds,
        line=line,
        level=level_name,
        accuracy=ratio(level_accuracies, np.ones_like(level_accuracies), confidence),
        tokens=_tokens_estimate(reach, confidence),
        smallest_tokens=math.exp(curve.log_tokens[0]),
        raw_tokens=pass_tokens(frontier.raw) if frontier.raw else None,
        not_reached=None if confidence is None else float(np.isinf(reach[1:]).mean()),
    )


def _tokens_estimate(reach: Floats, confidence: float | None) -> Estimate:
    """The tokens and their interval from their logarithms, (1 + resamples,), infinite for none.

    As for other quantities there is no interval where all resamples agree.
    """
    value = math.exp(reach[0]) if np.isfinite(reach[0]) else None
    resampled = reach[1:]
    if confidence is None or np.all(np.isinf(resampled)):
        return Estimate(value)
    finite = resampled[np.isfinite(resampled)]
    if len(finite) == len(resampled) and np.ptp(finite) <= ROUNDING:
        return Estimate(value)
    tail = (1 - confidence) / 2
    ends = [finite_quantile(np.exp(resampled), share) for share in (tail, 1 - tail)]
    return Estimate(value, *ends)
