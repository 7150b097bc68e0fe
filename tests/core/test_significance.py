"""Tests of differences: published examples, closed forms, and how often they err in simulated studies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from stages.core.significance import POWER, bootstrapped, detectable, holm, mcnemar


@pytest.mark.parametrize(
    ("own", "raw", "p"),
    [
        ([1, 1, 0], [1, 1, 0], 1.0),  # nothing differs
        ([1, 1, 1, 1, 1], [0, 0, 0, 0, 0], 2 * 0.5**5),
        ([0, 0, 0, 0, 0], [1, 1, 1, 1, 1], 2 * 0.5**5),
        ([1, 1, 1, 0, 1], [0, 0, 0, 1, 1], 2 * (0.5**4 + 4 * 0.5**4)),  # 3 against 1: 0.625
    ],
)
def test_mcnemar_is_the_binomial_test_of_the_discordant(own: list[int], raw: list[int], p: float) -> None:
    assert mcnemar(np.array(own, float), np.array(raw, float)) == pytest.approx(p)


def test_mcnemar_of_a_published_table() -> None:
    """Approval ratings of Agresti, Categorical Data Analysis (1990), p. 350; the p is that of R's exact2x2."""
    own = np.repeat([1.0, 1.0, 0.0, 0.0], [794, 86, 150, 570])
    raw = np.repeat([1.0, 0.0, 1.0, 0.0], [794, 86, 150, 570])
    assert mcnemar(own, raw) == pytest.approx(3.716e-5, rel=1e-3)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (
            [0.01, 0.04, 0.03, 0.005],
            [0.03, 0.06, 0.06, 0.02],
        ),  # R: p.adjust(p, "holm")
        ([0.5, 0.6], [1.0, 1.0]),
        ([None, 0.02, None, 0.01], [None, 0.02, None, 0.02]),
        ([], []),
    ],
)
def test_holm(found: list[float | None], wanted: list[float | None]) -> None:
    assert holm(found) == pytest.approx(wanted)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_keeps_the_order_and_lies_between_p_and_bonferroni(found: list[float]) -> None:
    adjusted = [one for one in holm(list(found)) if one is not None]
    for p, own in zip(found, adjusted, strict=True):
        assert p <= own <= min(1.0, len(found) * p) + 1e-12
    assert [adjusted[place] for place in np.argsort(found, kind="stable")] == sorted(adjusted)


@pytest.mark.parametrize(
    ("differences", "wanted"),
    [
        ([0.1] * 99, 2 / 100),
        ([-0.1] * 99, 2 / 100),
        ([0.1, -0.1] * 50, 1.0),
        ([0.0] * 20, 1.0),
        ([0.2] * 95 + [-0.1] * 4, 0.1),
    ],
)
def test_bootstrapped_p(differences: list[float], wanted: float) -> None:
    assert bootstrapped(np.array(differences)) == pytest.approx(wanted)


def test_detectable_is_found_as_often_as_the_power_says() -> None:
    """With a true difference of that size, a two-sided test at 5% finds it in POWER of many studies."""
    draw = np.random.default_rng(0)
    spread, questions = 0.6, 150
    error = spread / questions**0.5
    least = detectable(draw.normal(0, error, 20_000), 0.95)
    assert least == pytest.approx((1.959964 + 0.841621) * error, rel=0.02)
    found = np.abs(draw.normal(least, error, 20_000)) > norm.ppf(0.975) * error
    assert found.mean() == pytest.approx(POWER, abs=0.015)
