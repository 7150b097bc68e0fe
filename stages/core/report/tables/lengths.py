"""Tables 4c, 5 and 9: what samples say together, how long answers are, and what is right within a
budget of tokens.
"""

import math
from collections.abc import Mapping, Sequence

from stages.core.cells import Cell
from stages.core.report.results import Result
from stages.core.report.tables.markup import (
    WHO,
    Table,
    columns,
    identity,
    interval,
    number,
    percent,
    share,
)
from stages.core.statistics.measures import FEW, Estimate, Lengths

PARTS = ("all", "thinking", "answer")
PER_DOUBLING = 6  # caps; a curve's steps are then an eighth of their tokens
FIRST = 4  # tokens: the least cap at which an answer can stand
SHOWN = 6  # of the caps in table 9, at most


def samples(results: Sequence[Result]) -> Table:
    """Table 4c: mean accuracy, the majority's and pass@k of sampled answers."""
    names = list(results[0].main.samples)
    rows = [
        (
            *identity(one.cell, one.seeds),
            number(one.main.sampled),
            *(percent(one.main.samples[name]) for name in names),
        )
        for one in results
    ]
    heads = (*WHO, "sampled questions", *(f"{name} %" for name in names))
    notes = (
        "Over the questions that were sampled, which alone are resampled for the intervals; fewer than "
        f"{FEW} have none. The number behind @ is that of samples. The majority counts all right answers as one, "
        "however they are written, and wrong ones as one where their text is the same, which favours right answers; "
        "its ties are broken by lot. pass@k is the unbiased estimate."
        if names
        else "This profile draws no samples.",
    )
    return Table(
        "Table 4c. Sampled answers: mean accuracy, the majority's, pass@k.", heads, rows, notes
    )


def lengths(results: Sequence[Result]) -> Table:
    """Table 5: tokens of thinking and answer, apart and together; wrong and cut answers count."""
    rows = [
        (
            *identity(one.cell, one.seeds),
            group,
            part,
            *_lengths(own),
            share(of.hit_cap),
            share(of.no_answer),
        )
        for one in results
        for group, of in one.groups.items()
        for part, own in zip(PARTS, (of.lengths, of.thinking, of.answering), strict=True)
    ]
    heads = (*WHO, *columns("questions, tokens of, mean, q1, median, q3, 95th percentile, maximum"))
    title = "Table 5. Generated tokens of greedy answers, wrong and cut ones among them, and answers that came to none."
    return Table(title, (*heads, *columns("hit cap %, no answer %")), rows)


def _lengths(one: Lengths) -> tuple[str, ...]:
    whole = (one.q1, one.median, one.q3, one.p95, one.maximum)
    return (number(one.mean, 1), *(number(value) for value in whole))


def caps(limit: int) -> list[int]:
    """The caps of tokens of the curves: whole numbers in a geometric row from a few tokens to the
    limit.

    Arms' lengths differ by factors, and the limit may be a hundred times most lengths.
    """
    halvings = range(int(PER_DOUBLING * math.log2(max(1.0, limit / FIRST))), -1, -1)
    return sorted({round(limit / 2 ** (part / PER_DOUBLING)) for part in halvings})


def budget(
    results: Sequence[Result], curves: Mapping[Cell, Sequence[Estimate]], caps: Sequence[int]
) -> Table:
    """Table 9: accuracy at caps that differ by a whole number of doublings, and the area under the
    curve.
    """
    doublings = [cap for cap in (round(caps[-1] / 2**part) for part in range(99)) if cap in caps]
    shown = doublings[:: math.ceil(len(doublings) / SHOWN)][::-1]
    rows = [
        (
            *(*identity(one.cell, one.seeds), interval(one.main.area.scaled(100))),
            *(percent(curves[one.cell][caps.index(cap)]) for cap in shown),
        )
        for one in results
    ]
    heads = (*WHO, "area %", *(f"{cap} tokens %" for cap in shown))
    notes = (
        f"One run at {caps[-1]} tokens, scored again at smaller caps: what had not ended by then gave no answer. The "
        "area is the mean accuracy over the logarithm of the cap, from 1 token to the limit: every doubling of the "
        "budget counts the same, and an answer adds the more the earlier it ends.",
    )
    return Table("Table 9. Accuracy within a budget of generated tokens.", heads, rows, notes)
