"""Statistics of graded answers, and of a run's answers against those of the run on raw traces.

Intervals are percentile intervals of a bootstrap (Efron and Tibshirani 1993, chapter 13) over
questions and, where an arm has several seeds, over seeds. A resample draws a question with all that
every run answered to it, and a seed with all runs that have it, so that differences and ratios
between runs are paired; runs are compared over the seeds that both have.
`significance.seed_weights` says how far few seeds carry. Nothing here is ever NaN: what cannot be
divided is None. There is no interval from fewer than FEW questions, nor where no resample differs:
without width it would look exact.
"""

import dataclasses
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from scipy.stats import binomtest

from stages.core.statistics import significance
from stages.core.statistics.answers import Answers, Floats, shared
from stages.core.statistics.significance import Bootstrap, over_seeds, resampled_sums

Key = TypeVar("Key", bound=Hashable)
FEW = 5  # questions: fewer have no interval, no verdict and no detectable difference
_ROUNDING = 1e-9  # what sums of floats differ by, where they mean the same


@dataclass(frozen=True)
class Estimate:
    """A value and its interval, None where there is none; `low` alone where the interval has no
    upper end.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def scaled(self, factor: float) -> "Estimate":
        """All three times `factor`, 100 for per cent."""
        return Estimate(
            *(None if part is None else part * factor for part in dataclasses.astuple(self))
        )

    def resolved(self, nothing: float = 0.0) -> bool | None:
        """Whether the interval leaves out `nothing`, the value of no difference; None without an
        interval.
        """
        if self.low is None:
            return None
        return self.low > nothing or (self.high is not None and self.high < nothing)


@dataclass(frozen=True)
class Lengths:
    """Of a number of tokens over all answers: mean, quartiles, 95th percentile and maximum."""

    mean: float
    q1: float
    median: float
    q3: float
    p95: float
    maximum: float


@dataclass(frozen=True)
class Measure:
    """What a run did on a set of questions. Shares and ratios are fractions, tokens are generated
    ones.

    `samples` are what the run's samples say by name, of `sampled` questions. `area` is the mean
    accuracy over the logarithm of the cap of tokens, from 1 to the limit, so that every doubling of
    the budget counts the same. Against a reference, over the `seeds` that both have: retention is
    the ratio of accuracies, output that of mean tokens, efficiency that of accuracy per token;
    difference is accuracy less the reference's, `p` McNemar's (of several seeds
    `significance.seeded`), and `error` the difference's standard error by the bootstrap. `no_ratio_reason`
    says why there are no ratios, or none of accuracy, with {} for the reference's name.
    """

    questions: int
    accuracy: Estimate
    tokens: Estimate
    lengths: Lengths
    thinking: Lengths
    answering: Lengths
    hit_cap: float
    no_answer: float
    area: Estimate = Estimate()
    macro: Estimate = Estimate()  # accuracy, each question set counting the same; see macro.py
    sampled: int = 0
    samples: Mapping[str, Estimate] = field(default_factory=dict)
    retention: Estimate = Estimate()
    output: Estimate = Estimate()
    efficiency: Estimate = Estimate()
    difference: Estimate = Estimate()
    p: float | None = None
    error: float | None = None
    holm: float | None = None  # `p` among all comparisons of a report,
    comparisons: int | None = None  # as many as have a p
    detectable: float | None = (
        None  # the smallest difference that Holm's `p` resolves four times out of five
    )
    seeds: tuple[str, ...] = ()
    no_ratio_reason: str = ""


def ratio(above: Floats, below: Floats, confidence: float | None) -> Estimate:
    """`above / below`, both (1 + resamples,) and not negative, with the sample itself first.

    No value where the sample's divisor is 0, no interval without a confidence or where all
    resamples say the same. A resample whose divisor is 0 is infinite; 0 / 0 can be anything, so it
    widens either end.
    """
    if below[0] == 0:
        return Estimate()
    value, zero = float(above[0] / below[0]), below[1:] == 0
    found = above[1:] / np.where(zero, 1, below[1:])
    if confidence is None or not (zero.any() or np.ptp(found) > _ROUNDING):
        return Estimate(value)
    tail = (1 - confidence) / 2
    # single resamples, not points between two, of which one may be infinite
    low, high = (
        float(np.quantile(np.where(zero, end, found), at, method="inverted_cdf"))
        for end, at in ((np.where(above[1:] == 0, 0, np.inf), tail), (np.inf, 1 - tail))
    )
    return Estimate(value, *(end if np.isfinite(end) else None for end in (low, high)))


def measure(
    runs: Mapping[Key, Answers],
    references: Mapping[Key, Key],
    settings: Bootstrap,
    cap: int | None = None,
) -> dict[Key, Measure]:
    """Measures of `runs`, all on the same questions, each against the run that `references` names,
    if any.

    `cap` is the limit of tokens that all were generated with, the EOS among them; without it no
    area is measured.
    """
    sums = _resampled(runs, settings, cap)
    found = {key: _alone(one, sums[key], settings) for key, one in runs.items()}
    for key, other in references.items():
        found[key] = dataclasses.replace(found[key], **_against(key, other, runs, sums, settings))
    return found


def _resampled(
    runs: Mapping[Key, Answers], settings: Bootstrap, cap: int | None
) -> dict[Key, dict[str, Floats]]:
    """Each run's sums over the questions by quantity: (1 + resamples, seeds)."""
    parts = [
        (key, name, columns)
        for key, one in runs.items()
        for name, columns in _columns(one, cap).items()
    ]
    sums = resampled_sums(np.hstack([columns for _, _, columns in parts]), settings)
    found: dict[Key, dict[str, Floats]] = {key: {} for key in runs}
    at = 0
    for key, name, columns in parts:
        found[key][name] = sums[:, at : at + columns.shape[1]]
        at += columns.shape[1]
    return found


