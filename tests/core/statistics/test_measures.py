"""Statistics: exact small cases, agreement with SciPy, and properties that hold for any answers."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from stages.core.statistics.answers import Answers, pool
from stages.core.statistics.bootstrap import Bootstrap, resampled_sums, seed_weights
from stages.core.statistics.measures import FEW, Estimate, Lengths, Measure, ratio
from stages.core.statistics.measuring import at_caps, measure

PLAIN = Bootstrap(resamples=200, confidence=0.95, seed=0)


def answers(
    right: Sequence[int], tokens: Sequence[int], samples: Sequence[float | None] | None = None
) -> Answers:
    """One seed's answers; `samples` are shares of right ones, None where a question has none."""
    shares = samples or [None] * len(right)
    return Answers(
        correct=np.array([right], dtype=np.float64).T,
        thinking=np.array([tokens], dtype=np.float64).T,
        answering=np.zeros((len(right), 1)),
        outcome=np.array([["answered" if one else "hit_cap" for one in right]]).T,
        samples=np.array([[[share or 0.0]] for share in shares]),
        has_samples=np.array([float(share is not None) for share in shares]),
        sample_metrics=("mean",),
    )


def against(own: Answers, raw: Answers) -> Measure:
    """The measure of `own` against `raw`."""
    return measure({"own": own, "raw": raw}, {"own": "raw", "raw": "raw"}, PLAIN)["own"]


def test_measures_of_a_worked_example() -> None:
    own, raw = (
        answers([1, 0, 1, 0] * 2, [10, 20, 30, 40] * 2),
        answers([1, 1, 1, 0] * 2, [100, 200, 300, 400] * 2),
    )
    actual = against(own, raw)
    assert actual.questions == 8
    assert actual.accuracy.value == 0.5
    assert actual.tokens.value == 25
    assert (
        actual.lengths
        == actual.thinking
        == Lengths(mean=25.0, q1=17.5, median=25.0, q3=32.5, p95=40.0, maximum=40.0)
    )
    assert actual.answering.maximum == 0
    assert actual.hit_cap == 0.5
    assert actual.no_answer == 0
    assert actual.retention.value == pytest.approx(2 / 3)
    assert actual.output.value == pytest.approx(0.1)
    assert actual.efficiency.value == pytest.approx((0.5 / 25) / (0.75 / 250))
    assert actual.difference.value == -0.25
    assert actual.p == 0.5
    assert actual.samples == {"mean": Estimate()}


def test_the_reference_against_itself_is_one() -> None:
    raw = answers([1, 0, 1], [5, 6, 7])
    actual = measure({"raw": raw}, {"raw": "raw"}, PLAIN)["raw"]
    assert [actual.retention, actual.output, actual.efficiency] == [Estimate(1.0)] * 3
    assert actual.difference == Estimate()
    assert actual.p is None


def test_without_a_right_raw_answer_there_is_no_ratio() -> None:
    actual = against(answers([1, 0], [3, 4]), answers([0, 0], [30, 40]))
    assert actual.retention == actual.efficiency == Estimate()
    assert actual.no_ratio_reason == "no answer of {} is right"
    assert actual.difference.value == 0.5
    assert actual.output.value == 0.1


def test_a_ratio_that_a_resample_cannot_have_has_no_upper_end() -> None:
    """A third of the resamples hold none of raw's two right answers; 95 % of the rest leave out 1."""
    own, raw = answers([1] * 9, [3] * 9), answers([1, 1, *[0] * 7], [3] * 9)
    actual = against(own, raw).retention
    assert (actual.value, actual.high) == (4.5, None)
    assert 1 < (actual.low or 0) <= 4.5


@pytest.mark.parametrize(
    ("zeros", "above", "expected"),
    [
        (1, 1, (0.5, 0.5, 1.0)),  # one of 100 is not quantile 0.95
        (9, 1, (0.5, 0.5, None)),
        (9, 0, (0.5, 0.0, None)),  # 0 / 0 says nothing, at either end
    ],
)
def test_zero_divisors_count_as_infinite(
    zeros: int, above: int, expected: tuple[float | None, ...]
) -> None:
    below = np.array([2.0, *[0.0] * zeros, *[1.0] * 10, *[2.0] * (90 - zeros)])
    actual = ratio(np.array([1.0, *[float(above)] * zeros, *[1.0] * (100 - zeros)]), below, 0.9)
    assert dataclasses.astuple(actual) == expected


def test_runs_without_any_token_have_no_ratio_of_tokens() -> None:
    actual = against(answers([1, 1], [0, 0]), answers([1, 1], [0, 0]))
    assert actual.output == actual.efficiency == Estimate()


