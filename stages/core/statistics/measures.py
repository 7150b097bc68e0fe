"""Measures of graded answers, and the ratios with intervals that they are made of.

Intervals are percentile intervals of a bootstrap (Efron and Tibshirani 1993, chapter 13) over
questions and, where an arm has several seeds, over seeds. A resample draws a question with all that
every cell answered to it, and a seed with all cells that have it. So differences and ratios between
cells are paired. They are compared over the seeds that both have.
`bootstrap.seed_weights` says how far few seeds carry.

Nothing here is ever NaN: what cannot be divided is None. There is no interval from fewer than FEW
questions. There is none either where no resample differs: without width it would look exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from stages.core.statistics.answers import Floats
from stages.core.statistics.bootstrap import Bootstrap

FEW = 5  # questions: fewer have no interval, no verdict and no detectable difference
ROUNDING = 1e-9  # sums of floats may differ by this much where they mean the same


@dataclass(frozen=True)
class Estimate:
    """A value and the ends of its interval, each None where there is none.

    An interval without an upper end has `low` alone.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def scaled(self, factor: float) -> "Estimate":
        """The value and both ends times `factor`, which is 100 for per cent."""

        def scale(number: float | None) -> float | None:
            return None if number is None else number * factor

        return Estimate(scale(self.value), scale(self.low), scale(self.high))

    def resolved(self, no_difference: float = 0.0) -> bool | None:
        """Whether the interval leaves out `no_difference`; None without an interval."""
        if self.low is None:
            return None
        return self.low > no_difference or (self.high is not None and self.high < no_difference)


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """The spread of a number of tokens over all answers."""

    mean: float
    q1: float
    median: float
    q3: float
    p95: float  # the 95th percentile
    maximum: float


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What a cell or an arm did on a set of questions, alone and against a reference.

    Shares and ratios are fractions. Tokens are generated ones.
    """

    questions: int
    accuracy: Estimate
    tokens: Estimate  # in the mean
    lengths: Lengths  # of all tokens
    thinking: Lengths
    answering: Lengths
    hit_cap: float
    no_answer: float
    # The mean accuracy over the logarithm of the cap of tokens, from 1 to the limit. So every
    # doubling of the budget counts the same.
    area: Estimate = Estimate()
    macro: Estimate = Estimate()  # accuracy, each question set counting the same; see macro.py
    sampled: int = 0  # questions that have samples
    samples: Mapping[str, Estimate] = field(default_factory=dict)  # the samples' metrics by name

    # Against the reference, over the `seeds` that both have
    retention: Estimate = Estimate()  # the ratio of accuracies
    output: Estimate = Estimate()  # the ratio of mean tokens
    efficiency: Estimate = Estimate()  # the ratio of accuracy per token
    difference: Estimate = Estimate()  # accuracy less the reference's
    p: float | None = None  # McNemar's, of several seeds that of `significance.seeds_p`
    error: float | None = None  # the difference's standard error, by the bootstrap
    seeds: tuple[str, ...] = ()
    # Why there are no ratios, or none of accuracy, with {} for the reference's name
    no_ratio_reason: str = ""

    # Among all comparisons of a report that have a p, which are `comparisons` many
    holm: float | None = None  # `p` with Holm's correction
    comparisons: int | None = None
    # The smallest difference that Holm's `p` resolves four times out of five
    detectable: float | None = None


def interval_confidence(questions: int, bootstrap: Bootstrap) -> float | None:
    """The confidence of the bootstrap's intervals; None for too few questions to have any."""
    return bootstrap.confidence if questions >= FEW else None


def ratio(numerators: Floats, denominators: Floats, confidence: float | None) -> Estimate:
    """The ratio of two quantities, with its interval over resamples.

    Both are (1 + resamples,) and not negative, and begin with the sample itself. There is no value
    where the sample's denominator is 0. There is no interval without a confidence, or where all
    resamples have the same ratio.
    """
    if denominators[0] == 0:
        return Estimate()
    value = float(numerators[0] / denominators[0])
    if confidence is None:
        return Estimate(value)
    above, below = numerators[1:], denominators[1:]
    divides_by_zero = below == 0
    ratios = above / np.where(divides_by_zero, 1, below)
    if not divides_by_zero.any() and np.ptp(ratios) <= ROUNDING:
        return Estimate(value)

    # A resample whose denominator is 0 is infinite. 0 / 0 can be anything, so it widens either end:
    # it counts as 0 for the lower one and as infinite for the upper one.
    lowest = np.where(divides_by_zero, np.where(above == 0, 0, np.inf), ratios)
    highest = np.where(divides_by_zero, np.inf, ratios)
    tail = (1 - confidence) / 2
    return Estimate(value, finite_quantile(lowest, tail), finite_quantile(highest, 1 - tail))


def finite_quantile(ratios: Floats, share: float) -> float | None:
    """The quantile of `ratios` at `share`, or None where it is infinite."""
    # The method takes a single resample, not a point between two, of which one may be infinite
    quantile = float(np.quantile(ratios, share, method="inverted_cdf"))
    return quantile if np.isfinite(quantile) else None
