"""Table 2b: what a second grader says, and which questions are kept."""

from collections.abc import Mapping, Sequence

from stages.core.report.tables.data import Metrics, share_column, text_column
from stages.core.report.tables.table import Column, Table, build_table
from stages.core.report.tables.text import interval
from stages.core.statistics.measures import Estimate


def _selection_column(heading: str, name: str) -> Column[Metrics]:
    """By how much the kept questions differ in what `name` says from those left out."""
    return Column(heading, lambda metrics: _difference(metrics["selection"][name]))


def _difference(welch: Mapping[str, float | None] | None) -> str:
    if not welch:
        return "-"
    return interval(Estimate(welch["difference"], welch["low"], welch["high"]), 1, "+")


_SELECTION = [
    text_column("teacher"),
    text_column("source"),
    share_column("accuracy %", "accuracy"),
    share_column("by second grader %", "accuracy_second_grader"),
    share_column("graders disagree %", "disagreement_rate"),
    share_column("questions kept %", "share_kept"),
    _selection_column("kept - left out: question chars", "question_chars"),
    _selection_column("difficulty", "difficulty"),
    _selection_column("reasoning chars", "first_reasoning_chars"),
]


def selection(verified: Sequence[Metrics]) -> Table:
    """Table 2b: what a second grader says, and which questions' traces are kept."""
    rows = []
    for metrics in verified:
        for part in metrics["sets"]:
            share_kept = part["questions_kept"] / part["questions"]
            rows.append({**part, "teacher": metrics["teacher"], "share_kept": share_kept})
    title = (
        "Table 2b. Grading and selection: accuracy of first attempts by both graders, their "
        "disagreement over all attempts, and by how much the kept questions differ from those left "
        "out: in characters, in difficulty as their set gives it, and in the characters of the "
        "teacher's first reasoning (95% intervals, Welch's t)."
    )
    return build_table(title, _SELECTION, rows)
