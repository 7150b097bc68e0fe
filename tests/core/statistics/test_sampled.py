"""pass@k and the majority's vote: exact cases, and what they mean by counting all draws."""

import itertools
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.statistics.sampled import majority, pass_at, powers


@pytest.mark.parametrize(
    ("samples", "correct", "k", "expected"),
    [
        (1, 1, 1, 1.0),
        (1, 0, 1, 0.0),
        (4, 2, 1, 0.5),
        (4, 2, 2, 5 / 6),
        (4, 2, 3, 1.0),
        (200, 100, 1, 0.5),
    ],
)
def test_pass_at_k(samples: int, correct: int, k: int, expected: float) -> None:
    assert pass_at(samples, correct, k) == pytest.approx(expected)


@given(
    st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n)))
)
def test_pass_at_k_is_the_share_of_draws_with_a_right_one(case: tuple[int, int, int]) -> None:
    samples, correct, k = case
    draws = itertools.combinations(range(samples), k)
    assert pass_at(samples, correct, k) == pytest.approx(
        fmean(any(one < correct for one in draw) for draw in draws)
    )


@pytest.mark.parametrize("case", [(2, 1, 3), (2, 3, 1), (2, 1, 0)])
def test_pass_at_k_refuses_what_cannot_be_drawn(case: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="expected 1 <= k <= samples"):
        pass_at(*case)


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ([1, 1, 2], 1.0),
        ([1, 2, 2], 0.0),
        ([1, 2], 0.5),
        ([1, 2, 3], 1 / 3),
        ([0, 0, 1], 1.0),  # samples without an answer have no vote
        ([0, 0], 0.0),
        ([], 0.0),
    ],
)
def test_majority(votes: list[int], expected: float) -> None:
    assert majority(votes) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("samples", "expected"), [(0, ()), (1, (1,)), (2, (1, 2)), (5, (1, 2, 4, 5)), (8, (1, 2, 4, 8))]
)
def test_powers(samples: int, expected: tuple[int, ...]) -> None:
    assert powers(samples) == expected
