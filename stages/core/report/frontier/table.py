"""Table 11: the training tokens that lines of several budgets need for equal accuracy."""

from collections.abc import Sequence

from stages.core.report.frontier.lines import Frontier
from stages.core.report.frontier.needed import COMMON_LEVEL, Needed
from stages.core.report.tables.identity import WITHOUT_TARGET
from stages.core.report.tables.table import Column, Table, build_table
from stages.core.report.tables.text import percent, share
from stages.core.statistics.measures import ROUNDING

_COLUMNS: list[Column[Needed]] = [
    Column("line", lambda row: row.line.label),
    Column("accuracy to reach", lambda row: row.level),
    Column("accuracy %", lambda row: percent(row.accuracy)),
    Column("tokens needed", lambda row: _tokens(row, 1.0, 0)),
    Column("tokens / raw", lambda row: _tokens(row, row.raw_tokens, 2)),
    Column("not reached, % of resamples", lambda row: share(row.not_reached)),
]


def needed_table(frontiers: Sequence[Frontier], rows: Sequence[Needed]) -> Table:
    """The table of all frontiers, from the rows that they have."""
    notes = [
        "A line is one way of shortening at several budgets. Tokens are completion tokens of one "
        "pass. They are read off where the line's accuracy, made nondecreasing (isotonic "
        "regression) and joined by straight lines over log tokens, reaches the accuracy; line and "
        "accuracy are made again in each resample of questions and seeds.",
        'At "<=" the smallest budget reaches it already. An interval with - as its upper end has '
        "none: the line does not reach the accuracy in too many resamples.",
    ]
    if any(row.level == COMMON_LEVEL for row in rows):
        notes.append(
            f'"{COMMON_LEVEL}": the least of the lines\' highest accuracies, for one teacher, '
            "student and method."
        )
    if any(row.seeds for row in rows):
        notes.append("Lines are compared over the seeds that all of their arms and raw have.")
    notes += _missing_notes(frontiers, rows)
    title = "Table 11. Training tokens needed for equal accuracy."
    return build_table(title, WITHOUT_TARGET + _COLUMNS, rows, notes)


def _missing_notes(frontiers: Sequence[Frontier], rows: Sequence[Needed]) -> list[str]:
    """A note for each frontier that has no rows."""
    shown = {(row.cell.teacher, row.cell.student, row.cell.method) for row in rows}
    return [
        f"{frontier.student} of {frontier.teacher}, {frontier.method}: no seed that all arms have."
        for frontier in frontiers
        if (frontier.teacher, frontier.student, frontier.method) not in shown
    ]


def _tokens(row: Needed, divisor: float | None, digits: int) -> str:
    """The tokens over `divisor` with their interval, as `<=1,200 [<=1,200, 5,000]`."""
    if not divisor:
        return "-"

    def text(tokens: float | None, missing: str) -> str:
        if tokens is None:
            return missing
        at_most = "<=" if tokens <= row.smallest_tokens * (1 + ROUNDING) else ""
        return f"{at_most}{tokens / divisor:,.{digits}f}"

    value = text(row.tokens.value, "not reached")
    if row.tokens.low is None:
        return value
    return f"{value} [{text(row.tokens.low, '-')}, {text(row.tokens.high, '-')}]"
