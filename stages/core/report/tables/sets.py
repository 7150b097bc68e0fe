"""A table for each question set: what every arm does on it, and what became of its traces."""

from collections.abc import Sequence

from stages.core.cells import UNTRAINED
from stages.core.grid import ALL, Scope
from stages.core.report import paper
from stages.core.report.metrics import Inputs
from stages.core.report.results import Result
from stages.core.report.tables.accuracy import outcome_columns
from stages.core.report.tables.data import Metrics
from stages.core.report.tables.identity import IDENTITY, ArmMeasure
from stages.core.report.tables.table import Column, Table, build_table
from stages.core.report.tables.text import number, percent, share


def tables(results: Sequence[Result], inputs: Inputs, papers: bool = False) -> dict[str, Table]:
    """A table by name, `set_` and the set's; in the order of the data sets, with those that were
    only trained on.
    """
    declared = [(metrics["group"], metrics["source"]) for metrics in inputs.datasets]
    evaluated = [scope for scope in results[0].scopes if scope[1] != ALL]
    scopes = list(dict.fromkeys(declared + evaluated))
    return {f"set_{scope[1]}": _set_table(scope, results, inputs, papers) for scope in scopes}


def _less_raw(row: ArmMeasure) -> str:
    """The difference from raw; none of raw itself and of the untrained student."""
    if row.cell.target in ("raw", UNTRAINED):
        return "-"
    return percent(row.measure.difference, "+")


_ACCURACY: list[Column[ArmMeasure]] = [
    Column("accuracy %", lambda row: percent(row.measure.accuracy)),
    Column("less raw (points)", _less_raw),
    Column("retention %", lambda row: percent(row.measure.retention)),
]


def _set_table(scope: Scope, results: Sequence[Result], inputs: Inputs, papers: bool) -> Table:
    """The table of one set, (group, source)."""
    group, source = scope
    # A set that was only trained on has no rows
    rows = [
        ArmMeasure(result.cell, result.seeds, group, result.scopes[scope])
        for result in results
        if scope in result.scopes
    ]
    columns: list[Column[ArmMeasure]] = IDENTITY + _ACCURACY
    columns += outcome_columns(lambda row: row.measure)
    notes = _trace_notes(source, inputs.verify) + _compression_notes(source, inputs.compress)
    if papers:
        notes += _paper_notes(source)
    answered = "none of it is evaluated"
    if rows:
        answered = f"greedy answers to {results[0].scopes[scope].questions} questions"
        notes.append(
            "Differences on single sets are no verdicts: Holm's correction, of table 4b, leaves "
            "them out."
        )
    return build_table(f"Data set {source} ({group}): {answered}.", columns, rows, notes)


def _of_set(source: str, metrics_files: Sequence[Metrics]) -> list[tuple[Metrics, Metrics]]:
    """Each file that has the set, with its part on the set."""
    return [
        (metrics, part)
        for metrics in metrics_files
        for part in metrics["sets"]
        if part["source"] == source
    ]


def _trace_notes(source: str, verified: Sequence[Metrics]) -> list[str]:
    """A note for each teacher that was asked this set's questions."""
    return [
        f"{metrics['teacher']}: {share(part['accuracy'])}% of first attempts correct; "
        f"{number(part['traces_kept'])} traces kept, {number(part['mean_chars'])} characters in "
        "the mean."
        for metrics, part in _of_set(source, verified)
    ]


def _compression_notes(source: str, compressed: Sequence[Metrics]) -> list[str]:
    """A note for each compressor of its traces."""
    return [
        f"{metrics['compressor']} of {metrics['teacher']}: rho {number(part['rho_mean'], 3)} in "
        f"the mean, {number(part['rho_median'], 3)} in the median."
        for metrics, part in _of_set(source, compressed)
    ]


def _paper_notes(source: str) -> list[str]:
    """A note on what the paper gives of this set, if it gives anything."""
    figures = paper.SETS.get(source)
    if not figures:
        return []
    return [
        f"The paper ({paper.SOURCE}), {figures.name}: {share(figures.accuracy)}% of {paper.QWEN}'s "
        f"answers are correct, its raw traces have {number(figures.chars)} characters in the mean."
    ]
