"""Tables 4b and 7: differences of accuracy between arms, and whether they can be told apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from stages.core.cells import UNTRAINED, Cell, label
from stages.core.report.results import Comparison, Result
from stages.core.report.tables.identity import IDENTITY, WITHOUT_TARGET, target_label
from stages.core.report.tables.notes import ratio_notes
from stages.core.report.tables.table import Column, Table, build_table
from stages.core.report.tables.text import number, percent
from stages.core.report.tables.verdicts import coverage_notes, verdict_columns, verdict_note
from stages.core.statistics.measures import Measure


@dataclass(frozen=True)
class _Difference:
    """An arm's measure on a group of questions against that of a reference."""

    cell: Cell
    reference: str
    group: str
    measure: Measure

    @property
    def seeds(self) -> tuple[str, ...]:
        """The seeds that both have."""
        return self.measure.seeds


_REFERENCE: list[Column[_Difference]] = [
    Column("less", lambda row: row.reference),
    Column("group", lambda row: row.group),
    Column("questions", lambda row: number(row.measure.questions)),
]


def differences(
    results: Sequence[Result], compared: Sequence[Comparison], confidence: float
) -> Table:
    """Table 4b: every arm less raw, by group, and less the untrained student.

    `compared` are the comparisons of table 7, which belong to the same family of tests.
    """
    # There is no difference where the reference has no scores, or no seed in common with the arm
    rows = [
        row
        for result in results
        for row in _differences(result)
        if row.measure.difference.value is not None
    ]
    columns: list[Column[_Difference]] = IDENTITY + _REFERENCE
    columns += verdict_columns(lambda row: row.measure, confidence)
    measures = [row.measure for row in rows]
    # Without rows the tests need no words, but the reasons why there are none do
    notes = ratio_notes(results)
    if rows:
        family = measures + [comparison.compressed for comparison in compared]
        notes = [_test_note(family, confidence), *coverage_notes(measures), *notes]
    title = (
        "Table 4b. Accuracy of every arm less that of raw, and less that of the untrained student."
    )
    return build_table(title, columns, rows, notes)


def _differences(result: Result) -> list[_Difference]:
    """An arm against raw on each group, then against the untrained student on the main one.

    Raw is not compared with itself, nor the untrained student with anything.
    """
    cell = result.cell
    if cell.target == UNTRAINED:
        return []
    rows = []
    if cell.target != "raw":
        rows = [
            _Difference(cell, "raw", group, measure) for group, measure in result.groups.items()
        ]
    if result.versus_untrained:
        main_group = result.scope[0]
        rows.append(_Difference(cell, UNTRAINED, main_group, result.versus_untrained))
    return rows


def _test_note(family: Sequence[Measure], confidence: float) -> str:
    """Which tests the p are from, and how many comparisons Holm's correction is for."""
    tested = sum(measure.p is not None for measure in family)
    return (
        f"Paired by question and seed. {verdict_note(confidence)} p is McNemar's exact test, with "
        "several seeds the larger of the bootstrap's and that of a paired t test over the seeds; "
        f"Holm's is adjusted for all {tested} comparisons of tables 4b and 7."
    )


_ACCURACIES: list[Column[Comparison]] = [
    Column("compressor", target_label),
    Column("control", lambda row: label(row.shortener)),
    Column("compressed %", lambda row: percent(row.compressed.accuracy)),
    Column("control %", lambda row: percent(row.shortened.accuracy)),
]
_LENGTHS: list[Column[Comparison]] = [
    Column("mean tokens", lambda row: number(row.tokens, 1)),
    Column("mean budget", lambda row: number(row.budget, 1)),
]


def truncation(comparisons: Sequence[Comparison], confidence: float) -> Table:
    """Table 7: compression against the shorteners to its budgets."""
    columns: list[Column[Comparison]] = WITHOUT_TARGET + _ACCURACIES
    columns += verdict_columns(lambda row: row.compressed, confidence)
    columns += _LENGTHS
    measures = [comparison.compressed for comparison in comparisons]
    notes = [verdict_note(confidence), *coverage_notes(measures)]
    if not comparisons:
        notes = ["No target of this grid is shortened to the budgets of a compressor that it has."]
    title = "Table 7. Compressed traces against raw traces shortened to the same token budgets."
    return build_table(title, columns, comparisons, notes)
