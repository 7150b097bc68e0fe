"""Statistics of graded answers, and of a run's answers against those of the run on raw traces.

Intervals are percentile intervals of a bootstrap (Efron and Tibshirani 1993, chapter 13) over questions and, where an
arm has several seeds, over seeds. A resample draws a question with all that every run answered to it, and a seed with
all runs that have it, so that differences and ratios between runs are paired. Nothing here is ever NaN: what cannot
be divided is None.
"""

import dataclasses
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from scipy import stats

from stages.core import significance
from stages.core.answers import Answers, Floats

Key = TypeVar("Key", bound=Hashable)
_DRAWS = 1 << 22  # questions drawn at a time: 32 MB, whatever the number of resamples


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made: `confidence` is their coverage, 0.95 for 95 %."""

    resamples: int
    confidence: float
    seed: int


@dataclass(frozen=True)
class Estimate:
    """A value and its interval, None where there is none."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def scaled(self, factor: float) -> "Estimate":
        """All three times `factor`, 100 for per cent."""
        return Estimate(*(None if part is None else part * factor for part in dataclasses.astuple(self)))

    def resolved(self, nothing: float = 0.0) -> bool | None:
        """Whether the interval leaves out `nothing`, the value of no difference; None without an interval."""
        return None if self.low is None or self.high is None else not self.low <= nothing <= self.high


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
    """What a run did on a set of questions. Shares and ratios are fractions, tokens are generated ones.

    `samples` are what the run's samples say by name. `area` is the mean accuracy over the logarithm of the
    cap of tokens, from 1 to the limit, so that every doubling of the budget counts the same.
    Against a reference: retention is the ratio of accuracies, output that of mean tokens, efficiency that of accuracy
    per token; difference is accuracy less the reference's, `p` McNemar's (with several seeds the bootstrap's), and
    `detectable` the smallest difference that would be found four times out of five.
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
    samples: Mapping[str, Estimate] = field(default_factory=dict)
    retention: Estimate = Estimate()
    output: Estimate = Estimate()
    efficiency: Estimate = Estimate()
    difference: Estimate = Estimate()
    p: float | None = None
    holm: float | None = None  # `p` among all comparisons of a report
    detectable: float | None = None


def resampled_sums(columns: Floats, settings: Bootstrap) -> Floats:
    """Sums of `columns`, (questions, k), over the questions as they are and resampled: (1 + resamples, k)."""
    questions = len(columns)
    draw = np.random.default_rng(settings.seed)
    sums = [columns.sum(axis=0, keepdims=True)]
    step = max(1, _DRAWS // questions)
    for start in range(0, settings.resamples, step):
        count = min(step, settings.resamples - start)
        drawn = draw.integers(questions, size=(count, questions)) + questions * np.arange(count)[:, None]
        times = np.bincount(drawn.ravel(), minlength=count * questions).reshape(count, questions)
        sums.append(times.astype(np.float64) @ columns)
    return np.vstack(sums)


def seed_weights(seeds: int, settings: Bootstrap) -> Floats:
    """The weight of each seed in the sample, and in each resample: (1 + resamples, seeds), each row adding up to 1."""
    draw = np.random.default_rng([settings.seed, seeds])
    drawn = draw.multinomial(seeds, [1 / seeds] * seeds, size=settings.resamples)
    return np.vstack([np.ones((1, seeds)), drawn]) / seeds


def ratio(above: Floats, below: Floats, confidence: float) -> Estimate:
    """`above / below`, both (1 + resamples,) with the sample itself first.

    No value where the sample's divisor is 0; no interval where a resample's is, for then it has no upper end.
    """
    if below[0] == 0:
        return Estimate()
    value = float(above[0] / below[0])
    if not below.all():
        return Estimate(value)
    tail = (1 - confidence) / 2
    low, high = np.quantile(above[1:] / below[1:], [tail, 1 - tail])
    return Estimate(value, float(low), float(high))


def mean_ratio(above: Sequence[float], below: Sequence[float], confidence: float) -> Estimate:
    """The geometric mean of the ratios of pairs, from two pairs on with the t interval of the mean of their logarithms.

    No value where the numbers are not paired, or one is 0.
    """
    if len(above) != len(below) or not all((*above, *below)):
        return Estimate()
    logs = np.log(above) - np.log(below)
    mean, count = float(logs.mean()), len(logs)
    if count == 1:
        return Estimate(above[0] / below[0])
    half = float(stats.t.ppf((1 + confidence) / 2, count - 1) * logs.std(ddof=1) / math.sqrt(count))
    return Estimate(math.exp(mean), math.exp(mean - half), math.exp(mean + half))


def measure(
    runs: Mapping[Key, Answers], references: Mapping[Key, Key], settings: Bootstrap, cap: int | None = None
) -> dict[Key, Measure]:
    """Measures of `runs`, all on the same questions, each against the run that `references` names, if any.

    `cap` is the limit of tokens that all were generated with, the EOS among them; without it no area is measured.
    """
    sums = _resampled(runs, settings, cap)
    return {
        key: dataclasses.replace(
            _alone(one, sums[key], settings.confidence),
            **(_against(key, references[key], runs, sums, settings.confidence) if key in references else {}),
        )
        for key, one in runs.items()
    }


def _resampled(runs: Mapping[Key, Answers], settings: Bootstrap, cap: int | None) -> dict[Key, dict[str, Floats]]:
    """Each run's sums over the questions, averaged over its seeds, by quantity: (1 + resamples,)."""
    parts = [(key, name, columns) for key, one in runs.items() for name, columns in _columns(one, cap).items()]
    sums = resampled_sums(np.hstack([columns for _, _, columns in parts]), settings)
    weights = {one.correct.shape[1]: seed_weights(one.correct.shape[1], settings) for one in runs.values()}
    weights[1] = np.ones((len(sums), 1))
    found: dict[Key, dict[str, Floats]] = {key: {} for key in runs}
    at = 0
    for key, name, columns in parts:
        width = columns.shape[1]
        found[key][name] = (sums[:, at : at + width] * weights[width]).sum(axis=1)
        at += width
    return found


