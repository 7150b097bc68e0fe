"""Tables 6 and 6b: what training the arms took, and what they were trained on."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.cells import Cell
from stages.core.report.results import Result, TrainingCost
from stages.core.report.tables.markup import (
    WHO,
    Table,
    columns,
    identity,
    interval,
    number,
    reasons,
    refusals,
    significant,
    times,
)


def costs(results: Sequence[Result]) -> Table:
    """Table 6: seconds, speed, memory and device; ratios of seconds of one device alone."""
    rows = [
        (
            *(
                *identity(run, cost.seeds),
                significant(cost.seconds),
                interval(cost.relative_seconds, 2),
            ),
            *(times(cost.relative_seconds.value, 2), significant(cost.tokens_per_second)),
            *(
                "yes" if cost.packed else "no",
                significant(cost.peak_memory_gb),
                " and ".join(cost.devices),
            ),
        )
        for run, cost in _trained(results)
    ]
    heads = (
        "step seconds, seconds / raw, times faster, tokens / second, packed, peak memory GB, device"
    )
    title = "Table 6. Training cost: seconds inside optimizer steps; tokens of prompts and completions a second."
    notes = (
        ("In brackets the t interval of the mean log ratio over the seeds.",)
        if _paired(results)
        else ()
    )
    return Table(
        title, (*WHO, *columns(heads)), rows, (*notes, *_uneven(results), *refusals(results))
    )


def _paired(results: Sequence[Result]) -> bool:
    return any(cost.relative_seconds.low is not None for _, cost in _trained(results))


def _uneven(results: Sequence[Result]) -> tuple[str, ...]:
    """How arms of different seeds are compared."""
    uneven = len({cost.seeds for run, cost in _trained(results) if not run.seed}) > 1
    return ("Sums are over an arm's seeds, ratios over those that raw has too.",) if uneven else ()


def amounts(
    results: Sequence[Result], budgets: Mapping[str, str], assembled: Sequence[Mapping[str, Any]]
) -> Table:
    """Table 6b: examples, passes, steps, tokens and FLOPs, under which budget."""
    rows = [
        (
            *(
                *identity(run, cost.seeds),
                budgets[run.method],
                number(cost.examples),
                significant(cost.passes),
            ),
            *(number(cost.steps), number(cost.tokens), significant(cost.relative_tokens)),
            *(number(cost.total_tokens), scientific(cost.flops), significant(cost.relative_flops)),
        )
        for run, cost in _trained(results)
    ]
    heads = (
        "budget, examples, passes, steps, completion tokens, completion tokens / raw, total tokens, FLOPs (6N), "
        "FLOPs / raw"
    )
    title = "Table 6b. What the arms were trained on; tokens of all passes, FLOPs by 6 x parameters x total tokens."
    notes = [
        f"{one['teacher']}, {one['student']}: {one['examples']} examples from {one['questions']} questions; "
        f"dropped from all targets together: {reasons(one['dropped'])}."
        for one in assembled
    ]
    return Table(title, (*WHO, *columns(heads)), rows, (*_uneven(results), *notes))


def break_even(
    results: Sequence[Result], spent: Sequence[Mapping[str, Any]], compressors: Sequence[str]
) -> Table:
    """Table 10: after how many students the compressor has paid for itself."""
    seconds = {(one["teacher"], one.get("compressor", "")): one["seconds"] for one in spent}
    trained = dict(_trained(results))
    rows = []
    for run, cost in trained.items():
        raw = trained.get(dataclasses.replace(run, target="raw"))
        if run.target not in compressors or raw is None:
            continue
        paid = seconds.get((run.teacher, run.target))
        each = None if cost.seconds_note else raw.seconds_each - cost.seconds_each
        rows.append(
            (
                *(
                    *identity(run, cost.seeds),
                    significant(seconds.get((run.teacher, ""))),
                    significant(paid),
                ),
                *(
                    significant(raw.seconds_each),
                    significant(cost.seconds_each),
                    runs_to_pay(paid, each),
                ),
            )
        )
    heads = (
        *WHO,
        *columns(
            "teacher seconds, compressor seconds, raw student seconds, student seconds, break-even"
        ),
    )
    notes = (
        "Seconds of one student's steps, the mean over the seeds that there are; break-even is the number of students "
        "after which compressor and compressed students together took less than raw ones, a second of either machine "
        "being worth the same. The teacher is paid for by both.",
    )
    return Table(
        "Table 10. What compression costs, and after how many students it is paid for.",
        heads,
        rows,
        notes,
    )


def runs_to_pay(paid: float | None, each: float | None) -> str:
    """The least number of runs whose saving, `each` a run, is more than what was paid."""
    if paid is None or each is None:
        return "-"
    return "never" if each <= 0 else number(math.floor(paid / each) + 1)


def _trained(results: Sequence[Result]) -> list[tuple[Cell, TrainingCost]]:
    return [(one.cell, one.cost) for one in results if one.cost]


def scientific(value: float) -> str:
    """A large number to three digits: `2.18e13`."""
    return f"{value:.2e}".replace("e+", "e").replace("e0", "e")
