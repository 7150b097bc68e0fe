"""Statistics: exact small cases, agreement with SciPy, and properties that hold for any answers."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from stages.core.stats import (
    Answers,
    Bootstrap,
    Estimate,
    Measure,
    mcnemar,
    measure,
    pool,
    ratio,
    resampled_sums,
)

PLAIN = Bootstrap(resamples=200, confidence=0.95, seed=0)


def answers(right: Sequence[int], tokens: Sequence[int], samples: Sequence[float | None] | None = None) -> Answers:
    """One seed's answers; `samples` are shares of right ones, None where a question has none."""
    shares = samples or [None] * len(right)
    return Answers(
        correct=np.array([right], dtype=np.float64).T,
        tokens=np.array([tokens], dtype=np.float64).T,
        outcome=np.array([["answered" if one else "hit_cap" for one in right]]).T,
        sampled=np.array([share or 0.0 for share in shares]),
        has_samples=np.array([float(share is not None) for share in shares]),
    )


def against(own: Answers, raw: Answers) -> Measure:
    """The measure of `own` against `raw`."""
    return measure({"own": own, "raw": raw}, {"own": "raw", "raw": "raw"}, PLAIN)["own"]


def test_measures_of_a_worked_example() -> None:
    own, raw = answers([1, 0, 1, 0], [10, 20, 30, 40]), answers([1, 1, 1, 0], [100, 200, 300, 400])
    found = against(own, raw)
    assert found.questions == 4
    assert found.accuracy.value == 0.5
    assert found.tokens.value == 25
    assert found.quartiles == (17.5, 25.0, 32.5)
    assert found.hit_cap == 0.5
    assert found.no_answer == 0
    assert found.retention.value == pytest.approx(2 / 3)
    assert found.output.value == pytest.approx(0.1)
    assert found.efficiency.value == pytest.approx((0.5 / 25) / (0.75 / 250))
    assert found.difference.value == -0.25
    assert found.p == 1.0
    assert found.sampled == Estimate()


def test_the_reference_against_itself_is_one() -> None:
    raw = answers([1, 0, 1], [5, 6, 7])
    found = measure({"raw": raw}, {"raw": "raw"}, PLAIN)["raw"]
    assert [found.retention, found.output, found.efficiency] == [Estimate(1.0)] * 3
    assert found.difference == Estimate()
    assert found.p is None


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


def test_without_a_right_raw_answer_there_is_no_ratio() -> None:
    found = against(answers([1, 0], [3, 4]), answers([0, 0], [30, 40]))
    assert found.retention == found.efficiency == Estimate()
    assert found.difference.value == 0.5
    assert found.output.value == 0.1


def test_a_ratio_that_a_resample_cannot_have_has_no_interval() -> None:
    found = against(answers([1, 1, 1], [3, 4, 5]), answers([1, 0, 0], [3, 4, 5]))
    assert found.retention == Estimate(3.0)


def test_runs_without_any_token_have_no_ratio_of_tokens() -> None:
    found = against(answers([1, 1], [0, 0]), answers([1, 1], [0, 0]))
    assert found.output == found.efficiency == Estimate()


@pytest.mark.parametrize("right", [0, 1])
def test_where_all_answers_agree_the_interval_has_no_width(right: int) -> None:
    found = against(answers([right] * 5, [9] * 5), answers([right] * 5, [9] * 5))
    assert found.accuracy == Estimate(right, right, right)


def test_one_question_is_enough() -> None:
    found = against(answers([1], [8]), answers([1], [16]))
    assert found.efficiency == Estimate(2.0, 2.0, 2.0)


def test_sampled_accuracy_is_the_mean_over_the_questions_that_have_samples() -> None:
    own = answers([1] * 8, [4] * 8, [0.5, None, 1.0, 0.0, 0.5, 0.5, 1.0, 0.0])
    assert against(own, own).sampled.value == pytest.approx(0.5)


def test_pooled_seeds_are_averaged_and_stay_with_their_question() -> None:
    one, two = answers([1, 0], [10, 30]), answers([1, 1], [20, 60])
    both = measure({"own": pool([one, two])}, {"own": "own"}, PLAIN)["own"]
    assert (both.questions, both.accuracy.value, both.tokens.value) == (2, 0.75, 30)
    assert both.quartiles[1] == 25


def test_pooled_seeds_have_no_mcnemar() -> None:
    both = pool([answers([1, 0], [1, 1]), answers([0, 0], [1, 1])])
    assert measure({"a": both, "b": both}, {"a": "b"}, PLAIN)["a"].p is None


def test_intervals_agree_with_scipy() -> None:
    draw = np.random.default_rng(1)
    raw = answers(draw.integers(2, size=120).tolist(), draw.integers(90, 400, size=120).tolist())
    own = answers(draw.integers(2, size=120).tolist(), draw.integers(10, 90, size=120).tolist())
    many = Bootstrap(resamples=6000, confidence=0.9, seed=3)
    found = measure({"own": own, "raw": raw}, {"own": "raw"}, many)["own"]
    pairs = (own.correct[:, 0], raw.correct[:, 0])
    for estimate, statistic in (
        (found.difference, lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis)),
        (found.retention, lambda a, b, axis: a.mean(axis=axis) / b.mean(axis=axis)),
    ):
        theirs = bootstrap(
            pairs, statistic, n_resamples=6000, confidence_level=0.9, paired=True, method="percentile", rng=2
        ).confidence_interval
        assert (estimate.low, estimate.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_drawing_in_parts_covers_all_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = np.ones((7, 2))
    monkeypatch.setattr("stages.core.stats._DRAWS", 20)
    sums = resampled_sums(columns, PLAIN)
    assert sums.shape == (201, 2)
    assert (sums == 7).all()  # every resample has as many questions as the set


right_and_tokens = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 900)), min_size=1, max_size=12
)


@settings(max_examples=40, deadline=None)
@given(right_and_tokens, st.integers(0, 5))
def test_nothing_is_ever_nan_and_values_lie_in_range(rows: list[tuple[int, int, int]], seed: int) -> None:
    own, raw, tokens = (list(column) for column in zip(*rows, strict=True))
    few = Bootstrap(50, 0.95, seed)
    with np.errstate(all="raise"):
        found = measure({"own": answers(own, tokens), "raw": answers(raw, tokens[::-1])}, {"own": "raw"}, few)["own"]
    for field in dataclasses.fields(Measure):
        value = getattr(found, field.name)
        parts = dataclasses.astuple(value) if isinstance(value, Estimate) else np.atleast_1d(value)
        assert all(part is None or np.isfinite(part) for part in parts), field.name
    one = found.accuracy
    assert 0 <= (one.low or 0) <= (one.high or 0) <= 1
    assert found.p is not None
    assert 0 < found.p <= 1


@settings(max_examples=25, deadline=None)
@given(right_and_tokens)
def test_difference_and_p_mirror_when_the_runs_change_places(rows: list[tuple[int, int, int]]) -> None:
    own, raw, tokens = (list(column) for column in zip(*rows, strict=True))
    one, two = answers(own, tokens), answers(raw, tokens)
    there, back = against(one, two), against(two, one)
    assert there.p == back.p
    assert there.difference.value == -(back.difference.value or 0.0)


def test_ratio_takes_the_sample_first_and_quantiles_of_the_rest() -> None:
    above = np.array([5.0, *range(1, 102)])
    found = ratio(above, np.full(102, 2.0), 0.9)
    assert dataclasses.astuple(found) == pytest.approx((2.5, 3.0, 48.0))
