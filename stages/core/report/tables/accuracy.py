"""Tables 4, 7 and 8 and the headline: what the trained students can do."""

from collections.abc import Sequence

from stages.core.cells import UNTRAINED, label
from stages.core.grid import ALL, MAIN
from stages.core.report.results import Comparison, Result
from stages.core.report.tables.markup import (
    WHO,
    Table,
    columns,
    every_seed,
    identity,
    interval,
    lacking,
    number,
    p_value,
    percent,
    refusals,
    share,
    significant,
    times,
)
from stages.core.statistics.measures import FEW, Measure


def accuracy(results: Sequence[Result], confidence: float) -> Table:
    """Table 4: every run's accuracy, over all questions and by group."""
    groups = [group for group, source in results[0].scopes if source == ALL]
    rows = [
        (
            *(
                *identity(one.cell, one.seeds),
                *(cell for group in groups for cell in _accuracies(one, group)),
            ),
            *(number(one.main.thinking.median), number(one.main.lengths.median)),
            *(share(one.main.hit_cap), share(one.main.no_answer)),
        )
        for one in results
    ]
    heads = [head for group in groups for head in _accuracy_heads(results[0], group)]
    lengths = "median reasoning tokens, median tokens, hit cap %, no answer %"
    note = (
        f"Greedy answers; tokens and outcomes on {results[0].main.questions} {_main(results)}questions; in brackets "
        f"the {100 * confidence:g} % interval of a bootstrap over questions, and over seeds where there are several. "
        f"Of one seed with fewer than {FEW} questions, or where every answer, or none, is right, it is Clopper and "
        "Pearson's exact one."
    )
    averaged = (
        "In a mean over sets each set counts the same. Its bootstrap draws questions within each set; it has no "
        f"interval where a set has fewer than {FEW}."
    )
    several = any(len(results[0].sets(group)) > 1 for group in groups)
    # an arm of one seed so far is that run
    unique = list(dict.fromkeys(rows))
    notes = (note, averaged) if several else (note,)
    return Table(
        "Table 4. Accuracy of every run.", (*WHO, *heads, *columns(lengths)), unique, notes
    )


def _accuracy_heads(result: Result, group: str) -> tuple[str, ...]:
    """The columns of a group: over its questions, and over its sets where it has several."""
    sets = len(result.sets(group))
    return (f"{group} %", *((f"{group}, mean of {sets} sets %",) if sets > 1 else ()))


def _accuracies(result: Result, group: str) -> tuple[str, ...]:
    """The cells under `_accuracy_heads`."""
    measure = result.scopes[group, ALL]
    return (
        percent(measure.accuracy),
        *((percent(measure.macro),) if len(result.sets(group)) > 1 else ()),
    )


def differences(
    results: Sequence[Result], compared: Sequence[Comparison], confidence: float
) -> Table:
    """Table 4b: every arm less raw, by group, and less the untrained student, and whether they can
    be told apart.
    """
    tested = [
        (one, other, group, measure)
        for one in results
        if one.cell.target != UNTRAINED
        for other, group, measure in (
            *(
                ("raw", group, measure)
                for group, measure in one.groups.items()
                if one.cell.target != "raw"
            ),
            *([(UNTRAINED, one.scope[0], one.versus_untrained)] if one.versus_untrained else []),
        )
        if measure.difference.value is not None
    ]
    rows = [
        (
            *(*identity(one.cell, measure.seeds), other, group, number(measure.questions)),
            *(percent(measure.difference, "+"), verdict(measure, confidence)),
            *(p_value(measure.p), p_value(measure.holm), share(measure.detectable)),
        )
        for one, other, group, measure in tested
    ]
    heads = (
        *WHO,
        *columns(
            "less, group, questions, difference (points), verdict, p, Holm p, detectable (points)"
        ),
    )
    family = [measure for _, _, _, measure in tested] + [one.compressed for one in compared]
    notes = (
        f"Paired by question and seed. {_rule(confidence)} p is McNemar's exact test, with several seeds the "
        "larger of the bootstrap's and that of a paired t test over the seeds; "
        f"Holm's is adjusted for all {sum(one.p is not None for one in family)} comparisons of tables 4b "
        "and 7.",
        *_seeds([measure for _, _, _, measure in tested]),
    )
    title = (
        "Table 4b. Accuracy of every arm less that of raw, and less that of the untrained student."
    )
    return Table(title, heads, rows, (*(notes if rows else ()), *lacking(results)))


def _rule(confidence: float) -> str:
    """Which numbers a verdict follows from, and what it can find."""
    return (
        f"The verdict is higher or lower where the {100 * confidence:g} % interval of the difference leaves out 0 and "
        f"Holm's p is below {1 - confidence:.3g}; there is none from fewer than {FEW} questions. Detectable: the "
        f"smallest difference whose Holm's p falls below {1 - confidence:.3g} four times out of five, with all other "
        "comparisons as they are."
    )


