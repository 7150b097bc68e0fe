"""Tables 6, 6b and 10: what training the arms took, what they were trained on, and when
compression has paid for itself.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.core.cells import Cell
from stages.core.report.results import Result, TrainingCost
from stages.core.report.tables.identity import IDENTITY
from stages.core.report.tables.notes import seconds_notes
from stages.core.report.tables.table import Column, Table, build_table
from stages.core.report.tables.text import (
    counts,
    interval,
    number,
    scientific,
    significant,
    times_less,
)


@dataclass(frozen=True)
class _TrainedArm:
    """An arm that was trained, and what that took."""

    cell: Cell
    cost: TrainingCost

    @property
    def seeds(self) -> tuple[str, ...]:
        """The seeds of an arm that has several."""
        return self.cost.seeds


def _trained_arms(results: Sequence[Result]) -> list[_TrainedArm]:
    return [_TrainedArm(result.cell, result.cost) for result in results if result.cost]


# `relative_` is beside raw, see TrainingCost
_COSTS: list[Column[_TrainedArm]] = [
    Column("step seconds", lambda arm: significant(arm.cost.seconds)),
    Column("seconds / raw", lambda arm: interval(arm.cost.relative_seconds, 2)),
    Column("times faster", lambda arm: times_less(arm.cost.relative_seconds.value, 2)),
    Column("tokens / second", lambda arm: significant(arm.cost.tokens_per_second)),
    Column("packed", lambda arm: "yes" if arm.cost.packed else "no"),
    Column("peak memory GB", lambda arm: significant(arm.cost.peak_memory_gb)),
    Column("device", lambda arm: " and ".join(arm.cost.devices)),
]


def costs(results: Sequence[Result]) -> Table:
    """Table 6: seconds, speed, memory and device; ratios of seconds of one device alone."""
    arms = _trained_arms(results)
    notes = []
    if any(arm.cost.relative_seconds.low is not None for arm in arms):
        notes.append("In brackets the t interval of the mean log ratio over the seeds.")
    title = (
        "Table 6. Training cost: seconds inside optimizer steps; tokens of prompts and "
        "completions a second."
    )
    return build_table(
        title,
        IDENTITY + _COSTS,
        arms,
        notes + _uneven_seeds_notes(arms) + seconds_notes(results),
    )


def _uneven_seeds_notes(arms: Sequence[_TrainedArm]) -> list[str]:
    """A note on how arms of different seeds are compared, where there are such arms."""
    seeds_of_arms = {arm.seeds for arm in arms if not arm.cell.seed}
    if len(seeds_of_arms) < 2:
        return []
    return ["Sums are over an arm's seeds, ratios over those that raw has too."]


_AMOUNTS: list[Column[_TrainedArm]] = [
    Column("examples", lambda arm: number(arm.cost.examples)),
    Column("passes", lambda arm: significant(arm.cost.passes)),
    Column("steps", lambda arm: number(arm.cost.steps)),
    Column("completion tokens", lambda arm: number(arm.cost.tokens)),
    Column("completion tokens / raw", lambda arm: significant(arm.cost.relative_tokens)),
    Column("total tokens", lambda arm: number(arm.cost.total_tokens)),
    Column("FLOPs (6N)", lambda arm: scientific(arm.cost.flops)),
    Column("FLOPs / raw", lambda arm: significant(arm.cost.relative_flops)),
]


def amounts(
    results: Sequence[Result], budgets: Mapping[str, str], assembled: Sequence[Mapping[str, Any]]
) -> Table:
    """Table 6b: examples, passes, steps, tokens and FLOPs, under which budget.

    `budgets` are the training budgets by method, `assembled` the metrics of the assemble stages.
    """
    arms = _trained_arms(results)
    columns: list[Column[_TrainedArm]] = list(IDENTITY)
    columns.append(Column("budget", lambda arm: budgets[arm.cell.method]))
    columns += _AMOUNTS
    title = (
        "Table 6b. What the arms were trained on; tokens of all passes, FLOPs by 6 x parameters x "
        "total tokens."
    )
    notes = _uneven_seeds_notes(arms) + [_assembly_note(metrics) for metrics in assembled]
    return build_table(title, columns, arms, notes)


def _assembly_note(metrics: Mapping[str, Any]) -> str:
    """How many examples the arms of one teacher and student have, and what they lost."""
    return (
        f"{metrics['teacher']}, {metrics['student']}: {metrics['examples']} examples from "
        f"{metrics['questions']} questions; dropped from all targets together: "
        f"{counts(metrics['dropped'])}."
    )


@dataclass(frozen=True, kw_only=True)
class _BreakEven:
    """The seconds that an arm of compressed traces took, beside those of the raw arm.

    Those of students are of one student, in the mean over the seeds. `saved` are what one student
    of compressed traces saves, None where the seconds cannot be compared.
    """

    cell: Cell
    seeds: tuple[str, ...]
    teacher_seconds: float | None
    compressor_seconds: float | None
    raw_student_seconds: float
    student_seconds: float
    saved: float | None


_BREAK_EVEN: list[Column[_BreakEven]] = [
    Column("teacher seconds", lambda row: significant(row.teacher_seconds)),
    Column("compressor seconds", lambda row: significant(row.compressor_seconds)),
    Column("raw student seconds", lambda row: significant(row.raw_student_seconds)),
    Column("student seconds", lambda row: significant(row.student_seconds)),
    Column("break-even", lambda row: runs_to_pay(row.compressor_seconds, row.saved)),
]


def break_even(
    results: Sequence[Result], spent: Sequence[Mapping[str, Any]], compressors: Sequence[str]
) -> Table:
    """Table 10: after how many students the compressor has paid for itself.

    `spent` are the metrics on what teachers and compressors took.
    """
    note = (
        "Seconds of one student's steps, the mean over the seeds that there are; break-even is "
        "the number of students after which compressor and compressed students together took less "
        "than raw ones, a second of either machine being worth the same. The teacher is paid for "
        "by both."
    )
    return build_table(
        "Table 10. What compression costs, and after how many students it is paid for.",
        IDENTITY + _BREAK_EVEN,
        _break_even_rows(results, spent, compressors),
        [note],
    )


def _break_even_rows(
    results: Sequence[Result], spent: Sequence[Mapping[str, Any]], compressors: Sequence[str]
) -> list[_BreakEven]:
    """A row for each trained arm of a compressor whose raw arm was trained too."""
    # A teacher's own file names no compressor
    seconds = {
        (metrics["teacher"], metrics.get("compressor", "")): metrics["seconds"] for metrics in spent
    }
    cost_by_cell = {arm.cell: arm.cost for arm in _trained_arms(results)}
    rows = []
    for cell, cost in cost_by_cell.items():
        # The arm of the same teacher, student, method and seeds
        raw_cost = cost_by_cell.get(dataclasses.replace(cell, target="raw"))
        if cell.target not in compressors or raw_cost is None:
            continue
        # Seconds that have no ratio, as those of different devices, are not subtracted either
        saved = None if cost.seconds_note else raw_cost.seconds_each - cost.seconds_each
        row = _BreakEven(
            cell=cell,
            seeds=cost.seeds,
            teacher_seconds=seconds.get((cell.teacher, "")),
            compressor_seconds=seconds.get((cell.teacher, cell.target)),
            raw_student_seconds=raw_cost.seconds_each,
            student_seconds=cost.seconds_each,
            saved=saved,
        )
        rows.append(row)
    return rows


def runs_to_pay(paid: float | None, saved: float | None) -> str:
    """The least number of students whose saving, `saved` each, is more than the `paid` seconds."""
    if paid is None or saved is None:
        return "-"
    # Where the saving just equals what was paid, one more student is needed
    return "never" if saved <= 0 else number(math.floor(paid / saved) + 1)
