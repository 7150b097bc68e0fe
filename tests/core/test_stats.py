"""Statistics: exact small cases, agreement with SciPy, and properties that hold for any answers."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from stages.core.answers import Answers, pool
from stages.core.stats import (
    Bootstrap,
    Estimate,
    Lengths,
    Measure,
    at_caps,
    measure,
    ratio,
    resampled_sums,
    seed_weights,
)

PLAIN = Bootstrap(resamples=200, confidence=0.95, seed=0)


def answers(right: Sequence[int], tokens: Sequence[int], samples: Sequence[float | None] | None = None) -> Answers:
    """One seed's answers; `samples` are shares of right ones, None where a question has none."""
    shares = samples or [None] * len(right)
    return Answers(
        correct=np.array([right], dtype=np.float64).T,
        thinking=np.array([tokens], dtype=np.float64).T,
        answering=np.zeros((len(right), 1)),
        outcome=np.array([["answered" if one else "hit_cap" for one in right]]).T,
        samples=np.array([[share or 0.0] for share in shares]),
        has_samples=np.array([float(share is not None) for share in shares]),
        names=("mean",),
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
    assert found.lengths == found.thinking == Lengths(25.0, 17.5, 25.0, 32.5, pytest.approx(38.5), 40.0)
    assert found.answering.maximum == 0
    assert found.hit_cap == 0.5
    assert found.no_answer == 0
    assert found.retention.value == pytest.approx(2 / 3)
    assert found.output.value == pytest.approx(0.1)
    assert found.efficiency.value == pytest.approx((0.5 / 25) / (0.75 / 250))
    assert found.difference.value == -0.25
    assert found.p == 1.0
    assert found.samples == {"mean": Estimate()}


def test_the_reference_against_itself_is_one() -> None:
    raw = answers([1, 0, 1], [5, 6, 7])
    found = measure({"raw": raw}, {"raw": "raw"}, PLAIN)["raw"]
    assert [found.retention, found.output, found.efficiency] == [Estimate(1.0)] * 3
    assert found.difference == Estimate()
    assert found.p is None


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
    assert against(own, own).samples["mean"].value == pytest.approx(0.5)


def test_pooled_seeds_are_averaged_and_stay_with_their_question() -> None:
    one, two = answers([1, 0], [10, 30]), answers([1, 1], [20, 60])
    both = measure({"own": pool([one, two])}, {"own": "own"}, PLAIN)["own"]
    assert (both.questions, both.accuracy.value, both.tokens.value) == (2, 0.75, 30)
    assert both.lengths.median == 25


def test_pooled_seeds_have_the_bootstraps_p() -> None:
    better, worse = pool([answers([1] * 9, [1] * 9)] * 2), pool([answers([0] * 9, [1] * 9)] * 2)
    found = measure({"a": better, "b": worse}, {"a": "b"}, PLAIN)["a"]
    assert found.p == pytest.approx(2 / 201)  # no resample of 200 has the other sign


def test_seeds_are_a_second_level_of_the_bootstrap() -> None:
    """Seeds that differ widen the interval, though every question has the same mean; seeds that agree do not."""
    right, wrong = answers([1] * 50, [1] * 50), answers([0] * 50, [1] * 50)
    apart = measure({"own": pool([right, wrong])}, {}, PLAIN)["own"].accuracy
    assert (apart.value, apart.low, apart.high) == (0.5, 0.0, 1.0)
    alike = measure({"own": pool([right, right])}, {}, PLAIN)["own"].accuracy
    assert (alike.value, alike.low, alike.high) == (1.0, 1.0, 1.0)


def test_weights_of_seeds_are_multinomial_and_the_sample_comes_first() -> None:
    found = seed_weights(3, Bootstrap(4000, 0.95, 0))
    assert found[0] == pytest.approx([1 / 3] * 3)
    assert found.sum(axis=1) == pytest.approx(1)
    assert found[1:].mean(axis=0) == pytest.approx([1 / 3] * 3, abs=0.02)
    assert found[1:, 0].var() == pytest.approx((1 / 3) * (2 / 3) / 3, rel=0.1)


@pytest.mark.parametrize(("cap", "wanted"), [(10, 0.0), (11, 0.25), (31, 0.5), (400, 0.5)])
def test_accuracy_within_a_cap_counts_the_eos(cap: int, wanted: float) -> None:
    (found,) = at_caps(answers([1, 0, 1, 0], [10, 20, 30, 40]), [cap], PLAIN)
    assert found.value == wanted


def test_area_is_the_mean_of_the_accuracy_over_the_logarithm_of_the_cap() -> None:
    one = answers([1, 0, 1, 1], [3, 2, 7, 10])
    (found,) = measure({"own": one}, {}, PLAIN, cap=10).values()
    every = [estimate.value or 0.0 for estimate in at_caps(one, range(1, 10), PLAIN)]
    width = np.diff(np.log(range(1, 11))) / np.log(10)
    assert found.area.value == pytest.approx(float(every @ width))


def test_area_tells_lengths_apart_where_the_limit_is_far_above_them() -> None:
    short, long = (answers([1] * 4, [tokens] * 4) for tokens in (30, 1000))
    found = measure({"short": short, "long": long}, {}, PLAIN, cap=32768)
    assert (found["short"].area.value or 0) - (found["long"].area.value or 0) == pytest.approx(0.334, abs=0.001)


def test_caps_agree_with_the_accuracy_and_its_interval() -> None:
    draw = np.random.default_rng(0)
    one = pool([answers(draw.integers(2, size=30).tolist(), [5] * 30) for _ in range(3)])
    (found,) = at_caps(one, [99], PLAIN)
    assert found == measure({"own": one}, {}, PLAIN)["own"].accuracy


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_intervals_cover_the_truth_as_often_as_they_say(rate: float) -> None:
    """600 studies of 80 questions: a binomial count with probability 0.9 lies within 4 standard errors."""
    draw, inside = np.random.default_rng(5), 0
    for seed in range(600):
        own = answers((draw.random(80) < rate).astype(int).tolist(), [1] * 80)
        one = measure({"own": own}, {}, Bootstrap(400, 0.9, seed))["own"].accuracy
        inside += (one.low or 0) <= rate <= (one.high or 0)
    assert abs(inside / 600 - 0.9) < 4 * (0.9 * 0.1 / 600) ** 0.5


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
        if isinstance(value, dict):
            continue
        parts = dataclasses.astuple(value) if isinstance(value, Estimate | Lengths) else np.atleast_1d(value)
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
