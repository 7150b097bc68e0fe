"""What each cell of the grid did and cost, as tables and figures show it."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from stages.core.cells import UNTRAINED, Cell
from stages.core.grid import ALL, MAIN, Scope, describe_questions
from stages.core.statistics.measures import Estimate, Measure

NOTHING = Estimate()


@dataclass(frozen=True)
class TrainingCost:
    """What training used and took: sums over an arm's seeds, but `passes` and the highest
    `peak_memory_gb`.

    `tokens` are those of completions, `total_tokens` the prompts' too, of all passes. `relative_`
    is to raw over the seeds that both have, `seconds_note` says why the seconds are not. Tokens and FLOPs
    are counts over the same questions, without an interval; of seconds there is one where there are
    several seeds.
    """

    examples: int
    passes: float
    steps: int
    tokens: int
    total_tokens: int
    flops: int
    packed: bool
    each_seconds: tuple[float, ...]  # of the seeds
    peak_memory_gb: float
    devices: tuple[str, ...]
    relative_tokens: float | None = None
    relative_flops: float | None = None
    relative_seconds: Estimate = NOTHING
    seconds_note: str | None = None
    seeds: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Of all seeds."""
        return sum(self.each_seconds)

    @property
    def tokens_per_second(self) -> float | None:
        """Of prompts and completions, inside steps."""
        return self.total_tokens / self.seconds if self.seconds else None

    @property
    def seconds_each(self) -> float:
        """Of one seed, in the mean."""
        return self.seconds / len(self.each_seconds)

    def against(self, raw: "TrainingCost", confidence: float) -> "TrainingCost":
        """With the ratios to `raw`, both over the same seeds in the same order.

        Seconds of different devices, or numbers of threads, are not divided.
        """
        same = self.devices == raw.devices and len(self.devices) == 1
        return dataclasses.replace(
            self,
            relative_tokens=self.tokens / raw.tokens if raw.tokens else None,
            relative_flops=self.flops / raw.flops if raw.flops else None,
            relative_seconds=mean_ratio(self.each_seconds, raw.each_seconds, confidence)
            if same
            else NOTHING,
            seconds_note=None
            if same
            else f"timed on {' and '.join(self.devices)}, raw on {' and '.join(raw.devices)}",
        )


def mean_ratio(above: Sequence[float], below: Sequence[float], confidence: float) -> Estimate:
    """The geometric mean of the ratios of pairs, from two pairs on with the t interval of the mean
    of their logarithms.

    No value where one of the numbers is 0.
    """
    if not all((*above, *below)):
        return NOTHING
    logs = np.log(above) - np.log(below)
    mean, count = float(logs.mean()), len(logs)
    if count == 1:
        return Estimate(above[0] / below[0])
    half = float(stats.t.ppf((1 + confidence) / 2, count - 1) * logs.std(ddof=1) / math.sqrt(count))
    return Estimate(math.exp(mean), math.exp(mean - half), math.exp(mean + half))


def training_cost(
    trained: Sequence[Mapping[str, Any]], timed: Sequence[Mapping[str, Any]]
) -> TrainingCost:
    """The cost of one arm, over its seeds' train and timing metrics."""
    total = {
        name: sum(one[name] for one in trained)
        for name in ("examples", "steps", "completion_tokens", "flops_6n")
    }
    return TrainingCost(
        examples=total["examples"],
        passes=sum(one["passes"] for one in trained) / len(trained),
        steps=total["steps"],
        tokens=total["completion_tokens"],
        total_tokens=total["completion_tokens"] + sum(one["prompt_tokens"] for one in trained),
        flops=total["flops_6n"],
        packed=trained[0]["packed"],  # alike for all, see comparable.py
        each_seconds=tuple(float(one["step_seconds"]) for one in timed),
        peak_memory_gb=max(one["peak_memory_gb"] for one in timed),
        devices=tuple(sorted({f"{one['device']} ({one['threads']} threads)" for one in timed})),
    )


@dataclass(frozen=True)
class Result:
    """A run's cost, None where there is none, and its measures by (group, source), or ALL for
    either.

    `versus_untrained` is its measure against the untrained student, on the questions of `main`; `seeds` are
    an arm's.
    """

    cell: Cell
    cost: TrainingCost | None
    scopes: Mapping[Scope, Measure]
    versus_untrained: Measure | None = None
    seeds: tuple[str, ...] = ()

    @property
    def scope(self) -> Scope:
        """The in-distribution questions, all where there are none."""
        return (MAIN, ALL) if (MAIN, ALL) in self.scopes else (ALL, ALL)

    @property
    def main(self) -> Measure:
        """The measure that headline numbers are from."""
        return self.scopes[self.scope]

    @property
    def questions_text(self) -> str:
        """Which questions `main` is about, as "132 in-distribution questions"."""
        return describe_questions(MAIN if (MAIN, ALL) in self.scopes else ALL, self.main.questions)

    @property
    def groups(self) -> dict[str, Measure]:
        """The measures that are compared with raw: over each group of questions, those of `main`
        first.
        """
        every = {group: one for (group, source), one in self.scopes.items() if source == ALL}
        return {group: one for group, one in every.items() if group != ALL or MAIN not in every}

    def sets(self, group: str) -> list[str]:
        """The question sets of a group, or of ALL."""
        return [source for own, source in self.scopes if source != ALL and group in (ALL, own)]

    @property
    def training_ratios(self) -> tuple[float | None, Estimate]:
        """Training tokens and seconds relative to raw."""
        return (
            (self.cost.relative_tokens, self.cost.relative_seconds)
            if self.cost
            else (None, NOTHING)
        )


def by_training(results: Sequence[Result]) -> dict[tuple[str, str, str], list[Result]]:
    """The results of each (teacher, student, method) that was trained, and with each the untrained
    student's.
    """
    trained = [one.cell for one in results if one.cell.target != UNTRAINED]
    keys = dict.fromkeys((run.teacher, run.student, run.method) for run in trained)
    return {
        (teacher, student, method): [
            one
            for one in results
            if one.cell.student == student
            and one.cell.teacher in (teacher, "")
            and one.cell.method in (method, "")
        ]
        for teacher, student, method in keys
    }


@dataclass(frozen=True)
class Comparison:
    """Training on compressed traces against training on raw ones shortened to the same budgets.

    `compressed` is measured against `shortened`, the arm of the target `shortener`; `tokens` and
    `budget` are means over the shortened traces.
    """

    cell: Cell
    compressed: Measure
    shortener: str
    shortened: Measure
    tokens: float | None = None
    budget: float | None = None

    @property
    def seeds(self) -> tuple[str, ...]:
        """The seeds that both have."""
        return self.compressed.seeds