@pytest.mark.parametrize("right", [0, 1])
def test_where_all_answers_agree_the_interval_is_exact(right: int) -> None:
    """Clopper and Pearson: of n right ones out of n the lower end is 0.025 ** (1 / n)."""
    actual = against(answers([right] * 5, [9] * 5), answers([right] * 5, [9] * 5))
    ends = (0.025**0.2, 1.0) if right else (0.0, 1 - 0.025**0.2)
    assert dataclasses.astuple(actual.accuracy) == pytest.approx((right, *ends))
    assert at_caps(answers([right] * 5, [9] * 5), [9], PLAIN) == [actual.accuracy]
    assert (actual.difference, actual.p, actual.error) == (Estimate(0.0), 1.0, None)


@pytest.mark.parametrize("questions", [1, FEW - 1])
def test_few_questions_have_values_alone(questions: int) -> None:
    actual = against(
        answers([1] * questions, [8] * questions), answers([0] * questions, [16] * questions)
    )
    assert (actual.difference, actual.output, actual.p, actual.error) == (
        Estimate(1.0),
        Estimate(0.5),
        None,
        None,
    )
    assert dataclasses.astuple(actual.accuracy) == pytest.approx(
        (1.0, 0.025 ** (1 / questions), 1.0)
    )


def test_sampled_accuracy_is_the_mean_over_the_questions_that_have_samples() -> None:
    own = answers([1] * 8, [4] * 8, [0.5, None, 1.0, 0.0, 0.5, 0.5, 1.0, 0.0])
    assert against(own, own).samples["mean"].value == pytest.approx(0.5)


def test_samples_alone_are_resampled_and_seeds_are_a_level_of_them_too() -> None:
    shares = [0.5, 1.0, 0.0, 0.5, 0.5, 1.0, *[None] * 50]
    own = answers([1] * 56, [4] * 56, shares)
    actual = against(own, own)
    alone = against(*[answers([1] * 6, [4] * 6, shares[:6])] * 2)
    assert (actual.sampled, actual.samples) == (6, alone.samples)
    assert actual.samples["mean"].low is not None
    right, wrong = (answers([1] * 9, [4] * 9, [share] * 9) for share in (1.0, 0.0))
    apart = measure({"own": pool({"s0": right, "s1": wrong})}, {}, PLAIN)["own"].samples["mean"]
    assert apart == Estimate(0.5, 0.0, 1.0)


def test_pooled_seeds_are_averaged_and_stay_with_their_question() -> None:
    one, two = answers([1, 0], [10, 30]), answers([1, 1], [20, 60])
    both = measure({"own": pool({"s0": one, "s1": two})}, {"own": "own"}, PLAIN)["own"]
    assert (both.questions, both.accuracy.value, both.tokens.value) == (2, 0.75, 30)
    assert both.lengths.median == 25


def test_pooled_seeds_have_the_bootstraps_p() -> None:
    better, worse = (
        pool(dict.fromkeys(("s0", "s1", "s2", "s3"), answers([right] * 9, [1] * 9)))
        for right in (1, 0)
    )
    actual = measure({"a": better, "b": worse}, {"a": "b"}, PLAIN)["a"]
    assert actual.p == pytest.approx(2 / (PLAIN.tested + 1))  # no resample has the other sign


def test_seeds_are_a_second_level_of_the_bootstrap() -> None:
    """Seeds that differ widen the interval, though every question has the same mean; seeds that
    agree do not.
    """
    right, wrong = answers([1] * 50, [1] * 50), answers([0] * 50, [1] * 50)
    apart = measure({"own": pool({"s0": right, "s1": wrong})}, {}, PLAIN)["own"].accuracy
    assert (apart.value, apart.low, apart.high) == (0.5, 0.0, 1.0)
    alike = measure({"own": pool({"s0": right, "s1": right})}, {}, PLAIN)["own"].accuracy
    assert alike == Estimate(1.0)  # no width, which would look exact


def seeded(**right: list[int]) -> Answers:
    """Pooled answers of the seeds named."""
    return pool({seed: answers(own, [1] * len(own)) for seed, own in right.items()})


