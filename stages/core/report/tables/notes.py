"""Notes that several tables carry: which arms cannot be compared with raw, and why."""

from collections.abc import Sequence

from stages.core.cells import Cell
from stages.core.report.results import Result


def arm_name(cell: Cell) -> str:
    """A cell's or arm's name in a note, without the parts that it lacks."""
    parts = [cell.teacher, cell.target, cell.student, cell.method, cell.seed]
    return "-".join(filter(None, parts))


def pooled_seeds(results: Sequence[Result]) -> list[str]:
    """The seeds that arms are pooled from."""
    return sorted({seed for result in results for seed in result.seeds})


def seconds_notes(results: Sequence[Result]) -> list[str]:
    """A note for each arm whose training seconds are not divided by raw's."""
    return [
        f"{arm_name(result.cell)}: no ratio of seconds: {result.cost.seconds_note}."
        for result in results
        if result.cost and result.cost.seconds_note
    ]


def ratio_notes(results: Sequence[Result]) -> list[str]:
    """A note for each reason why arms have no ratio to raw, and notes on arms that lack seeds."""
    arms_by_reason: dict[str, list[str]] = {}
    for result in results:
        if result.main.no_ratio_reason and result.cell.target != "raw":
            # The reason leaves a {} for the name of the reference
            reason = result.main.no_ratio_reason.format("raw")
            arms_by_reason.setdefault(reason, []).append(arm_name(result.cell))
    notes = [
        f"No ratio where {reason}: {', '.join(names)}." for reason, names in arms_by_reason.items()
    ]
    return notes + _seed_notes(results)


def _seed_notes(results: Sequence[Result]) -> list[str]:
    """A note for each arm that lacks seeds which others have, and what follows from that."""
    seed_count = len(pooled_seeds(results))
    notes = [
        f"{arm_name(result.cell)} has only seed {' and '.join(result.seeds)} so far."
        for result in results
        if result.seeds and len(result.seeds) < seed_count
    ]
    if notes:
        notes.append("Arms are compared over the seeds that both have.")
    return notes
