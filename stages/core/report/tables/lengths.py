"""Tables 5 and 9: how long answers are, and how many are right within a budget of tokens."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stages.core.cells import Cell
from stages.core.report.results import Result
from stages.core.report.tables.identity import IDENTITY
from stages.core.report.tables.table import Column, Table, build_table
from stages.core.report.tables.text import interval, number, percent, share
from stages.core.statistics.measures import Estimate, Lengths, Measure

PER_DOUBLING = 6  # caps; a curve's steps are then an eighth of their tokens
FIRST = 4  # tokens: the least cap at which an answer can stand
SHOWN = 6  # of the caps in table 9, at most


@dataclass(frozen=True, kw_only=True)
class _PartLengths:
    """The lengths of one part of an arm's answers to a group of questions."""

    cell: Cell
    seeds: Sequence[str]
    group: str
    measure: Measure
    part: str
    lengths: Lengths


_PARTS: list[Column[_PartLengths]] = [
    Column("questions", lambda row: row.group),  # which ones, not how many
    Column("tokens of", lambda row: row.part),
    Column("mean", lambda row: number(row.lengths.mean, 1)),
    Column("q1", lambda row: number(row.lengths.q1)),
    Column("median", lambda row: number(row.lengths.median)),
    Column("q3", lambda row: number(row.lengths.q3)),
    Column("95th percentile", lambda row: number(row.lengths.p95)),
    Column("maximum", lambda row: number(row.lengths.maximum)),
    Column("hit cap %", lambda row: share(row.measure.hit_cap)),
    Column("no answer %", lambda row: share(row.measure.no_answer)),
]


def lengths(results: Sequence[Result]) -> Table:
    """Table 5: tokens of thinking and answer, apart and together; wrong and cut answers count."""
    rows = [row for result in results for row in _part_lengths(result)]
    title = (
        "Table 5. Generated tokens of greedy answers, wrong and cut ones among them, and answers "
        "that came to none."
    )
    return build_table(title, IDENTITY + _PARTS, rows)


def _part_lengths(result: Result) -> list[_PartLengths]:
    """Three rows for each group of questions: all tokens, then those of either part."""
    rows = []
    for group, measure in result.groups.items():
        parts = {"all": measure.lengths, "thinking": measure.thinking, "answer": measure.answering}
        for part, part_lengths in parts.items():
            row = _PartLengths(
                cell=result.cell,
                seeds=result.seeds,
                group=group,
                measure=measure,
                part=part,
                lengths=part_lengths,
            )
            rows.append(row)
    return rows


def caps(limit: int) -> list[int]:
    """The caps of tokens of the curves: whole numbers in a geometric row from a few tokens to the
    limit.

    Arms' lengths differ by factors, and the limit may be a hundred times most lengths.
    """
    doublings = math.log2(max(1.0, limit / FIRST))
    steps = range(int(PER_DOUBLING * doublings), -1, -1)
    return sorted({round(limit / 2 ** (step / PER_DOUBLING)) for step in steps})


def budget(
    results: Sequence[Result], curves: Mapping[Cell, Sequence[Estimate]], caps: Sequence[int]
) -> Table:
    """Table 9: accuracy at caps that differ by a whole number of doublings, and the area under the
    curve.

    `curves` are each arm's accuracy at each of `caps`.
    """
    columns: list[Column[Result]] = list(IDENTITY)
    columns.append(Column("area %", lambda result: interval(result.main.area.scaled(100))))
    columns += [_cap_column(cap, curves, caps.index(cap)) for cap in _shown_caps(caps)]
    note = (
        f"One run at {caps[-1]} tokens, scored again at smaller caps: what had not ended by then "
        "gave no answer. The area is the mean accuracy over the logarithm of the cap, from 1 "
        "token to the limit: every doubling of the budget counts the same, and an answer adds the "
        "more the earlier it ends."
    )
    title = "Table 9. Accuracy within a budget of generated tokens."
    return build_table(title, columns, results, [note])


def _shown_caps(caps: Sequence[int]) -> list[int]:
    """The limit and caps below it, each by the same number of doublings from the next."""
    # 99 halvings are more than any limit has
    halved = [round(caps[-1] / 2**halvings) for halvings in range(99)]
    candidates = [cap for cap in halved if cap in caps]
    # Of too many doublings every second or third is shown, from the limit down
    step = math.ceil(len(candidates) / SHOWN)
    return candidates[::step][::-1]


def _cap_column(cap: int, curves: Mapping[Cell, Sequence[Estimate]], index: int) -> Column[Result]:
    return Column(f"{cap} tokens %", lambda result: percent(curves[result.cell][index]))
