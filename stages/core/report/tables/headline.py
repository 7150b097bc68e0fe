"""The headline table, which the README and the top of the page show."""

from collections.abc import Sequence

from stages.core.cells import label
from stages.core.grid import ALL, MAIN
from stages.core.report.results import Result
from stages.core.report.tables.notes import pooled_seeds, ratio_notes, seconds_notes
from stages.core.report.tables.table import Column, Table, build_table
from stages.core.report.tables.text import interval, percent, significant

_MAIN_ACCURACY: list[Column[Result]] = [
    Column("method", lambda result: result.cell.method or "-"),
    Column("target", lambda result: label(result.cell.target)),
    Column("accuracy %", lambda result: percent(result.main.accuracy)),
]
_BESIDE_RAW: list[Column[Result]] = [
    Column("retention %", lambda result: percent(result.main.retention)),
    Column("output tokens", lambda result: interval(result.main.tokens, 0)),
    Column("efficiency / raw", lambda result: interval(result.main.efficiency, 2)),
    Column("training tokens / raw", lambda result: significant(result.training_ratios[0])),
    Column("training seconds / raw", lambda result: interval(result.training_ratios[1], 2)),
]


def headline_table(results: Sequence[Result], confidence: float) -> Table:
    """The arms of one teacher and student, and the untrained student, in few columns."""
    # The main group has the column "accuracy %"
    other_groups = [
        group for group, source in results[0].scopes if source == ALL and group not in (ALL, MAIN)
    ]
    group_columns = [_group_column(group) for group in other_groups]
    # All results share the student. In a grid of several seeds no arm's cell has a seed.
    cell = results[0].cell
    seeds = cell.seed or " and ".join(pooled_seeds(results)) or "-"
    notes = [_questions_note(results[0], other_groups, confidence)]
    return build_table(
        f"{cell.student} taught by {cell.teacher or '-'}, seed {seeds}",
        _MAIN_ACCURACY + group_columns + _BESIDE_RAW,
        results,
        notes + ratio_notes(results) + seconds_notes(results),
    )


def _group_column(group: str) -> Column[Result]:
    return Column(f"{group} %", lambda result: percent(result.scopes[group, ALL].accuracy))


def _questions_note(result: Result, other_groups: Sequence[str], confidence: float) -> str:
    """How many questions the numbers are from, and how wide their intervals are."""
    further = "".join(
        f"; {group} on {result.scopes[group, ALL].questions}" for group in other_groups
    )
    return (
        f"Accuracy, retention, output and efficiency on {result.questions_text}{further}; "
        f"{100 * confidence:g} % intervals."
    )