def _columns(one: Answers, cap: int | None) -> dict[str, Floats]:
    """What is added up over the questions, (questions, seeds) or, of samples, (questions, 1)."""
    found = {"correct": one.correct, "tokens": one.tokens, "has_samples": one.has_samples[:, None]}
    if cap is not None:  # the share of log caps that let an answer end: on a linear scale a limit far above all lengths
        # makes the area the accuracy, whatever the lengths
        found["area"] = one.correct * np.clip(1 - np.log1p(one.tokens) / math.log(max(cap, 2)), 0, None)
    return found | {name: one.samples[:, [place]] for place, name in enumerate(one.names)}


def _alone(answers: Answers, sums: Mapping[str, Floats], confidence: float) -> Measure:
    """The part of a measure that needs no reference."""
    questions = np.full_like(sums["correct"], len(answers.correct))
    return Measure(
        questions=len(answers.correct),
        accuracy=ratio(sums["correct"], questions, confidence),
        tokens=ratio(sums["tokens"], questions, confidence),
        lengths=lengths(answers.tokens),
        thinking=lengths(answers.thinking),
        answering=lengths(answers.answering),
        hit_cap=float((answers.outcome == "hit_cap").mean()),
        no_answer=float((answers.outcome == "no_answer").mean()),
        area=ratio(sums["area"], questions, confidence) if "area" in sums else Estimate(),
        samples={name: ratio(sums[name], sums["has_samples"], confidence) for name in answers.names},
    )


def at_caps(answers: Answers, caps: Sequence[int], settings: Bootstrap) -> list[Estimate]:
    """The accuracy with each limit of tokens, the EOS among them: what had not ended by then gave no answer."""
    columns = np.stack([answers.within(cap) for cap in caps], axis=1)  # (questions, caps, seeds)
    sums = resampled_sums(columns.reshape(len(columns), -1), settings).reshape(-1, *columns.shape[1:])
    seeds = columns.shape[2]
    means = (sums * (seed_weights(seeds, settings) if seeds > 1 else np.ones((1, 1)))[:, None]).sum(axis=2)
    questions = np.full(len(means), float(len(columns)))
    return [ratio(means[:, place], questions, settings.confidence) for place in range(len(caps))]


def lengths(tokens: Floats) -> Lengths:
    """Of all `tokens`, whatever their shape."""
    parts = np.quantile(tokens, [0.25, 0.5, 0.75, 0.95, 1.0])
    return Lengths(float(tokens.mean()), *(float(part) for part in parts))


def _against(
    key: Key,
    other: Key,
    runs: Mapping[Key, Answers],
    sums: Mapping[Key, Mapping[str, Floats]],
    confidence: float,
) -> dict[str, Any]:
    """The part of a measure that compares; the reference's own ratios are 1, without an interval."""
    (correct, tokens), (base, base_tokens) = ((sums[one]["correct"], sums[one]["tokens"]) for one in (key, other))
    questions = np.full_like(base, len(runs[key].correct))
    found = {
        "retention": ratio(correct, base, confidence),
        "output": ratio(tokens, base_tokens, confidence),
        "efficiency": ratio(correct * base_tokens, tokens * base, confidence),
        "difference": ratio(correct - base, questions, confidence),
    }
    if key == other:
        return {name: Estimate(one.value) for name, one in found.items() if name != "difference"}
    one, two = runs[key].correct, runs[other].correct
    differences = (correct - base)[1:] / questions[1:]
    paired = one.shape[1] == two.shape[1] == 1  # the test is for one answer a question
    return found | {
        "p": significance.mcnemar(one, two) if paired else significance.bootstrapped(differences),
        "detectable": significance.detectable(differences, confidence),
    }
