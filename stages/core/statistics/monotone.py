"""Nondecreasing curves through measured values, and where they reach a level."""

import numpy as np
from numpy.typing import NDArray

from stages.core.statistics.answers import Floats
from stages.core.statistics.measures import ROUNDING


def nondecreasing(values: Floats) -> Floats:
    """The nondecreasing row that is nearest to each row of `values` in least squares.

    Both are (rows, points). By the max-min formula of isotonic regression (Robertson, Wright and
    Dykstra 1988, Order Restricted Statistical Inference, theorem 1.4.4). It works on all rows at
    once, where scipy.optimize.isotonic_regression takes one row a call.
    """
    rows, points = values.shape
    sums = np.hstack([np.zeros((rows, 1)), np.cumsum(values, axis=1)])

    def mean(start: int, end: int) -> Floats:
        """The mean of the points from `start` up to `end`, in each row."""
        return np.asarray((sums[:, end] - sums[:, start]) / (end - start))

    fit = np.empty((rows, points))
    for index in range(points):
        ends = range(index + 1, points + 1)
        least = [np.min([mean(start, end) for end in ends], axis=0) for start in range(index + 1)]
        fit[:, index] = np.max(least, axis=0)
    return fit


def first_reach(positions: Floats, fit: Floats, levels: Floats) -> Floats:
    """Where each row of `fit`, joined by straight lines, first reaches the row's level: (rows,).

    `positions` are (points,) and increase, `fit` is (rows, points) and nondecreasing, `levels` are
    (rows,). A row that begins at its level or above has the first position, and one that never
    reaches it has infinity.
    """
    reached = fit >= levels[:, None] - ROUNDING
    after: NDArray[np.intp] = reached.argmax(axis=1)
    before = np.maximum(after - 1, 0)
    rows = np.arange(len(fit))
    below, above = fit[rows, before], fit[rows, after]
    rise = np.where(above > below, above - below, 1)
    share = np.clip((levels - below) / rise, 0, 1)
    reach = positions[before] + share * (positions[after] - positions[before])
    return np.where(reached.any(axis=1), reach, np.inf)
