"""Counts of what a compressor wrote, per question set."""

import collections
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np

from stages.core.asking.answers import STORED, Answer
from stages.core.asking.costs import ModelCost
from stages.core.records import Variant
from stages.core.targets.steps import StepCounts


class CompressionTally:
    """Counts per question set and the ratios of the kept variants, without holding the texts."""

    def __init__(self) -> None:
        self.rho: dict[str, list[float]] = collections.defaultdict(list)
        self.chars: dict[str, list[int]] = collections.defaultdict(list)
        self.dropped: dict[str, Counter[str]] = collections.defaultdict(Counter)
        self.flags: dict[str, Counter[str]] = collections.defaultdict(Counter)

    def watch(self, variants: Iterable[Variant]) -> Iterator[Variant]:
        """Passes `variants` on and counts them."""
        for row in variants:
            dropped = self.dropped[row.source]  # a set is noted even if all of it is kept
            if row.drop_reason:
                dropped[row.drop_reason] += 1
            self.flags[row.source].update(row.flags)
            if row.kept:
                self.rho[row.source].append(row.rho)
                self.chars[row.source].append(row.chars)
            yield row

    def summary(self) -> list[dict[str, Any]]:
        """Per question set: numbers of traces, and of the kept ones mean and quartiles of rho.

        rho = characters of the compressed reasoning / characters of the raw one. `flags` are of all
        traces, kept or not. A dropped trace counts under its first flag that drops.
        """
        return [self._summary_of(source) for source in sorted(self.dropped)]

    def _summary_of(self, source: str) -> dict[str, Any]:
        rho = self.rho[source]
        chars = self.chars[source]
        dropped = self.dropped[source]
        quartiles: list[float | None] = [None, None, None]
        if rho:
            quartiles = [round(float(value), 6) for value in np.quantile(rho, [0.25, 0.5, 0.75])]
        lower_quartile, median, upper_quartile = quartiles
        return {
            "source": source,
            "traces": len(rho) + sum(dropped.values()),
            "kept": len(rho),
            "dropped": dict(dropped),
            "flags": dict(self.flags[source]),
            "rho_mean": round(fmean(rho), 6) if rho else None,
            "mean_chars": round(fmean(chars), 2) if chars else None,
            "rho_q1": lower_quartile,
            "rho_median": median,
            "rho_q3": upper_quartile,
        }


@dataclass
class RetryCounts:
    """Counts of what was asked again, by question set, and what that took."""

    attempts: Counter[str] = field(default_factory=Counter)  # answers, the first ones included
    asked_again: Counter[str] = field(default_factory=Counter)  # traces
    gained: Counter[str] = field(default_factory=Counter)  # traces that a retry kept
    cost: ModelCost = field(default_factory=ModelCost)  # of the retries alone

    def add(self, source: str, answers: Sequence[Answer], kept: bool) -> None:
        """Adds a trace: the first answer and those of its retries, and whether one is kept.

        Only a trace whose first answer does not pass has retries.
        """
        self.attempts[source] += sum(answer.finish_reason in STORED for answer in answers)
        self.asked_again[source] += len(answers) > 1
        self.gained[source] += kept and len(answers) > 1
        for answer in answers[1:]:
            self.cost.add(answer)

    def of(self, source: str) -> dict[str, int]:
        """The counts of one question set."""
        return {
            "attempts": self.attempts[source],
            "asked_again": self.asked_again[source],
            "gained": self.gained[source],
        }


@dataclass
class Measures:
    """What a compressor took, and what is measured beside its texts."""

    cost: ModelCost = field(default_factory=ModelCost)  # retries included
    retries: RetryCounts = field(default_factory=RetryCounts)
    steps: StepCounts = field(default_factory=StepCounts)  # of the kept variants
