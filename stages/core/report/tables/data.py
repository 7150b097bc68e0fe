"""Tables 1 to 3: the data sets, what the teachers got right, and how much the compressors removed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from stages.core.report import paper
from stages.core.report.tables.markup import Table, columns, interval, number, reasons, share
from stages.core.statistics.measures import Estimate

TOTAL, MEAN = "all sets", "mean over sets"
PAPER = "paper:"  # what stands before the names of the paper's models


def datasets(sets: Sequence[Mapping[str, Any]]) -> Table:
    """Table 1: the data sets."""
    kinds, counts = "source, group, kind, grader", "train, validation, test, near_test"
    rows = [(*(str(one[name]) for name in columns(kinds)), *_numbers(one, counts)) for one in sets]
    title = "Table 1. Data sets: questions by split; near test: training questions found to be nearly a test question."
    return Table(title, columns(f"{kinds}, {counts}".replace("_", " ")), rows)


def _numbers(values: Mapping[str, Any], names: str, digits: int = 0) -> tuple[str, ...]:
    return tuple(number(values.get(name), digits) for name in columns(names))


def traces(verified: Sequence[Mapping[str, Any]], papers: bool = False) -> Table:
    """Table 2: what the teachers got right, of each set and of all; with `papers` also what the
    paper gives.
    """
    rows = [
        _traces(teacher["teacher"], part)
        for teacher in verified
        for part in (*teacher["sets"], total_traces(teacher["sets"]), _mean_traces(teacher["sets"]))
    ]
    heads = "teacher, source, questions, attempts, correct, accuracy %, questions kept, traces kept, chars"
    title = "Table 2. Trace generation: accuracy of first attempts, and the kept traces' mean characters (chars)."
    notes = (
        f'In "{TOTAL}" every question counts the same, in chars every kept trace; in "{MEAN}" every set does.',
    )
    return Table(
        title, columns(heads), [*rows, *(_papers_traces() if papers else ())], notes if rows else ()
    )


def _traces(teacher: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    """A row of table 2; what `values` lack is left open."""
    return (
        *(
            teacher,
            values["source"],
            *_numbers(values, "questions, attempts, correct"),
            share(values.get("accuracy")),
        ),
        *_numbers(values, "questions_kept, traces_kept, mean_chars"),
    )


def total_traces(sets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The sums over a teacher's sets, its accuracy over all questions, and the mean characters of
    all kept traces.
    """
    names = ("questions", "attempts", "correct", "questions_kept", "traces_kept")
    total: dict[str, Any] = {name: sum(one[name] for one in sets) for name in names}
    # the accuracy of a set is a rounded share of its questions
    right = sum(round(one["accuracy"] * one["questions"]) for one in sets)
    accuracy = right / total["questions"] if total["questions"] else None
    return total | {
        "source": TOTAL,
        "accuracy": accuracy,
        "mean_chars": _weighted(sets, "mean_chars", "traces_kept"),
    }


def _mean_traces(sets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"source": MEAN} | {
        name: _mean(one[name] for one in sets) for name in ("accuracy", "mean_chars")
    }


def _papers_traces() -> list[tuple[str, ...]]:
    """What the paper gives of table 2."""
    known = [
        (paper.QWEN, {"source": one.name, "accuracy": one.accuracy, "mean_chars": one.chars})
        for one in paper.SETS.values()
    ]
    known += [
        (teacher, {"source": TOTAL, "traces_kept": paper.TRACES})
        for teacher in (paper.QWEN, paper.GPT_OSS)
    ]
    return [_traces(f"{PAPER} {teacher}", values) for teacher, values in known]


def _weighted(sets: Iterable[Mapping[str, Any]], name: str, weight: str) -> float | None:
    """The mean of `name` over what `weight` counts in the sets; None without any."""
    known = [(one[name], one[weight]) for one in sets if one[name] is not None and one[weight]]
    return (
        sum(value * count for value, count in known) / sum(count for _, count in known)
        if known
        else None
    )


def _mean(values: Iterable[float | None]) -> float | None:
    """Over the values that there are."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def selection(verified: Sequence[Mapping[str, Any]]) -> Table:
    """Table 2b: what a second grader says, and which questions' traces are kept."""
    rows = [
        (
            *(
                found["teacher"],
                one["source"],
                share(one["accuracy"]),
                share(one["accuracy_second_grader"]),
            ),
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
    return (
        interval(Estimate(found["difference"], found["low"], found["high"]), 1, "+")
        if found
        else "-"
    )


def compression(compressed: Sequence[Mapping[str, Any]], papers: bool = False) -> Table:
    """Table 3: how much the compressors removed, of each set and of all; with `papers` also the
    paper's means.
    """
    rows = [
        _compression(arm["teacher"], arm["compressor"], part)
        for arm in compressed
        for part in (*arm["sets"], total_compression(arm["sets"]), mean_compression(arm["sets"]))
    ]
    for (teacher, compressor), rho in paper.RHO_MEANS.items() if papers else ():
        rows.append(
            _compression(f"{PAPER} {teacher}", compressor, {"source": "mean", "rho_mean": rho})
        )
    heads = (
        "teacher, compressor, source, traces, kept, rho mean, median, q1, q3, mean chars, dropped"
    )
    title = "Table 3. Compression: rho = compressed / raw characters of a trace's reasoning."
    notes = (
        f'In "{TOTAL}" every kept trace counts the same, in "{MEAN}" every set that has some.',
    )
    return Table(title, columns(heads), rows, notes if compressed else ())


def _compression(teacher: str, compressor: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    """A row of table 3; what `values` lack is left open."""
    return (
        *(teacher, compressor, values["source"], *_numbers(values, "traces, kept")),
        *_numbers(values, "rho_mean, rho_median, rho_q1, rho_q3", 3),
        *(
            number(values.get("mean_chars")),
            reasons(values["dropped"]) if "dropped" in values else "-",
        ),
    )


def total_compression(sets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A compressor's sums over its sets, and its means over all kept traces."""
    total: dict[str, Any] = {name: sum(one[name] for one in sets) for name in ("traces", "kept")}
    dropped = sum((Counter(one["dropped"]) for one in sets), Counter[str]())
    means = {name: _weighted(sets, name, "kept") for name in ("rho_mean", "mean_chars")}
    return total | {"source": TOTAL, "dropped": dropped} | means


def mean_compression(sets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A compressor's rho averaged over its sets, each counting the same."""
    return {"source": MEAN, "rho_mean": _mean(one["rho_mean"] for one in sets)}


def holes(missing: Sequence[str]) -> Table:
    """What the grid names and this report was made without."""
    rows = [(path,) for path in missing]
    return Table(
        "Not there when this report was made: run `dvc repro` for the whole grid.", ("file",), rows
    )