def _seeds(compared: Sequence[Measure]) -> tuple[str, ...]:
    """What intervals and verdicts do not cover, see `significance.seed_weights`."""
    counts = {len(one.seeds) > 1 for one in compared}
    said = {
        False: "Of one seed, intervals, p and verdicts are over questions, for these checkpoints: they do not say what "
        "another seed would give.",
        True: "Of several seeds, intervals are too narrow, the more so the fewer the seeds and the more questions: "
        "equal arms are called different more often than the interval says.",
    }
    return tuple(text for several, text in said.items() if several in counts)


def verdict(one: Measure, confidence: float) -> str:
    """What the interval of a difference and its Holm p say together."""
    if one.difference.value is None:
        return "-"
    if one.questions < FEW:
        return "too few questions"
    resolved = one.difference.resolved()
    if resolved is None and not one.difference.value:
        return "no pair differs"
    if resolved is False or one.holm is None or one.holm >= 1 - confidence:
        return "not resolved"
    return "higher" if one.difference.value > 0 else "lower"


def _main(results: Sequence[Result]) -> str:
    """Which questions `main` is about, as an adjective."""
    return "in-distribution " if (MAIN, ALL) in results[0].scopes else ""


def truncation(comparisons: Sequence[Comparison], confidence: float) -> Table:
    """Table 7: compression against truncation."""
    rows = [
        (
            *(*identity(one.cell, one.compressed.seeds), percent(one.compressed.accuracy)),
            *(percent(one.truncated.accuracy), percent(one.compressed.difference, "+")),
            *(
                verdict(one.compressed, confidence),
                p_value(one.compressed.p),
                p_value(one.compressed.holm),
            ),
            *(share(one.compressed.detectable), number(one.tokens, 1), number(one.budget, 1)),
        )
        for one in comparisons
    ]
    heads = (
        "compressor, compressed %, truncated %, difference (points), verdict, p, Holm p, detectable (points), "
        "mean tokens, mean budget"
    )
    title = "Table 7. Compressed traces against raw traces cut to the same token budget."
    said = (_rule(confidence), *_seeds([one.compressed for one in comparisons]))
    notes = said if rows else ("No target of this grid is truncated to a compressor that it has.",)
    return Table(title, (*WHO[:4], *columns(heads)), rows, notes)


def retention(results: Sequence[Result]) -> Table:
    """Table 8: what is kept of raw's accuracy, and at which length."""
    rows = [
        (
            *(
                *identity(one.cell, one.main.seeds),
                group,
                percent(measure.retention),
                interval(measure.output, 3),
            ),
            *(times(measure.output.value), interval(measure.efficiency, 2)),
        )
        for one in results
        if one.cell.target != UNTRAINED
        for group, measure in one.groups.items()
    ]
    heads = (
        *WHO,
        *columns("questions, retention %, output tokens / raw, times shorter, efficiency / raw"),
    )
    notes = (
        "Retention is accuracy / raw accuracy; efficiency is accuracy per generated token. An interval has no upper "
        "end where too many resamples have no right answer of raw.",
        *lacking(results),
    )
    return Table(
        "Table 8. Retention and per-token efficiency, relative to raw.", heads, rows, notes
    )


def headline(results: Sequence[Result], confidence: float) -> Table:
    """The README's table, for the runs of one teacher, student and seed, and the untrained student."""
    others = [
        group for group, source in results[0].scopes if source == ALL and group not in (ALL, MAIN)
    ]
    rows = [
        (
            *(one.cell.method or "-", label(one.cell.target), percent(one.main.accuracy)),
            *(percent(one.scopes[group, ALL].accuracy) for group in others),
            *(
                percent(one.main.retention),
                interval(one.main.tokens, 0),
                interval(one.main.efficiency, 2),
            ),
            *(significant(one.training_ratios[0]), interval(one.training_ratios[1], 2)),
        )
        for one in results
    ]
    heads = (
        *(
            "method",
            "target",
            "accuracy %",
            *(f"{group} %" for group in others),
            "retention %",
            "output tokens",
        ),
        *columns("efficiency / raw, training tokens / raw, training seconds / raw"),
    )
    run, asked = results[0].cell, results[0].main.questions
    seeds = run.seed or " and ".join(every_seed(results)) or "-"
    title = f"{run.student} taught by {run.teacher or '-'}, seed {seeds}"
    where = f"{asked} {_main(results)}questions"
    further = "".join(f"; {group} on {results[0].scopes[group, ALL].questions}" for group in others)
    note = f"Accuracy, retention, output and efficiency on {where}{further}; {100 * confidence:g} % intervals."
    return Table(title, heads, rows, (note, *lacking(results), *refusals(results)))
