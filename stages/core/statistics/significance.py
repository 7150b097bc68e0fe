"""How sure a number is: resamples of questions and seeds, and tests of whether two arms differ.

McNemar's exact test, Holm's correction, and what a sample of this size could have found.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import binomtest, chi2, norm, t

from stages.core.statistics.answers import Floats

Counts = NDArray[np.int64]
POWER = 0.8  # of the smallest difference that is called detectable; Cohen (1988), chapter 2
ROOM = 3  # resamples that may contradict a difference and still let Holm's correction resolve it
_NEAR = 100  # of the intervals' own: a p that fewer contradict is taken from more
_ROUNDING = 1e-9  # weights of seeds are no whole numbers: what is smaller is 0
_SCATTERS = 2_000  # quantiles that stand for what the seeds' scatter can be
_DRAWS = 1 << 22  # questions drawn at a time: 32 MB, whatever the number of resamples


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made: `confidence` is their coverage, 0.95 for 95 %.

    `comparisons` are those that Holm's correction is over; the p of several seeds is from as many
    resamples as they ask for, however few make intervals: of 10,000 the least p is 2 / 10,001, too
    much for more than 250 comparisons.
    """

    resamples: int
    confidence: float
    seed: int
    comparisons: int = 1

    @property
    def tested(self) -> int:
        """Resamples that a small p is from."""
        return max(
            self.resamples, math.ceil(2 * (ROOM + 1) * self.comparisons / (1 - self.confidence))
        )


