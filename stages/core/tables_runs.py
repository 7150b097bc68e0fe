"""Tables 4, 7 and 8 and the headline: what the trained students can do."""

from collections.abc import Sequence

from stages.core.cells import UNTRAINED
from stages.core.runs import ALL, MAIN, Comparison, Result, label
from stages.core.stats import Measure
from stages.core.tables import (
    WHO,
    Table,
    columns,
    identity,
    interval,
    number,
    p_value,
    percent,
    refusals,
    share,
    significant,
    times,
)


def accuracy(results: Sequence[Result], confidence: float) -> Table:
    """Table 4: every run's accuracy, over all questions and by group."""
    groups = [group for group, source in results[0].scopes if source == ALL]
    rows = [
        (
            *(*identity(one.run), *(percent(one.scopes[group, ALL].accuracy) for group in groups)),
            *(number(one.whole.lengths.median), share(one.whole.hit_cap), share(one.whole.no_answer)),
        )
        for one in results
    ]
    heads = (*WHO, *(f"{group} %" for group in groups), *columns("median tokens, hit cap %, no answer %"))
    note = (
        f"Greedy answers; tokens and outcomes on {results[0].whole.questions} {_main(results)}questions; in brackets "
        f"the {100 * confidence:g} % interval of a bootstrap over questions, which has no width where every answer, or "
        "none, is right."
    )
    return Table("Table 4. Accuracy of every run.", heads, rows, (note,))


def differences(results: Sequence[Result], compared: Sequence[Comparison], confidence: float) -> Table:
    """Table 4b: every arm less raw, and whether the sample can tell them apart."""
    rows = [
        (
            *(*identity(one.run), percent(one.whole.difference, "+"), verdict(one.whole)),
            *(p_value(one.whole.p), p_value(one.whole.holm), share(one.whole.detectable)),
        )
        for one in results
        if one.whole.p is not None
    ]
    heads = (*WHO, *columns("less raw (points), verdict, p, Holm p, detectable (points)"))
    family = len(rows) + len(compared)
    notes = (
        f"Paired on {results[0].whole.questions} {_main(results)}questions. Not resolved: the {100 * confidence:g} % "
        "interval of the difference holds 0. p is McNemar's exact test, with several seeds the bootstrap's; Holm's is "
        f"adjusted for all {family} comparisons of tables 4b and 7. Detectable: the smallest difference that such a "
        "sample finds four times out of five.",
    )
    return Table("Table 4b. Accuracy of every arm less that of raw.", heads, rows, notes if rows else ())


def verdict(one: Measure) -> str:
    """What the interval of a difference says."""
    resolved = one.difference.resolved()
    if resolved is None:
        return "-"
    return ("higher" if (one.difference.value or 0) > 0 else "lower") if resolved else "not resolved"


def _main(results: Sequence[Result]) -> str:
    """Which questions `whole` is about, as an adjective."""
    return "in-distribution " if (MAIN, ALL) in results[0].scopes else ""


def truncation(comparisons: Sequence[Comparison]) -> Table:
    """Table 7: compression against truncation."""
    rows = [
        (
            *(*identity(one.run), percent(one.compressed.accuracy), percent(one.truncated.accuracy)),
            *(percent(one.compressed.difference, "+"), verdict(one.compressed)),
            *(p_value(one.compressed.p), p_value(one.compressed.holm)),
            *(number(one.tokens, 1), number(one.budget, 1)),
        )
        for one in comparisons
    ]
    heads = "compressor, compressed %, truncated %, difference (points), verdict, p, Holm p, mean tokens, mean budget"
    title = "Table 7. Compressed traces against raw traces cut to the same token budget."
    notes = () if rows else ("No target of this grid is truncated to a compressor that it has.",)
    return Table(title, (*WHO[:4], *columns(heads)), rows, notes)


def retention(results: Sequence[Result]) -> Table:
    """Table 8: what is kept of raw's accuracy, and at which length."""
    rows = [
        (
            *(*identity(one.run), group, percent(measure.retention), interval(measure.output, 3)),
            *(times(measure.output.value), interval(measure.efficiency, 2)),
        )
        for one in results
        if one.run.target != UNTRAINED
        for group, measure in one.groups.items()
    ]
    heads = (*WHO, *columns("questions, retention %, output tokens / raw, times shorter, efficiency / raw"))
    notes = ("Retention is accuracy / raw accuracy; efficiency is accuracy per generated token.",)
    return Table("Table 8. Retention and per-token efficiency, relative to raw.", heads, rows, notes)


def headline(results: Sequence[Result], confidence: float) -> Table:
    """The README's table, for the runs of one teacher, student and seed, and the untrained student."""
    others = [group for group, source in results[0].scopes if source == ALL and group not in (ALL, MAIN)]
    rows = [
        (
            *(one.run.method or "-", label(one.run.target), percent(one.whole.accuracy)),
            *(percent(one.scopes[group, ALL].accuracy) for group in others),
            *(percent(one.whole.retention), interval(one.whole.tokens, 0), interval(one.whole.efficiency, 2)),
            *(significant(one.spent[0]), interval(one.spent[1], 2)),
        )
        for one in results
    ]
    heads = (
        *("method", "target", "accuracy %", *(f"{group} %" for group in others), "retention %", "output tokens"),
        *columns("efficiency / raw, training tokens / raw, training seconds / raw"),
    )
    run, asked = results[0].run, results[0].whole.questions
    title = f"{run.student} taught by {run.teacher or '-'}, seed {run.seed or 'all'}"
    where = f"{asked} {_main(results)}questions"
    further = "".join(f"; {group} on {results[0].scopes[group, ALL].questions}" for group in others)
    note = f"Accuracy, retention, output and efficiency on {where}{further}; {100 * confidence:g} % intervals."
    return Table(title, heads, rows, (note, *refusals(results)))
