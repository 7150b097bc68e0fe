"""Tests of whether two arms differ, and their correction for many comparisons.

A single seed has McNemar's exact test, several seeds the larger p of a bootstrap and a t test.
Holm's correction is over all comparisons of a report. `detectable` says what a sample of this size
could have found.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import binomtest, chi2, norm, t

from stages.core.statistics.answers import Floats
from stages.core.statistics.bootstrap import DRAWS, Bootstrap, resampled_weights

Counts = NDArray[np.int64]
POWER = 0.8  # of the smallest difference that is called detectable; Cohen (1988), chapter 2
# Resamples of the intervals: a p that fewer of them contradict is taken from more resamples
_NEAR = 100
_ROUNDING = 1e-9  # weights of seeds are no whole numbers: what is smaller is 0
_SCATTERS = 2_000  # quantiles that stand for what the seeds' scatter can be


# ---- The p of one comparison ----


def mcnemar(correct: Floats, reference: Floats) -> float:
    """Two-sided p of McNemar's exact test.

    It is a binomial test of the questions that only one of the two got right.
    """
    better = int(((correct == 1) & (reference == 0)).sum())
    worse = int(((correct == 0) & (reference == 1)).sum())
    return float(binomtest(better, better + worse, 0.5).pvalue) if better + worse else 1.0


def seeds_p(correct: Floats, reference: Floats, differences: Floats, bootstrap: Bootstrap) -> float:
    """Two-sided p of several seeds: the larger of `resamples_p` and `paired_t_p`.

    `correct` and `reference` are (questions, seeds). `differences` are those of their accuracies,
    resampled: (resamples,). The bootstrap of few seeds alone calls equal arms different too often,
    the more so the smaller the level.
    """
    by_seed = (correct - reference).mean(axis=0)
    of_seeds = paired_t_p(by_seed, 1 / len(correct))
    return max(resamples_p(correct, reference, differences, bootstrap), of_seeds)


def paired_t_p(differences: Floats, step: float) -> float:
    """Two-sided p of the paired t test over each seed's difference, (seeds,).

    It is 1 for a single seed, which has no scatter. Differences come in steps of 1 / questions.
    Two seeds are often at the same step, which is no proof that they do not scatter. So their
    deviation counts as at least that of a number rounded to a `step`, which is step / sqrt(12).
    """
    seeds = len(differences)
    mean = abs(float(differences.mean()))
    if seeds == 1 or mean < _ROUNDING:
        return 1.0
    deviation = max(float(differences.std(ddof=1)), step / math.sqrt(12))
    return float(2 * t.sf(mean / deviation * math.sqrt(seeds), seeds - 1))


def resamples_p(
    correct: Floats, reference: Floats, differences: Floats, bootstrap: Bootstrap
) -> float:
    """The bootstrap's two-sided p of `correct` less `reference`, both (questions, seeds).

    The resampled `differences` of the intervals, (resamples,), are used where enough of them lie on
    either side of 0. Otherwise it is from `bootstrap.tested` resamples, of which none is kept.
    """
    resamples = bootstrap.tested
    if resamples == len(differences) or _count_sides(differences).min() >= _NEAR:
        return bootstrap_p(differences)
    # Questions whose seeds differ alike are drawn together: their number is multinomial, and there
    # are few kinds
    kinds, counts = np.unique(correct - reference, axis=0, return_counts=True)
    shares = counts / len(correct)
    generator = np.random.default_rng([bootstrap.seed, *kinds.shape])
    sides = np.zeros(2, np.int64)
    block = max(1, DRAWS // len(kinds))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        sums = generator.multinomial(len(correct), shares, size=size) @ kinds
        weights = resampled_weights(generator, kinds.shape[1], size)
        sides += _count_sides((sums * weights).sum(axis=1))
    return _two_sided_p(sides, resamples)


def bootstrap_p(differences: Floats) -> float:
    """Two-sided p of resampled `differences`, (resamples,).

    It is twice the smaller share that lies on one side of 0: Davison and Hinkley, Bootstrap Methods
    and their Application (1997), section 5.4. It is never 0, because as many resamples again could
    hold one.
    """
    return _two_sided_p(_count_sides(differences), len(differences))


def _count_sides(differences: Floats) -> Counts:
    """How many of `differences` are at most 0, and how many are at least 0."""
    rounded = np.where(np.abs(differences) < _ROUNDING, 0, differences)
    return np.array([(rounded <= 0).sum(), (rounded >= 0).sum()])


def _two_sided_p(sides: Counts, resamples: int) -> float:
    return float(min(1.0, 2 * (sides.min() + 1) / (resamples + 1)))


# ---- The family of all comparisons ----


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """The p values of a family, adjusted so that the chance of any false one stays; None stays.

    Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    tests = [(p, index) for index, p in enumerate(p_values) if p is not None]
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, index) in enumerate(sorted(tests)):
        highest = max(highest, min(1.0, (len(tests) - rank) * p))
        adjusted[index] = highest
    return adjusted


def holm_levels(p_values: Sequence[float | None], level: float) -> list[float | None]:
    """The p that each comparison must stay below for Holm's correction to resolve it at `level`.

    All others' p are given. It is `level` / (m - r) of m comparisons, where r others are resolved
    with this one tested last.
    """
    tests = sum(p is not None for p in p_values)
    levels: list[float | None] = []
    for index, p in enumerate(p_values):
        if p is None:
            levels.append(None)
            continue
        tested_last = list(p_values)
        tested_last[index] = 1.0
        resolved = sum(adjusted is not None and adjusted < level for adjusted in holm(tested_last))
        levels.append(level / (tests - resolved))
    return levels


def detectable(error: float, level: float, seeds: int = 1) -> float:
    """The smallest difference whose two-sided p is below `level` four times out of five.

    It is (z of level + z of POWER) x `error`, the difference's standard error, by the normal
    approximation. Of several seeds the test is the t test of `paired_t_p`, whose own estimate of
    the error scatters.
    """
    if seeds == 1:
        return float((norm.isf(level / 2) + norm.ppf(POWER)) * error)
    freedom = seeds - 1
    quantiles = (np.arange(_SCATTERS) + 0.5) / _SCATTERS
    scatter = np.sqrt(chi2.ppf(quantiles, freedom) / freedom)
    needed = t.isf(level / 2, freedom) * scatter

    def power_beyond(shift: float) -> float:
        """The power at a difference of `shift` standard errors, less POWER."""
        return float(norm.sf(needed - shift).mean() - POWER)

    highest = float(needed.max()) + norm.ppf(POWER) + 1
    return error * float(brentq(power_beyond, 0, highest))
