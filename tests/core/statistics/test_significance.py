"""Tests of differences: published examples, closed forms, and how often they err in simulated
studies.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import norm, t, ttest_rel

from stages.core.statistics.answers import Floats
from stages.core.statistics.bootstrap import ROOM, Bootstrap, over_seeds, resampled_sums
from stages.core.statistics.significance import (
    POWER,
    bootstrap_p,
    detectable,
    holm,
    holm_levels,
    mcnemar,
    paired_t_p,
    resamples_p,
    seeds_p,
)


@pytest.mark.parametrize(
    ("own", "raw", "p"),
    [
        ([1, 1, 0], [1, 1, 0], 1.0),  # nothing differs
        ([1, 1, 1, 1, 1], [0, 0, 0, 0, 0], 2 * 0.5**5),
        ([0, 0, 0, 0, 0], [1, 1, 1, 1, 1], 2 * 0.5**5),
        ([1, 1, 1, 0, 1], [0, 0, 0, 1, 1], 2 * (0.5**4 + 4 * 0.5**4)),  # 3 against 1: 0.625
    ],
)
def test_mcnemar_is_the_binomial_test_of_the_discordant(
    own: list[int], raw: list[int], p: float
) -> None:
    assert mcnemar(np.array(own, float), np.array(raw, float)) == pytest.approx(p)


def test_mcnemar_of_a_published_table() -> None:
    """Approval ratings of Agresti, Categorical Data Analysis (1990), p. 350; the p is that of R's
    exact2x2.
    """
    own = np.repeat([1.0, 1.0, 0.0, 0.0], [794, 86, 150, 570])
    raw = np.repeat([1.0, 0.0, 1.0, 0.0], [794, 86, 150, 570])
    assert mcnemar(own, raw) == pytest.approx(3.716e-5, rel=1e-3)


@pytest.mark.parametrize(
    ("p_values", "expected"),
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
def test_holm(p_values: list[float | None], expected: list[float | None]) -> None:
    assert holm(p_values) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_keeps_the_order_and_lies_between_p_and_bonferroni(p_values: list[float]) -> None:
    adjusted = [p for p in holm(list(p_values)) if p is not None]
    for p, p_holm in zip(p_values, adjusted, strict=True):
        assert p <= p_holm <= min(1.0, len(p_values) * p) + 1e-12
    assert [adjusted[place] for place in np.argsort(p_values, kind="stable")] == sorted(adjusted)


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([0.1] * 99, 2 / 100),
        ([-0.1] * 99, 2 / 100),
        ([0.1, -0.1] * 50, 1.0),
        ([0.0] * 20, 1.0),
        ([0.2] * 95 + [-0.1] * 4, 0.1),
    ],
)
def test_bootstrap_p(differences: list[float], expected: float) -> None:
    assert bootstrap_p(np.array(differences)) == pytest.approx(expected)


TEN = Bootstrap(10_000, 0.95, 0, comparisons=288)  # as a grid of 80 cells with several seeds has


def study(
    own: float, raw: float, questions: int, seeds: int, seed: int = 0
) -> tuple[Floats, Floats, Floats]:
    """Two arms' answers with these accuracies, and the differences of 10,000 resamples."""
    draw = np.random.default_rng(seed)
    one, two = ((draw.random((questions, seeds)) < rate).astype(float) for rate in (own, raw))
    sums = resampled_sums(np.hstack([one, two]), TEN)
    both = over_seeds(sums[:, :seeds], TEN) - over_seeds(sums[:, seeds:], TEN)
    return one, two, both[1:] / questions


def test_large_differences_of_several_seeds_are_resolved_in_a_large_family() -> None:
    one, two, differences = study(0.9, 0.1, 600, 5)
    floor, p = bootstrap_p(differences), seeds_p(one, two, differences, TEN)
    assert holm([floor, *[1.0] * 287])[0] == pytest.approx(
        0.0576, abs=1e-4
    )  # what nothing could be below
    assert holm([p, *[1.0] * 287])[0] == pytest.approx(288 * 2 / (TEN.tested + 1))
    assert TEN.tested * 0.05 / 288 / 2 == pytest.approx(ROOM + 1, rel=1e-4)


@pytest.mark.parametrize(("seed", "own"), [(0, 0.56), (1, 0.57), (2, 0.6)])
def test_questions_of_one_kind_drawn_together_are_as_if_drawn_one_by_one(
    seed: int, own: float
) -> None:
    one, two, _ = study(own, 0.5, 300, 3, seed)
    plain = Bootstrap(200_000, 0.95, 1)
    drawn = over_seeds(resampled_sums(one - two, plain), plain)[1:] / len(one)
    p = resamples_p(
        one, two, np.ones(10), Bootstrap(10, 0.95, 2, comparisons=500)
    )  # of which none is near
    assert p == pytest.approx(bootstrap_p(drawn), rel=0.1, abs=1e-4)


