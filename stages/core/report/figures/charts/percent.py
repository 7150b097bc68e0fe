"""Accuracies in per cent, as charts draw them."""

from typing import NamedTuple

from stages.core.statistics.measures import Estimate


class Percent(NamedTuple):
    """A value in per cent and the ends of its interval; an end that is unknown is the value."""

    value: float
    low: float
    high: float


def percent(share: Estimate) -> Percent:
    """An estimated share in per cent. A share without a value is drawn at 0."""
    scaled = share.scaled(100)
    value = scaled.value or 0.0
    low = value if scaled.low is None else scaled.low
    high = value if scaled.high is None else scaled.high
    return Percent(value, low, high)