def _columns(one: Answers, cap: int | None) -> dict[str, Floats]:
    """What is added up over the questions, (questions, seeds)."""
    found = {"correct": one.correct, "tokens": one.tokens}
    if (
        cap is not None
    ):  # the share of log caps that let an answer end: on a linear scale a limit far above all lengths
        # makes the area the accuracy, whatever the lengths
        found["area"] = one.ended * np.clip(
            1 - np.log(np.maximum(one.tokens, 1)) / math.log(max(cap, 2)), 0, None
        )
    return found


def _confidence(questions: int, settings: Bootstrap) -> float | None:
    """Of the bootstrap's intervals; None where there are too few questions for any."""
    return settings.confidence if questions >= FEW else None


def _alone(answers: Answers, sums: Mapping[str, Floats], settings: Bootstrap) -> Measure:
    """The part of a measure that needs no reference."""
    asked = len(answers.correct)
    means = {name: over_seeds(own, settings) for name, own in sums.items()}
    questions, confidence = np.full_like(means["correct"], asked), _confidence(asked, settings)
    return Measure(
        questions=asked,
        accuracy=_accuracy(answers.correct, means["correct"], settings),
        tokens=ratio(means["tokens"], questions, confidence),
        lengths=lengths(answers.tokens),
        thinking=lengths(answers.thinking),
        answering=lengths(answers.answering),
        hit_cap=float((answers.outcome == "hit_cap").mean()),
        no_answer=float((answers.outcome == "no_answer").mean()),
        area=ratio(means["area"], questions, confidence) if "area" in means else Estimate(),
        sampled=int(answers.has_samples.sum()),
        samples=_samples(answers, settings),
    )


