"""Measuring graded answers: each cell or arm alone, and each against its reference."""

import dataclasses
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from scipy.stats import binomtest

from stages.core.statistics.answers import Answers, Floats
from stages.core.statistics.bootstrap import Bootstrap, over_seeds, resampled_sums
from stages.core.statistics.comparing import Resampled, compare
from stages.core.statistics.measures import (
    Estimate,
    Lengths,
    Measure,
    interval_confidence,
    ratio,
)

Key = TypeVar("Key", bound=Hashable)


def measure(
    answers: Mapping[Key, Answers],
    references: Mapping[Key, Key],
    bootstrap: Bootstrap,
    cap: int | None = None,
) -> dict[Key, Measure]:
    """Measures of `answers`, which are all to the same questions.

    Each is compared with the answers that `references` names, if it names any. `cap` is the limit
    of tokens that all were generated with, the EOS among them. Without it no area is measured.
    """
    resampled = _resample(answers, bootstrap, cap)
    measures = {key: _measure_alone(resampled[key], bootstrap) for key in answers}
    for key, reference in references.items():
        comparison = compare(resampled[key], resampled.get(reference), bootstrap)
        measures[key] = dataclasses.replace(measures[key], **comparison)
    return measures


def _resample(
    answers: Mapping[Key, Answers], bootstrap: Bootstrap, cap: int | None
) -> dict[Key, Resampled]:
    """All answers with the sums of their quantities over the questions."""
    columns: dict[tuple[Key, str], Floats] = {}
    for key, of_key in answers.items():
        for quantity, values in _quantities(of_key, cap).items():
            columns[key, quantity] = values

    # All are resampled together, so that a resample has the same questions for each
    sums = resampled_sums(np.hstack(list(columns.values())), bootstrap)
    widths = [values.shape[1] for values in columns.values()]
    parts = np.split(sums, np.cumsum(widths)[:-1], axis=1)
    resampled = {key: Resampled(of_key, {}) for key, of_key in answers.items()}
    for (key, quantity), part in zip(columns, parts, strict=True):
        resampled[key].sums[quantity] = part
    return resampled


def _quantities(answers: Answers, cap: int | None) -> dict[str, Floats]:
    """What is added up over the questions, each (questions, seeds)."""
    quantities = {"correct": answers.correct, "tokens": answers.tokens}
    if cap is not None:
        # The share of log caps that let an answer end. On a linear scale a limit far above all
        # lengths makes the area the accuracy, whatever the lengths.
        log_share = np.log(np.maximum(answers.tokens, 1)) / math.log(max(cap, 2))
        quantities["area"] = answers.ended * np.clip(1 - log_share, 0, None)
    return quantities


def _measure_alone(resampled: Resampled, bootstrap: Bootstrap) -> Measure:
    """The part of a measure that needs no reference."""
    answers = resampled.answers
    count = len(answers.correct)
    confidence = interval_confidence(count, bootstrap)
    sums = {name: over_seeds(part, bootstrap) for name, part in resampled.sums.items()}
    counts = np.full_like(sums["correct"], count)
    return Measure(
        questions=count,
        accuracy=_accuracy(answers.correct, sums["correct"], bootstrap),
        tokens=ratio(sums["tokens"], counts, confidence),
        lengths=lengths(answers.tokens),
        thinking=lengths(answers.thinking),
        answering=lengths(answers.answering),
        hit_cap=float((answers.outcome == "hit_cap").mean()),
        no_answer=float((answers.outcome == "no_answer").mean()),
        area=ratio(sums["area"], counts, confidence) if "area" in sums else Estimate(),
        sampled=int(answers.has_samples.sum()),
        samples=_sample_metrics(answers, bootstrap),
    )


def _accuracy(correct: Floats, sums: Floats, bootstrap: Bootstrap) -> Estimate:
    """The mean of `correct`, (questions, seeds), from its resampled `sums`, (1 + resamples,).

    The interval of a single seed is exact (Clopper and Pearson 1934) where the bootstrap has none.
    """
    questions = len(correct)
    counts = np.full_like(sums, questions)
    accuracy = ratio(sums, counts, interval_confidence(questions, bootstrap))
    if accuracy.low is not None or correct.shape[1] > 1:
        return accuracy
    exact = binomtest(int(correct.sum()), questions).proportion_ci(bootstrap.confidence)
    return Estimate(accuracy.value, float(exact.low), float(exact.high))


def _sample_metrics(answers: Answers, bootstrap: Bootstrap) -> dict[str, Estimate]:
    """The metrics of samples by name, resampled among the questions that have samples."""
    samples = answers.samples[answers.has_samples > 0]
    if not len(samples):
        return dict.fromkeys(answers.sample_metrics, Estimate())
    confidence = interval_confidence(len(samples), bootstrap)
    sums = resampled_sums(samples, bootstrap)  # (1 + resamples, seeds, sample_metrics)
    estimates = {}
    for index, name in enumerate(answers.sample_metrics):
        metric_sums = over_seeds(sums[..., index], bootstrap)
        counts = np.full_like(metric_sums, len(samples))
        estimates[name] = ratio(metric_sums, counts, confidence)
    return estimates


def at_caps(answers: Answers, caps: Sequence[int], bootstrap: Bootstrap) -> list[Estimate]:
    """The accuracy with each limit of tokens, the EOS among them.

    A text that had not ended by then gave no answer.
    """
    correct_within = [answers.within(cap) for cap in caps]
    sums = resampled_sums(np.stack(correct_within, axis=1), bootstrap)
    estimates = []
    for index, correct in enumerate(correct_within):
        cap_sums = over_seeds(sums[:, index], bootstrap)
        estimates.append(_accuracy(correct, cap_sums, bootstrap))
    return estimates


def lengths(tokens: Floats) -> Lengths:
    """The spread of all `tokens`, whatever their shape."""
    q1, median, q3, p95, maximum = np.quantile(tokens, [0.25, 0.5, 0.75, 0.95, 1.0])
    return Lengths(
        mean=float(tokens.mean()),
        q1=float(q1),
        median=float(median),
        q3=float(q3),
        p95=float(p95),
        maximum=float(maximum),
    )
