"""Whether two arms can be told apart: the verdict on a difference, its columns and its notes."""

from collections.abc import Callable, Sequence
from typing import Literal

from stages.core.report.tables.table import Column, Record
from stages.core.report.tables.text import p_value, percent, share
from stages.core.statistics.measures import FEW, Measure

Verdict = Literal["higher", "lower", "not resolved", "no pair differs", "too few questions", "-"]


def verdict(measure: Measure, confidence: float) -> Verdict:
    """What the interval of a difference and its Holm p say together."""
    difference = measure.difference
    if difference.value is None:
        return "-"
    if measure.questions < FEW:
        return "too few questions"
    resolved = difference.resolved()
    if resolved is None and not difference.value:
        return "no pair differs"
    # Without an interval, which is where no resample differs, Holm's p alone decides
    if resolved is False or measure.holm is None or measure.holm >= 1 - confidence:
        return "not resolved"
    return "higher" if difference.value > 0 else "lower"


def verdict_columns(
    measure_of: Callable[[Record], Measure], confidence: float
) -> list[Column[Record]]:
    """The difference of a record's measure from its reference, and what the tests say of it."""
    return [
        Column("difference (points)", lambda record: percent(measure_of(record).difference, "+")),
        Column("verdict", lambda record: verdict(measure_of(record), confidence)),
        Column("p", lambda record: p_value(measure_of(record).p)),
        Column("Holm p", lambda record: p_value(measure_of(record).holm)),
        Column("detectable (points)", lambda record: share(measure_of(record).detectable)),
    ]


def verdict_note(confidence: float) -> str:
    """Which numbers a verdict follows from, and how small a difference it can resolve."""
    # A p below this level goes with an interval of this confidence that leaves out 0
    level = f"{1 - confidence:.3g}"
    return (
        f"The verdict is higher or lower where the {100 * confidence:g} % interval of the "
        f"difference leaves out 0 and Holm's p is below {level}; there is none from fewer than "
        f"{FEW} questions. Detectable: the smallest difference whose Holm's p falls below {level} "
        "four times out of five, with all other comparisons as they are."
    )


def coverage_notes(measures: Sequence[Measure]) -> list[str]:
    """What intervals and verdicts do not cover, see `bootstrap.seed_weights`.

    There is a note for arms of one seed and one for arms of several, where there are such arms.
    """
    of_several_seeds = {len(measure.seeds) > 1 for measure in measures}
    notes = []
    if False in of_several_seeds:
        notes.append(
            "Of one seed, intervals, p and verdicts are over questions, for these checkpoints: "
            "they do not say what another seed would give."
        )
    if True in of_several_seeds:
        notes.append(
            "Of several seeds, intervals are too narrow, the more so the fewer the seeds and the "
            "more questions: equal arms are called different more often than the interval says."
        )
    return notes
