"""What each cell of the grid did and cost, as tables and figures show it."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from stages.core.cells import Cell
from stages.core.grid import ALL, MAIN, Scope, describe_questions
from stages.core.statistics.measures import Estimate, Measure

NOTHING = Estimate()


@dataclass(frozen=True, kw_only=True)
class TrainingCost:
    """What training used and took, in sum over an arm's seeds.

    Tokens and FLOPs are counts over the same questions, so their ratios to raw have no interval.
    Those of seconds have one where there are several seeds.
    """

    examples: int
    passes: float  # in the mean over seeds
    steps: int
    tokens: int  # of completions, in all passes
    total_tokens: int  # of prompts and completions, in all passes
    flops: int
    packed: bool
    each_seconds: tuple[float, ...]  # of each seed
    peak_memory_gb: float  # the highest of the seeds
    devices: tuple[str, ...]

    # Relative to raw, over the seeds that both have
    relative_tokens: float | None = None
    relative_flops: float | None = None
    relative_seconds: Estimate = NOTHING
    seconds_note: str | None = None  # why there is no ratio of seconds
    seeds: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """The seconds of all seeds."""
        return sum(self.each_seconds)

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens of prompts and completions for each second inside steps."""
        return self.total_tokens / self.seconds if self.seconds else None

    @property
    def seconds_each(self) -> float:
        """The seconds of one seed, in the mean."""
        return self.seconds / len(self.each_seconds)

    def against(self, raw: "TrainingCost", confidence: float) -> "TrainingCost":
        """This cost with its ratios to `raw`. Both are over the same seeds in the same order.

        Seconds of different devices, or of different numbers of threads, are not divided.
        """
        relative_seconds, seconds_note = NOTHING, None
        if self.devices == raw.devices and len(self.devices) == 1:
            relative_seconds = mean_ratio(self.each_seconds, raw.each_seconds, confidence)
        else:
            devices, raw_devices = " and ".join(self.devices), " and ".join(raw.devices)
            seconds_note = f"timed on {devices}, raw on {raw_devices}"
        return dataclasses.replace(
            self,
            relative_tokens=self.tokens / raw.tokens if raw.tokens else None,
            relative_flops=self.flops / raw.flops if raw.flops else None,
            relative_seconds=relative_seconds,
            seconds_note=seconds_note,
        )


def mean_ratio(
    numerators: Sequence[float], denominators: Sequence[float], confidence: float
) -> Estimate:
    """The geometric mean of the ratios of pairs.

    From two pairs on it has the t interval of the mean of their logarithms. There is no value where
    one of the numbers is 0.
    """
    if not all(numerators) or not all(denominators):
        return NOTHING
    pairs = len(numerators)
    if pairs == 1:
        return Estimate(numerators[0] / denominators[0])
    log_ratios = np.log(numerators) - np.log(denominators)
    mean = float(log_ratios.mean())
    quantile = stats.t.ppf((1 + confidence) / 2, pairs - 1)
    half_width = float(quantile * log_ratios.std(ddof=1) / math.sqrt(pairs))
    return Estimate(math.exp(mean), math.exp(mean - half_width), math.exp(mean + half_width))


def training_cost(
    train_metrics: Sequence[Mapping[str, Any]], timing_metrics: Sequence[Mapping[str, Any]]
) -> TrainingCost:
    """The cost of one arm from the train and timing metrics of its seeds."""

    def total(name: str) -> Any:
        return sum(metrics[name] for metrics in train_metrics)

    devices = {f"{timing['device']} ({timing['threads']} threads)" for timing in timing_metrics}
    return TrainingCost(
        examples=total("examples"),
        passes=total("passes") / len(train_metrics),
        steps=total("steps"),
        tokens=total("completion_tokens"),
        total_tokens=total("completion_tokens") + total("prompt_tokens"),
        flops=total("flops_6n"),
        packed=train_metrics[0]["packed"],  # alike for all, see comparable.py
        each_seconds=tuple(float(timing["step_seconds"]) for timing in timing_metrics),
        peak_memory_gb=max(timing["peak_memory_gb"] for timing in timing_metrics),
        devices=tuple(sorted(devices)),
    )


@dataclass(frozen=True)
class Result:
    """A cell's or an arm's cost and measures."""

    cell: Cell
    cost: TrainingCost | None  # None where it is not there, and for an untrained student
    scopes: Mapping[Scope, Measure]
    versus_untrained: Measure | None = None  # on the questions of `main`
    seeds: tuple[str, ...] = ()  # of an arm

    @property
    def scope(self) -> Scope:
        """The in-distribution questions, or all questions where there are none."""
        return (MAIN, ALL) if (MAIN, ALL) in self.scopes else (ALL, ALL)

    @property
    def main(self) -> Measure:
        """The measure that headline numbers are from."""
        return self.scopes[self.scope]

    @property
    def questions_text(self) -> str:
        """Which questions `main` is about, as "132 in-distribution questions"."""
        group, _ = self.scope
        return describe_questions(group, self.main.questions)

    @property
    def groups(self) -> dict[str, Measure]:
        """The measures that are compared with raw: one for each group of questions.

        `main` comes first. Without in-distribution questions the measure of ALL is among them.
        """
        by_group = {
            group: measure for (group, source), measure in self.scopes.items() if source == ALL
        }
        if MAIN in by_group:
            by_group.pop(ALL, None)
        return by_group

    def sets(self, group: str) -> list[str]:
        """The question sets of a group, or of ALL."""
        return [
            source
            for set_group, source in self.scopes
            if source != ALL and group in (ALL, set_group)
        ]

    @property
    def training_ratios(self) -> tuple[float | None, Estimate]:
        """Training tokens and seconds relative to raw."""
        if not self.cost:
            return None, NOTHING
        return self.cost.relative_tokens, self.cost.relative_seconds


def by_training(results: Sequence[Result]) -> dict[tuple[str, str, str], list[Result]]:
    """The results of each (teacher, student, method) that was trained.

    Among them is the untrained student's result.
    """
    trained = [result.cell for result in results if result.cell.trained]
    trainings = dict.fromkeys((cell.teacher, cell.student, cell.method) for cell in trained)
    return {training: _results_of(training, results) for training in trainings}


def _results_of(training: tuple[str, str, str], results: Sequence[Result]) -> list[Result]:
    """The results of one (teacher, student, method), with that of its untrained student."""
    teacher, student, method = training
    return [
        result
        for result in results
        if result.cell.student == student
        and result.cell.teacher in (teacher, "")
        and result.cell.method in (method, "")
    ]


@dataclass(frozen=True)
class Comparison:
    """Training on compressed traces against training on raw ones shortened to the same budgets."""

    cell: Cell
    shortener: str
    compressed: Measure  # against `shortened`
    shortened: Measure
    # Means over the shortened traces
    tokens: float | None = None
    budget: float | None = None

    @property
    def seeds(self) -> tuple[str, ...]:
        """The seeds that both have."""
        return self.compressed.seeds
