"""A table for each question set: what every arm does on it, and what became of its traces."""

from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.cells import UNTRAINED
from stages.core.grid import ALL, Scope
from stages.core.report import paper
from stages.core.report.metrics import Inputs
from stages.core.report.results import Result
from stages.core.report.tables.markup import WHO, Table, columns, identity, number, percent, share
from stages.core.statistics.measures import Measure


def tables(results: Sequence[Result], inputs: Inputs, papers: bool = False) -> dict[str, Table]:
    """A table by name, `set_` and the set's; in the order of the data sets, with those that were
    only trained on.
    """
    declared = [(one["group"], one["source"]) for one in inputs.datasets]
    asked = [scope for scope in results[0].scopes if scope[1] != ALL]
    scopes = list(dict.fromkeys([*declared, *asked]))
    return {f"set_{scope[1]}": _table(scope, results, inputs, papers) for scope in scopes}


def _table(scope: Scope, results: Sequence[Result], inputs: Inputs, papers: bool) -> Table:
    """The table of one set, (group, source)."""
    group, source = scope
    rows = [
        (
            *(*identity(one.cell, one.seeds), percent(measure.accuracy)),
            *(_less_raw(one, measure), percent(measure.retention)),
            *(number(measure.thinking.median), number(measure.lengths.median)),
            *(share(measure.hit_cap), share(measure.no_answer)),
        )
        for one in results
        if (measure := one.scopes.get(scope))
    ]
    heads = "accuracy %, less raw (points), retention %, median reasoning tokens, median tokens, hit cap %, no answer %"
    asked = (
        f"greedy answers to {results[0].scopes[scope].questions} questions"
        if rows
        else "none of it is evaluated"
    )
    title = f"Data set {source} ({group}): {asked}."
    notes = [*_traces(source, inputs.verify), *_compressed(source, inputs.compress)]
    return Table(
        title, (*WHO, *columns(heads)), rows, (*notes, *_papers(source, papers), *_caution(rows))
    )


def _less_raw(result: Result, measure: Measure) -> str:
    """The difference from raw; none of raw itself and of the untrained student."""
    return "-" if result.cell.target in ("raw", UNTRAINED) else percent(measure.difference, "+")


def _caution(rows: Sequence[tuple[str, ...]]) -> list[str]:
    return (
        [
            "Differences on single sets are no verdicts: Holm's correction, of table 4b, leaves them out."
        ]
        if rows
        else []
    )


def _of_set(
    source: str, metrics: Sequence[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each file of `metrics` that has the set, with what it says of it."""
    return [(one, part) for one in metrics for part in one["sets"] if part["source"] == source]


def _traces(source: str, verified: Sequence[Mapping[str, Any]]) -> list[str]:
    """A note for each teacher that was asked this set's questions."""
    return [
        f"{file['teacher']}: {share(part['accuracy'])}% of first attempts correct; {number(part['traces_kept'])} "
        f"traces kept, {number(part['mean_chars'])} characters in the mean."
        for file, part in _of_set(source, verified)
    ]


def _compressed(source: str, compressed: Sequence[Mapping[str, Any]]) -> list[str]:
    """A note for each compressor of its traces."""
    return [
        f"{file['compressor']} of {file['teacher']}: rho {number(part['rho_mean'], 3)} in the mean, "
        f"{number(part['rho_median'], 3)} in the median."
        for file, part in _of_set(source, compressed)
    ]


def _papers(source: str, papers: bool) -> list[str]:
    """A note on what the paper gives of this set, where it is wanted and known."""
    known = paper.SETS.get(source)
    if not papers or not known:
        return []
    return [
        f"The paper ({paper.SOURCE}), {known.name}: {share(known.accuracy)}% of {paper.QWEN}'s answers are correct, "
        f"its raw traces have {number(known.chars)} characters in the mean."
    ]
