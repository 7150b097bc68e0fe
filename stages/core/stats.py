"""Statistics of graded answers, and of a run's answers against those of the run on raw traces.

Intervals are percentile intervals of a bootstrap over questions (Efron and Tibshirani 1993, chapter 13). A
resample draws a question with all that every run answered to it, so that differences and ratios between runs
are paired, and the seeds of one arm stay together. Nothing here is ever NaN: what cannot be divided is None.
"""

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

Floats = NDArray[np.float64]
Key = TypeVar("Key", bound=Hashable)
_DRAWS = 1 << 22  # questions drawn at a time: 32 MB, whatever the number of resamples


@dataclass(frozen=True)
class Answers:
    """A run's answers: a row for each question, and for greedy decoding a column for each seed.

    `correct` (0 or 1), `tokens` (think and answer) and `outcome` have shape (questions, seeds); `sampled`,
    the share of right answers among a question's samples, and `has_samples` (0 or 1) have shape (questions,).
    """

    correct: Floats
    tokens: Floats
    outcome: NDArray[np.str_]
    sampled: Floats
    has_samples: Floats

    def take(self, rows: NDArray[np.intp]) -> "Answers":
        """The answers to the questions at `rows`."""
        return Answers(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))


def pool(answers: Sequence[Answers]) -> Answers:
    """The seeds of one arm side by side; the samples' shares are averaged over the seeds."""
    has_samples = np.min([one.has_samples for one in answers], axis=0)
    return Answers(
        np.hstack([one.correct for one in answers]),
        np.hstack([one.tokens for one in answers]),
        np.hstack([one.outcome for one in answers]),
        np.mean([one.sampled for one in answers], axis=0) * has_samples,
        has_samples,
    )


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


@dataclass(frozen=True)
class Measure:
    """What a run did on a set of questions. Shares and ratios are fractions, tokens are generated ones.

    Against a reference: retention is the ratio of accuracies, output that of mean tokens, efficiency that of
    accuracy per token; difference is accuracy less the reference's, and `p` McNemar's.
    """

    questions: int
    accuracy: Estimate
    sampled: Estimate
    tokens: Estimate
    quartiles: tuple[float, float, float]
    hit_cap: float
    no_answer: float
    retention: Estimate = Estimate()
    output: Estimate = Estimate()
    efficiency: Estimate = Estimate()
    difference: Estimate = Estimate()
    p: float | None = None


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


def mcnemar(correct: Floats, reference: Floats) -> float:
    """Two-sided p of McNemar's exact test: a binomial test of the questions that one alone got right."""
    better = int(((correct == 1) & (reference == 0)).sum())
    worse = int(((correct == 0) & (reference == 1)).sum())
    return float(binomtest(better, better + worse, 0.5).pvalue) if better + worse else 1.0


def measure(runs: Mapping[Key, Answers], references: Mapping[Key, Key], settings: Bootstrap) -> dict[Key, Measure]:
    """Measures of `runs`, all on the same questions, each against the run that `references` names, if any."""
    columns = [
        column
        for one in runs.values()
        for column in (one.correct.mean(axis=1), one.tokens.mean(axis=1), one.sampled, one.has_samples)
    ]
    sums = resampled_sums(np.column_stack(columns), settings)
    of = {key: sums[:, 4 * place : 4 * place + 4].T for place, key in enumerate(runs)}
    return {
        key: dataclasses.replace(
            _alone(one, of[key], settings.confidence),
            **(_against(key, references[key], runs, of, settings.confidence) if key in references else {}),
        )
        for key, one in runs.items()
    }


def _alone(answers: Answers, sums: Floats, confidence: float) -> Measure:
    """The part of a measure that needs no reference."""
    correct, tokens, sampled, has_samples = sums
    questions = np.full_like(correct, len(answers.correct))
    low, median, high = (float(part) for part in np.quantile(answers.tokens, [0.25, 0.5, 0.75]))
    return Measure(
        questions=len(answers.correct),
        accuracy=ratio(correct, questions, confidence),
        sampled=ratio(sampled, has_samples, confidence),
        tokens=ratio(tokens, questions, confidence),
        quartiles=(low, median, high),
        hit_cap=float((answers.outcome == "hit_cap").mean()),
        no_answer=float((answers.outcome == "no_answer").mean()),
    )


def _against(
    key: Key, other: Key, runs: Mapping[Key, Answers], sums: Mapping[Key, Floats], confidence: float
) -> dict[str, Any]:
    """The part of a measure that compares; the reference's own ratios are 1, without an interval."""
    (correct, tokens), (base, base_tokens) = sums[key][:2], sums[other][:2]
    found = {
        "retention": ratio(correct, base, confidence),
        "output": ratio(tokens, base_tokens, confidence),
        "efficiency": ratio(correct * base_tokens, tokens * base, confidence),
        "difference": ratio(correct - base, np.full_like(base, len(runs[key].correct)), confidence),
    }
    if key == other:
        return {name: Estimate(one.value) for name, one in found.items() if name != "difference"}
    one, two = runs[key].correct, runs[other].correct
    paired = one.shape[1] == two.shape[1] == 1  # the test is for one answer a question
    return found | {"p": mcnemar(one, two) if paired else None}