def _accuracy(correct: Floats, sums: Floats, settings: Bootstrap) -> Estimate:
    """Of `correct`, (questions, seeds), and its resampled sums, (1 + resamples,).

    One seed's interval is exact (Clopper and Pearson 1934) where the bootstrap has none.
    """
    questions = len(correct)
    found = ratio(sums, np.full_like(sums, questions), _confidence(questions, settings))
    if found.low is not None or correct.shape[1] > 1:
        return found
    exact = binomtest(int(correct.sum()), questions).proportion_ci(settings.confidence)
    return Estimate(found.value, float(exact.low), float(exact.high))


def _samples(answers: Answers, settings: Bootstrap) -> dict[str, Estimate]:
    """What samples say, resampled among the questions that have some."""
    own = answers.samples[answers.has_samples > 0]
    if not len(own):
        return dict.fromkeys(answers.names, Estimate())
    sums, confidence = resampled_sums(own, settings), _confidence(len(own), settings)
    means = [over_seeds(sums[..., place], settings) for place in range(len(answers.names))]
    return {
        name: ratio(mean, np.full_like(mean, len(own)), confidence)
        for name, mean in zip(answers.names, means, strict=True)
    }


def at_caps(answers: Answers, caps: Sequence[int], settings: Bootstrap) -> list[Estimate]:
    """The accuracy with each limit of tokens, the EOS among them: what had not ended by then gave
    no answer.
    """
    columns = [answers.within(cap) for cap in caps]
    sums = resampled_sums(np.stack(columns, axis=1), settings)
    return [
        _accuracy(own, over_seeds(sums[:, place], settings), settings)
        for place, own in enumerate(columns)
    ]


def lengths(tokens: Floats) -> Lengths:
    """Of all `tokens`, whatever their shape."""
    parts = np.quantile(tokens, [0.25, 0.5, 0.75, 0.95, 1.0])
    return Lengths(float(tokens.mean()), *(float(part) for part in parts))


def _against(
    key: Key,
    other: Key,
    runs: Mapping[Key, Answers],
    sums: Mapping[Key, Mapping[str, Floats]],
    settings: Bootstrap,
) -> dict[str, Any]:
    """The part of a measure that compares; the reference's own ratios are 1, without an interval."""
    if other not in runs:
        return {"no_ratio_reason": "{} has not been scored"}
    own, base = shared(runs[key], runs[other])
    if not own:
        return {"no_ratio_reason": "no seed in common with {}"}
    correct, tokens = (over_seeds(sums[key][name], settings, own) for name in ("correct", "tokens"))
    base_correct, base_tokens = (
        over_seeds(sums[other][name], settings, base) for name in ("correct", "tokens")
    )
    confidence = None if key == other else _confidence(len(runs[key].correct), settings)
    found: dict[str, Any] = {
        "retention": ratio(correct, base_correct, confidence),
        "output": ratio(tokens, base_tokens, confidence),
        "efficiency": ratio(correct * base_tokens, tokens * base_correct, confidence),
        "no_ratio_reason": "" if base_correct[0] else "no answer of {} is right",
        "seeds": tuple(runs[key].seeds[place] for place in own) if runs[key].seeds else (),
    }
    if key == other:
        return found
    tested = _tested(
        runs[key].correct[:, own], runs[other].correct[:, base], correct - base_correct, settings
    )
    return found | tested


def _tested(one: Floats, two: Floats, sums: Floats, settings: Bootstrap) -> dict[str, Any]:
    """The difference of two runs' `correct`, (questions, seeds), from its resampled sums, (1 +
    resamples,).
    """
    confidence = _confidence(len(one), settings)
    found = {"difference": ratio(sums, np.full_like(sums, len(one)), confidence)}
    if confidence is None:
        return found
    differences = sums[1:] / len(one)
    paired = one.shape[1] == two.shape[1] == 1  # the test is for one answer a question
    return found | {
        "p": significance.mcnemar(one, two)
        if paired
        else significance.seeded(one, two, differences, settings),
        "error": float(differences.std()) if np.ptp(differences) > _ROUNDING else None,
    }
