"""Nondecreasing fits, and where they reach a level."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from stages.core.statistics.monotone import first_reach, nondecreasing

ROWS = st.integers(1, 7).flatmap(
    lambda points: st.lists(
        st.lists(st.floats(0, 1), min_size=points, max_size=points), min_size=1, max_size=5
    )
)


@given(ROWS)
def test_fit_is_that_of_scipy_in_every_row(rows: list[list[float]]) -> None:
    fit = nondecreasing(np.array(rows))
    expected = [isotonic_regression(row).x for row in rows]
    np.testing.assert_allclose(fit, expected, atol=1e-9)


def test_violators_are_pooled() -> None:
    fit = nondecreasing(np.array([[0.2, 0.6, 0.4, 0.7], [0.4, 0.3, 0.2, 0.1]]))
    np.testing.assert_allclose(fit, [[0.2, 0.5, 0.5, 0.7], [0.25] * 4])


@pytest.mark.parametrize(
    ("level", "position"),
    [
        (0.1, 1.0),  # below the first point
        (0.2, 1.0),
        (0.35, 1.5),
        (0.5, 2.0),  # the flat part begins here
        (0.6, 5.0),
        (0.7, 6.0),
        (0.7 + 1e-12, 6.0),  # sums of floats may differ by so much
        (0.71, np.inf),
    ],
)
def test_where_a_level_is_reached(level: float, position: float) -> None:
    positions, fit = np.array([1.0, 2.0, 4.0, 6.0]), np.array([[0.2, 0.5, 0.5, 0.7]])
    assert first_reach(positions, fit, np.array([level])) == pytest.approx(position)


def test_each_row_has_its_level() -> None:
    fit = np.array([[0.0, 1.0], [0.0, 0.5], [0.5, 0.5]])
    reach = first_reach(np.array([0.0, 2.0]), fit, np.array([0.5, 0.6, 0.5]))
    np.testing.assert_array_equal(reach, [1.0, np.inf, 0.0])