def test_arms_are_compared_over_the_seeds_that_both_have() -> None:
    one, zero = [1] * 8, [0] * 8
    own, raw = seeded(s1=one, s2=zero), seeded(s0=one, s1=zero)
    actual = against(own, raw)
    assert (actual.accuracy.value, actual.difference.value, actual.seeds) == (0.5, 1.0, ("s1",))
    assert actual.p == pytest.approx(2 * 0.5**8)  # McNemar's: one seed is left
    assert against(seeded(s2=one), raw).no_ratio_reason == "no seed in common with {}"
    assert against(own, answers(zero, [1] * 8)).difference.value == 0.5  # of no seed: beside all
    missing = measure({"own": own}, {"own": "raw"}, PLAIN)["own"]
    assert (missing.no_ratio_reason, missing.difference) == ("{} has not been scored", Estimate())


def test_the_order_of_seeds_does_not_matter_to_their_pairs() -> None:
    draw = np.random.default_rng(3)
    a, b, c, d = (draw.integers(2, size=30).tolist() for _ in range(4))
    there, back = (
        against(seeded(s0=a, s1=b), seeded(s0=c, s1=d)),
        against(seeded(s0=a, s1=b), seeded(s1=d, s0=c)),
    )
    assert (there.difference, there.p) == (back.difference, back.p)


def test_weights_of_seeds_are_multinomial_and_the_sample_comes_first() -> None:
    actual = seed_weights(3, Bootstrap(4000, 0.95, 0))
    assert actual[0] == pytest.approx([1 / 3] * 3)
    assert actual.sum(axis=1) == pytest.approx(1)
    assert actual[1:].mean(axis=0) == pytest.approx([1 / 3] * 3, abs=0.02)
    # those of S - 1 drawn, which make the mean's variance s^2 / S with the unbiased s^2
    assert actual[1:, 0].var() == pytest.approx((1 / 3) * (2 / 3) / 2, rel=0.1)
    deviations = actual[1:] @ np.array([-1.0, 0.0, 1.0])
    assert deviations.var() == pytest.approx(1.0 / 3, rel=0.1)
    assert (seed_weights(1, PLAIN) == 1).all()


@pytest.mark.parametrize(("cap", "expected"), [(9, 0.0), (10, 0.25), (30, 0.5), (400, 0.5)])
def test_accuracy_within_a_cap_counts_the_eos(cap: int, expected: float) -> None:
    (actual,) = at_caps(answers([1, 0, 1, 0], [10, 20, 30, 40]), [cap], PLAIN)
    assert actual.value == expected


def test_what_hit_the_limit_is_right_within_no_cap() -> None:
    cut = dataclasses.replace(
        answers([1, 1], [10, 10]), outcome=np.array([["hit_cap"], ["answered"]])
    )
    assert cut.within(10).tolist() == [[0.0], [1.0]]
    (actual,) = measure({"own": cut}, {}, PLAIN, cap=100).values()
    assert actual.area.value == pytest.approx(0.5 * 0.5)


def test_area_is_the_mean_of_the_accuracy_over_the_logarithm_of_the_cap() -> None:
    one = answers([1, 0, 1, 1], [3, 2, 7, 10])
    (actual,) = measure({"own": one}, {}, PLAIN, cap=10).values()
    every = [estimate.value or 0.0 for estimate in at_caps(one, range(1, 10), PLAIN)]
    width = np.diff(np.log(range(1, 11))) / np.log(10)
    assert actual.area.value == pytest.approx(float(every @ width))


def test_area_tells_lengths_apart_where_the_limit_is_far_above_them() -> None:
    short, long = (answers([1] * 4, [tokens] * 4) for tokens in (30, 1000))
    actual = measure({"short": short, "long": long}, {}, PLAIN, cap=32768)
    assert (actual["short"].area.value or 0) - (actual["long"].area.value or 0) == pytest.approx(
        0.337, abs=0.001
    )


def test_caps_agree_with_the_accuracy_and_its_interval() -> None:
    draw = np.random.default_rng(0)
    one = pool(
        {f"s{seed}": answers(draw.integers(2, size=30).tolist(), [5] * 30) for seed in range(3)}
    )
    (actual,) = at_caps(one, [99], PLAIN)
    assert actual == measure({"own": one}, {}, PLAIN)["own"].accuracy


def null_study(
    draw: np.random.Generator, seeds: int, questions: int, scatter: float
) -> tuple[Answers, Answers]:
    """Two arms that are right half of the time, whose seeds' accuracies have that deviation; paired
    by question.
    """
    hard = draw.standard_normal((questions, 1))

    def arm() -> Answers:
        # a shift of the threshold by 1 is worth 28 points where questions and answers have variance
        # 1
        shift = scatter / 0.282 * draw.standard_normal((1, seeds))
        right = (hard + shift + draw.standard_normal((questions, seeds)) > 0).astype(int)
        return pool(
            {
                f"s{place}": answers(own.tolist(), [1] * questions)
                for place, own in enumerate(right.T)
            }
        )

    return arm(), arm()


