"""Tables 1 to 3: the data sets, what the teachers got right, and how much the compressors removed."""

from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.stats import Estimate
from stages.core.tables import Table, columns, interval, number, reasons, share


def datasets(sets: Sequence[Mapping[str, Any]]) -> Table:
    """Table 1: the data sets."""
    kinds, counts = "source, group, kind, grader", "train, validation, test, near_test"
    rows = [(*(str(one[name]) for name in columns(kinds)), *_numbers(one, counts)) for one in sets]
    title = "Table 1. Data sets: questions by split; near test: training questions found to be nearly a test question."
    return Table(title, columns(f"{kinds}, {counts}".replace("_", " ")), rows)


def _numbers(values: Mapping[str, Any], names: str, digits: int = 0) -> tuple[str, ...]:
    return tuple(number(values[name], digits) for name in columns(names))


def traces(verified: Sequence[Mapping[str, Any]]) -> Table:
    """Table 2: what the teachers got right."""
    rows = [
        (
            *(
                found["teacher"],
                one["source"],
                *_numbers(one, "questions, attempts, correct"),
                share(one["accuracy"]),
            ),
            *_numbers(one, "questions_kept, traces_kept, mean_chars"),
        )
        for found in verified
        for one in found["sets"]
    ]
    heads = "teacher, source, questions, attempts, correct, accuracy %, questions kept, traces kept, chars"
    title = "Table 2. Trace generation: accuracy of first attempts, and the kept traces' mean characters (chars)."
    return Table(title, columns(heads), rows)


def selection(verified: Sequence[Mapping[str, Any]]) -> Table:
    """Table 2b: what a second grader says, and which questions' traces are kept."""
    rows = [
        (
            *(found["teacher"], one["source"], share(one["accuracy"]), share(one["accuracy_second_grader"])),
            *(share(one["disagreement_rate"]), share(one["questions_kept"] / one["questions"])),
            *(
                _difference(one["selection"][name])
                for name in ("question_chars", "difficulty", "first_reasoning_chars")
            ),
        )
        for found in verified
        for one in found["sets"]
    ]
    heads = (
        "teacher, source, accuracy %, by second grader %, graders disagree %, questions kept %, "
        "kept - left out: question chars, difficulty, reasoning chars"
    )
    title = (
        "Table 2b. Grading and selection: accuracy of first attempts by both graders, their disagreement over all "
        "attempts, and by how much the kept questions differ from those left out: in characters, in difficulty as "
        "their set gives it, and in the characters of the teacher's first reasoning (95% intervals, Welch's t)."
    )
    return Table(title, columns(heads), rows)


def _difference(found: Mapping[str, float | None] | None) -> str:
    return interval(Estimate(found["difference"], found["low"], found["high"]), 1, "+") if found else "-"


def compression(found: Sequence[Mapping[str, Any]]) -> Table:
    """Table 3: how much the compressors removed."""
    rows = [
        (
            *(arm["teacher"], arm["compressor"], one["source"], *_numbers(one, "traces, kept")),
            *_numbers(one, "rho_mean, rho_median, rho_q1, rho_q3", 3),
            *(number(one["mean_chars"]), reasons(one["dropped"])),
        )
        for arm in found
        for one in arm["sets"]
    ]
    heads = "teacher, compressor, source, traces, kept, rho mean, median, q1, q3, mean chars, dropped"
    title = "Table 3. Compression: rho = compressed / raw characters of a trace's reasoning."
    return Table(title, columns(heads), rows)


def holes(missing: Sequence[str]) -> Table:
    """What the grid names and this report was made without."""
    rows = [(path,) for path in missing]
    return Table("Not there when this report was made: run `dvc repro` for the whole grid.", ("file",), rows)