def resampled_sums(columns: Floats, settings: Bootstrap) -> Floats:
    """Sums of `columns`, (questions, ...), over the questions as they are and resampled: (1 +
    resamples, ...).
    """
    questions, flat = len(columns), columns.reshape(len(columns), -1)
    draw = np.random.default_rng(settings.seed)
    sums = [flat.sum(axis=0, keepdims=True)]
    step = max(1, _DRAWS // questions)
    for start in range(0, settings.resamples, step):
        count = min(step, settings.resamples - start)
        drawn = (
            draw.integers(questions, size=(count, questions))
            + questions * np.arange(count)[:, None]
        )
        times = np.bincount(drawn.ravel(), minlength=count * questions).reshape(count, questions)
        sums.append(times.astype(np.float64) @ flat)
    return np.vstack(sums).reshape(-1, *columns.shape[1:])


@functools.cache
def seed_weights(seeds: int, settings: Bootstrap) -> Floats:
    """The weight of each seed in the sample, and in each resample: (1 + resamples, seeds), each row
    adding up to 1.

    Of S seeds a resample draws S - 1, for else the seeds' variance is too small by (S - 1) / S: the
    rescaled bootstrap of Rao and Wu (1988), Resampling inference with complex survey data. Few
    seeds stay few. The interval has no t quantile, so it is too narrow: equal arms are called
    different too often, the more so the fewer the seeds, the farther these scatter, and the more
    questions there are. Few questions hide this, because the scatter of single answers between
    seeds is counted twice, with questions and with seeds.
    """
    if seeds == 1:
        return np.ones((1 + settings.resamples, 1))
    draw = np.random.default_rng([settings.seed, seeds])
    return np.vstack([np.full((1, seeds), 1 / seeds), _weights(draw, seeds, settings.resamples)])


def _weights(draw: np.random.Generator, seeds: int, resamples: int) -> Floats:
    """The weights of `seeds` in each resample: (resamples, seeds)."""
    if seeds == 1:
        return np.ones((resamples, 1))
    return np.asarray(
        draw.multinomial(seeds - 1, [1 / seeds] * seeds, size=resamples) / (seeds - 1)
    )


def over_seeds(sums: Floats, settings: Bootstrap, places: Sequence[int] | None = None) -> Floats:
    """Mean of resampled `sums`, (1 + resamples, seeds), over the seeds at `places`, or over all: (1
    + resamples,).
    """
    own = sums if places is None else sums[:, places]
    return np.asarray((own * seed_weights(own.shape[1], settings)).sum(axis=1))


def mcnemar(correct: Floats, reference: Floats) -> float:
    """Two-sided p of McNemar's exact test: a binomial test of the questions that one alone got
    right.
    """
    better = int(((correct == 1) & (reference == 0)).sum())
    worse = int(((correct == 0) & (reference == 1)).sum())
    return float(binomtest(better, better + worse, 0.5).pvalue) if better + worse else 1.0


def bootstrapped(differences: Floats) -> float:
    """Two-sided p of resampled `differences`, (resamples,): twice the smaller share that lies on
    one side of 0.

    Davison and Hinkley, Bootstrap Methods and their Application (1997), section 5.4; never 0, for
    as many resamples again could hold one.
    """
    return _two_sided(_beside(differences), len(differences))


def _beside(differences: Floats) -> Counts:
    """How many of `differences` are at most 0, and at least 0."""
    rounded = np.where(np.abs(differences) < _ROUNDING, 0, differences)
    return np.array([(rounded <= 0).sum(), (rounded >= 0).sum()])


def _two_sided(beside: Counts, resamples: int) -> float:
    return float(min(1.0, 2 * (beside.min() + 1) / (resamples + 1)))


def seeded(correct: Floats, reference: Floats, differences: Floats, settings: Bootstrap) -> float:
    """Two-sided p of `correct` less `reference`, (questions, seeds): the larger of `of_resamples`
    and `across_seeds`.

    The bootstrap of few seeds alone calls equal arms different too often, the more so the smaller
    the level.
    """
    of_seeds = across_seeds((correct - reference).mean(axis=0), 1 / len(correct))
    return max(of_resamples(correct, reference, differences, settings), of_seeds)


def across_seeds(differences: Floats, step: float) -> float:
    """Two-sided p of the paired t test over each seed's difference, (seeds,); 1 of one seed, which
    has no scatter.

    Differences come in steps of 1 / questions. Two seeds are often at the same one, which is no
    proof that they do not scatter: their deviation counts as at least that of what is rounded to a
    `step`, step / sqrt(12).
    """
    seeds, mean = len(differences), abs(float(differences.mean()))
    if seeds == 1 or mean < _ROUNDING:
        return 1.0
    deviation = max(float(differences.std(ddof=1)), step / math.sqrt(12))
    return float(2 * t.sf(mean / deviation * math.sqrt(seeds), seeds - 1))


def of_resamples(
    correct: Floats, reference: Floats, differences: Floats, settings: Bootstrap
) -> float:
    """The bootstrap's p, of which the resampled `differences` are at hand.

    Where these leave nearly none on one side, it is from `settings.tested` resamples, of which none
    is kept.
    """
    resamples = settings.tested
    if resamples == len(differences) or _beside(differences).min() >= _NEAR:
        return bootstrapped(differences)
    # Questions whose seeds differ alike are drawn together: their number is multinomial, and there
    # are few kinds
    kinds, counts = np.unique(correct - reference, axis=0, return_counts=True)
    draw, beside = np.random.default_rng([settings.seed, *kinds.shape]), np.zeros(2, np.int64)
    step = max(1, _DRAWS // len(kinds))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        sums = draw.multinomial(len(correct), counts / len(correct), size=size) @ kinds
        beside += _beside((sums * _weights(draw, kinds.shape[1], size)).sum(axis=1))
    return _two_sided(beside, resamples)


def holm(found: Sequence[float | None]) -> list[float | None]:
    """The p values of a family of comparisons, adjusted so that the chance of any false one stays;
    None stays None.

    Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    places = sorted(
        (place for place, p in enumerate(found) if p is not None),
        key=lambda place: found[place] or 0.0,
    )
    adjusted: list[float | None] = [None] * len(found)
    highest = 0.0
    for rank, place in enumerate(places):
        highest = max(highest, min(1.0, (len(places) - rank) * (found[place] or 0.0)))
        adjusted[place] = highest
    return adjusted


def holm_levels(found: Sequence[float | None], level: float) -> list[float | None]:
    """The p that each comparison must stay below for Holm's correction to resolve it at `level`,
    given all others' p.

    It is `level` / (m - r) of m comparisons, where r others are resolved with this one tested last.
    """
    tests = sum(p is not None for p in found)

    def needed(place: int) -> float:
        others = holm([*found[:place], 1.0, *found[place + 1 :]])
        return level / (tests - sum(p is not None and p < level for p in others))

    return [None if p is None else needed(place) for place, p in enumerate(found)]


def detectable(error: float, level: float, seeds: int = 1) -> float:
    """The smallest difference whose two-sided p is below `level` four times out of five, by the
    normal approximation.

    (z of level + z of POWER) x `error`, the difference's standard error. Of several seeds the test
    is the t test of `across_seeds`, whose own estimate of the error scatters.
    """
    if seeds == 1:
        return float((norm.isf(level / 2) + norm.ppf(POWER)) * error)
    freedom = seeds - 1
    scatter = np.sqrt(chi2.ppf((np.arange(_SCATTERS) + 0.5) / _SCATTERS, freedom) / freedom)
    needed = t.isf(level / 2, freedom) * scatter
    highest = float(needed.max()) + norm.ppf(POWER) + 1
    return error * float(brentq(lambda shift: norm.sf(needed - shift).mean() - POWER, 0, highest))