@pytest.mark.parametrize(
    ("seeds", "questions", "scatter", "least", "false"),
    [
        (1, 132, 0.0, 0.95, 0.05),
        (2, 132, 0.0, 0.95, 0.05),
        (2, 132, 0.08, 0.88, 0.11),
        (3, 132, 0.08, 0.93, 0.07),
        (5, 132, 0.08, 0.95, 0.05),
        (1, 10, 0.0, 0.92, 0.05),
        (3, 10, 0.08, 0.95, 0.05),
    ],
)
def test_equal_arms_are_told_apart_as_seldom_as_is_said(
    seeds: int, questions: int, scatter: float, least: float, false: float
) -> None:
    """300 studies, give or take 3 standard errors; with seeds that scatter it errs, see
    `seed_weights`.
    """
    draw, studies = np.random.default_rng(11), 300
    held, kept, below_level = 0, 0, 0
    for seed in range(studies):
        own, raw = null_study(draw, seeds, questions, scatter)
        one = measure({"own": own, "raw": raw}, {"own": "raw"}, Bootstrap(300, 0.95, seed))["own"]
        held += not one.difference.resolved()
        kept += not one.retention.resolved(1.0)
        below_level += (one.p or 1.0) < 0.05
    slack = 3 * (least * (1 - least) / studies) ** 0.5
    assert min(held, kept) / studies > least - slack
    assert below_level / studies < false + slack


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_intervals_cover_the_truth_as_often_as_they_say(rate: float) -> None:
    """600 studies of 80 questions: a binomial count with probability 0.9 lies within 4 standard
    errors.
    """
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
    actual = measure({"own": own, "raw": raw}, {"own": "raw"}, many)["own"]
    pairs = (own.correct[:, 0], raw.correct[:, 0])
    for estimate, statistic in (
        (actual.difference, lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis)),
        (actual.retention, lambda a, b, axis: a.mean(axis=axis) / b.mean(axis=axis)),
    ):
        theirs = bootstrap(
            pairs,
            statistic,
            n_resamples=6000,
            confidence_level=0.9,
            paired=True,
            method="percentile",
            rng=2,
        ).confidence_interval
        assert (estimate.low, estimate.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_drawing_in_parts_covers_all_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = np.ones((7, 2))
    monkeypatch.setattr("stages.core.statistics.bootstrap.DRAWS", 20)
    sums = resampled_sums(columns, PLAIN)
    assert sums.shape == (201, 2)
    assert (sums == 7).all()  # every resample has as many questions as the set


right_and_tokens = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 900)), min_size=1, max_size=12
)


@settings(max_examples=40, deadline=None)
@given(right_and_tokens, st.integers(0, 5))
def test_nothing_is_ever_nan_and_values_lie_in_range(
    rows: list[tuple[int, int, int]], seed: int
) -> None:
    own, raw, tokens = (list(column) for column in zip(*rows, strict=True))
    few = Bootstrap(50, 0.95, seed)
    with np.errstate(all="raise"):
        actual = measure(
            {"own": answers(own, tokens), "raw": answers(raw, tokens[::-1])}, {"own": "raw"}, few
        )["own"]
    for field in dataclasses.fields(Measure):
        value = getattr(actual, field.name)
        if isinstance(value, dict | str | tuple):
            continue
        parts = (
            dataclasses.astuple(value)
            if isinstance(value, Estimate | Lengths)
            else np.atleast_1d(value)
        )
        assert all(part is None or np.isfinite(part) for part in parts), field.name
    one = actual.accuracy
    assert 0 <= (one.low or 0) <= (one.high or 0) <= 1
    assert (actual.p is None) == (len(rows) < FEW)
    assert 0 < (actual.p or 1) <= 1


@settings(max_examples=25, deadline=None)
@given(right_and_tokens)
def test_difference_and_p_mirror_when_the_runs_change_places(
    rows: list[tuple[int, int, int]],
) -> None:
    own, raw, tokens = (list(column) for column in zip(*rows, strict=True))
    one, two = answers(own, tokens), answers(raw, tokens)
    there, back = against(one, two), against(two, one)
    assert there.p == back.p
    assert there.difference.value == -(back.difference.value or 0.0)


def test_ratio_takes_the_sample_first_and_quantiles_of_the_rest() -> None:
    above = np.array([5.0, *range(1, 102)])
    actual = ratio(above, np.full(102, 2.0), 0.9)
    assert dataclasses.astuple(actual) == pytest.approx((2.5, 3.0, 48.0))
