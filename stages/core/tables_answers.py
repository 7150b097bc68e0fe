"""Tables 4c, 5 and 9: what samples say together, how long answers are, and what is right within a budget of tokens."""

from collections.abc import Mapping, Sequence

from stages.core.runs import Result, Run
from stages.core.stats import FEW, Estimate, Lengths
from stages.core.tables import WHO, Table, columns, identity, interval, number, percent

PARTS = ("all", "thinking", "answer")


def samples(results: Sequence[Result]) -> Table:
    """Table 4c: mean accuracy, the majority's and pass@k of sampled answers."""
    names = list(results[0].whole.samples)
    rows = [
        (
            *identity(one.run, one.seeds),
            number(one.whole.sampled),
            *(percent(one.whole.samples[name]) for name in names),
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
    return Table("Table 4c. Sampled answers: mean accuracy, the majority's, pass@k.", heads, rows, notes)


def lengths(results: Sequence[Result]) -> Table:
    """Table 5: tokens of thinking and answer, apart and together; wrong and cut answers count."""
    rows = [
        (*identity(one.run), part, *_lengths(own))
        for one in results
        for part, own in zip(PARTS, (one.whole.lengths, one.whole.thinking, one.whole.answering), strict=True)
    ]
    heads = (*WHO, *columns("tokens of, mean, q1, median, q3, 95th percentile, maximum"))
    return Table("Table 5. Generated tokens of greedy answers, wrong and cut ones among them.", heads, rows)


def _lengths(one: Lengths) -> tuple[str, ...]:
    whole = (one.q1, one.median, one.q3, one.p95, one.maximum)
    return (number(one.mean, 1), *(number(value) for value in whole))


def budget(results: Sequence[Result], curves: Mapping[Run, Sequence[Estimate]], caps: Sequence[int]) -> Table:
    """Table 9: accuracy at some caps of tokens, and the area under the curve of all."""
    shown = [caps[len(caps) * part // 4 - 1] for part in (1, 2, 3, 4)]
    rows = [
        (
            *(*identity(one.run), interval(one.whole.area.scaled(100))),
            *(percent(curves[one.run][caps.index(cap)]) for cap in shown),
        )
        for one in results
    ]
    heads = (*WHO, "area %", *(f"{cap} tokens %" for cap in shown))
    notes = (
        f"One run at {caps[-1]} tokens, scored again at smaller caps: what had not ended by then gave no answer. The "
        "area is the mean accuracy over all caps from 1 on.",
    )
    return Table("Table 9. Accuracy within a budget of generated tokens.", heads, rows, notes)
