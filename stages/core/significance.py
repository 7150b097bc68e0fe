"""Whether two arms differ: McNemar's exact test, Holm's correction, and what a sample of this size could have found."""

from collections.abc import Sequence

from scipy.stats import binomtest, norm

from stages.core.answers import Floats

POWER = 0.8  # of the smallest difference that is called detectable; Cohen (1988), chapter 2


def mcnemar(correct: Floats, reference: Floats) -> float:
    """Two-sided p of McNemar's exact test: a binomial test of the questions that one alone got right."""
    better = int(((correct == 1) & (reference == 0)).sum())
    worse = int(((correct == 0) & (reference == 1)).sum())
    return float(binomtest(better, better + worse, 0.5).pvalue) if better + worse else 1.0


def bootstrapped(differences: Floats) -> float:
    """Two-sided p of resampled `differences`, (resamples,): twice the smaller share that lies on one side of 0.

    Davison and Hinkley, Bootstrap Methods and their Application (1997), section 5.4; never 0, for as many resamples
    again could hold one.
    """
    beside = min((differences <= 0).sum(), (differences >= 0).sum())
    return float(min(1.0, 2 * (beside + 1) / (len(differences) + 1)))


def holm(found: Sequence[float | None]) -> list[float | None]:
    """The p values of a family of comparisons, adjusted so that the chance of any false one stays; None stays None.

    Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    places = sorted((place for place, p in enumerate(found) if p is not None), key=lambda place: found[place] or 0.0)
    adjusted: list[float | None] = [None] * len(found)
    highest = 0.0
    for rank, place in enumerate(places):
        highest = max(highest, min(1.0, (len(places) - rank) * (found[place] or 0.0)))
        adjusted[place] = highest
    return adjusted


def detectable(differences: Floats, confidence: float) -> float:
    """The smallest difference that a sample like this finds at `confidence` four times out of five.

    (z of confidence + z of POWER) x the standard error, here that of resampled `differences`, (resamples,).
    """
    return float((norm.ppf((1 + confidence) / 2) + norm.ppf(POWER)) * differences.std())