def test_p_that_many_resamples_contradict_is_that_of_the_intervals() -> None:
    one, two, differences = study(0.52, 0.5, 300, 3)
    paired = paired_t_p((one - two).mean(axis=0), 1 / 300)
    assert seeds_p(one, two, differences, TEN) == max(bootstrap_p(differences), paired) > 0.02


def test_p_over_seeds_is_that_of_scipys_paired_t_test() -> None:
    one, two, differences = study(0.55, 0.5, 300, 4)
    p = paired_t_p((one - two).mean(axis=0), 1 / 300)
    assert p == pytest.approx(ttest_rel(one.mean(axis=0), two.mean(axis=0)).pvalue)
    assert seeds_p(one, two, differences, TEN) >= p
    assert paired_t_p(np.zeros(3), 0.1) == paired_t_p(np.array([0.5]), 0.1) == 1.0
    assert paired_t_p(np.array([0.05, 0.05]), 1 / 600) > 0.001  # at the same step by chance


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_equal_arms_are_resolved_no_more_often_than_holms_level(seeds: int) -> None:
    """Of 600 questions, with seeds that scatter by 6 points, in a family of 288: the bootstrap
    alone errs too often.
    """
    studies, questions, level = 20_000, 600, 0.05 / 288
    draw = np.random.default_rng(7)
    rates = np.clip(draw.normal(0.5, 0.06, (studies, 2, seeds)), 0, 1)
    own, raw = (draw.binomial(questions, rates[:, arm]) / questions for arm in (0, 1))
    resolved = sum(paired_t_p(one, 1 / questions) < level for one in own - raw)
    assert resolved <= 12  # 3.5 are expected; 2 % of two seeds were 400


def test_two_seeds_resolve_no_difference_in_a_large_family_and_five_do() -> None:
    assert 288 * seeds_p(*study(0.9, 0.1, 600, 2), TEN) > 0.05
    assert 288 * seeds_p(*study(0.9, 0.1, 600, 5), TEN) < 0.05


def test_no_difference_at_all_has_a_p_of_one() -> None:
    one = np.ones((9, 2))
    assert seeds_p(one, one, np.zeros(200), TEN) == 1.0


def test_detectable_of_one_comparison_is_cohens() -> None:
    assert detectable(0.05, 0.05) == pytest.approx((1.959964 + 0.841621) * 0.05)


@pytest.mark.parametrize(
    ("p_values", "expected"),
    [
        ([0.7], [0.05]),
        ([], []),
        ([None, 0.7], [None, 0.05]),
        ([0.7, 0.8, 0.9], [0.05 / 3] * 3),
        ([1e-6, 0.8, 0.9], [0.05 / 3, 0.05 / 2, 0.05 / 2]),  # the first is resolved: two are left
        (
            [1e-6, 0.02, 0.9],
            [0.05 / 3, 0.05 / 2, 0.05],
        ),  # the second is resolved behind the first alone
        ([1e-6, 1e-6, 1e-6], [0.05, 0.05, 0.05]),
    ],
)
def test_holm_levels(p_values: list[float | None], expected: list[float | None]) -> None:
    assert holm_levels(p_values, 0.05) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.floats(0, 1))
def test_holm_levels_are_where_holm_changes_its_mind(others: list[float], p: float) -> None:
    level = holm_levels([p, *others], 0.05)[0]
    assert level is not None
    assume(p != pytest.approx(level))
    for own in (p, 0.999 * level, 1.001 * level):
        adjusted = holm([own, *others])[0]
        assert adjusted is not None
        assert (adjusted < 0.05) == (own < level)


@pytest.mark.parametrize("others", [[], [0.9] * 35, [*[1e-9] * 16, *[0.9] * 19]])
def test_detectable_is_resolved_as_often_as_the_power_says(others: list[float]) -> None:
    """With a true difference of that size, Holm's p among `others` is below 5% in POWER of many
    studies.
    """
    error, draw = 0.05, np.random.default_rng(0)
    level = holm_levels([0.5, *others], 0.05)[0]
    assert level is not None
    drawn = draw.normal(detectable(error, level), error, 4_000)
    adjusted = [holm([float(p), *others])[0] for p in 2 * norm.sf(np.abs(drawn) / error)]
    assert np.mean([p is not None and p < 0.05 for p in adjusted]) == pytest.approx(POWER, abs=0.02)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_detectable_of_several_seeds_is_the_t_tests(seeds: int) -> None:
    draw, level = np.random.default_rng(1), 0.01
    drawn = draw.normal(detectable(0.02, level, seeds), 0.02 * seeds**0.5, (20_000, seeds))
    value = drawn.mean(axis=1) / (drawn.std(axis=1, ddof=1) / seeds**0.5)
    assert np.mean(2 * t.sf(np.abs(value), seeds - 1) < level) == pytest.approx(POWER, abs=0.01)
