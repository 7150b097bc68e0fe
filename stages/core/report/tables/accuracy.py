"""Tables 4, 4c and 8: how accurate the arms are, in greedy and sampled answers and beside raw."""

import dataclasses
from collections.abc import Callable, Sequence

from stages.core.cells import UNTRAINED
from stages.core.grid import ALL
from stages.core.report.results import Result
from stages.core.report.tables.identity import IDENTITY, ArmMeasure
from stages.core.report.tables.notes import ratio_notes
from stages.core.report.tables.table import Column, Record, Table, build_table
from stages.core.report.tables.text import interval, number, percent, share, times_less
from stages.core.statistics.measures import FEW, Measure


def accuracy(results: Sequence[Result], confidence: float) -> Table:
    """Table 4: every cell's and arm's accuracy, over all questions and by group."""
    groups = [group for group, source in results[0].scopes if source == ALL]
    set_counts = {group: len(results[0].sets(group)) for group in groups}
    # The group ALL is among them, with the accuracy over all questions
    columns: list[Column[Result]] = list(IDENTITY)
    for group, set_count in set_counts.items():
        columns += _group_columns(group, set_count)
    columns += outcome_columns(lambda result: result.main)
    notes = [
        f"Greedy answers; tokens and outcomes on {results[0].questions_text}; in brackets the "
        f"{100 * confidence:g} % interval of a bootstrap over questions, and over seeds where "
        f"there are several. Of one seed with fewer than {FEW} questions, or where every answer, "
        "or none, is right, it is Clopper and Pearson's exact one."
    ]
    if any(set_count > 1 for set_count in set_counts.values()):
        notes.append(
            "In a mean over sets each set counts the same. Its bootstrap draws questions within "
            f"each set; it has no interval where a set has fewer than {FEW}."
        )
    table = build_table("Table 4. Accuracy of every run.", columns, results, notes)
    # An arm of one seed so far has the row of that seed's cell
    return dataclasses.replace(table, rows=list(dict.fromkeys(table.rows)))


def _group_columns(group: str, set_count: int) -> list[Column[Result]]:
    """The accuracy over a group's questions, and over its sets where it has several."""
    columns: list[Column[Result]] = [
        Column(f"{group} %", lambda result: percent(result.scopes[group, ALL].accuracy))
    ]
    if set_count > 1:
        heading = f"{group}, mean of {set_count} sets %"
        columns.append(Column(heading, lambda result: percent(result.scopes[group, ALL].macro)))
    return columns


def outcome_columns(measure_of: Callable[[Record], Measure]) -> list[Column[Record]]:
    """How long the answers of a record's measure are, and how many came to none."""
    return [
        Column(
            "median reasoning tokens", lambda record: number(measure_of(record).thinking.median)
        ),
        Column("median tokens", lambda record: number(measure_of(record).lengths.median)),
        Column("hit cap %", lambda record: share(measure_of(record).hit_cap)),
        Column("no answer %", lambda record: share(measure_of(record).no_answer)),
    ]


def samples(results: Sequence[Result]) -> Table:
    """Table 4c: mean accuracy, the majority's and pass@k of sampled answers."""
    # All arms have as many samples, forced ones none of them, so the first names the columns
    names = list(results[0].main.samples)
    columns: list[Column[Result]] = list(IDENTITY)
    columns.append(Column("sampled questions", lambda result: number(result.main.sampled)))
    columns += [_sample_column(name) for name in names]
    note = (
        "Over the questions that were sampled, which alone are resampled for the intervals; fewer "
        f"than {FEW} have none. The number behind @ is that of samples. The majority counts all "
        "right answers as one, however they are written, and wrong ones as one where their text "
        "is the same, which favours right answers; its ties are broken by lot. pass@k is the "
        "unbiased estimate."
    )
    return build_table(
        "Table 4c. Sampled answers: mean accuracy, the majority's, pass@k.",
        columns,
        results,
        [note if names else "This profile draws no samples."],
    )


def _sample_column(name: str) -> Column[Result]:
    return Column(f"{name} %", lambda result: percent(result.main.samples[name]))


_RETENTION: list[Column[ArmMeasure]] = [
    Column("questions", lambda row: row.group),  # which ones, not how many
    Column("retention %", lambda row: percent(row.measure.retention)),
    Column("output tokens / raw", lambda row: interval(row.measure.output, 3)),
    Column("times shorter", lambda row: times_less(row.measure.output.value)),
    Column("efficiency / raw", lambda row: interval(row.measure.efficiency, 2)),
]


def retention(results: Sequence[Result]) -> Table:
    """Table 8: how much of raw's accuracy an arm keeps, and at which length."""
    rows = [
        ArmMeasure(result.cell, result.main.seeds, group, measure)
        for result in results
        if result.cell.target != UNTRAINED
        for group, measure in result.groups.items()
    ]
    note = (
        "Retention is accuracy / raw accuracy; efficiency is accuracy per generated token. An "
        "interval has no upper end where too many resamples have no right answer of raw."
    )
    return build_table(
        "Table 8. Retention and per-token efficiency, relative to raw.",
        IDENTITY + _RETENTION,
        rows,
        [note, *ratio_notes(results)],
    )
