"""Tables 1 to 3: the data sets, what the teachers got right, and how much compressors removed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from stages.core.report import paper
from stages.core.report.tables.table import Column, Table, build_table
from stages.core.report.tables.text import counts, number, share

TOTAL, MEAN = "all sets", "mean over sets"
PAPER = "paper:"  # what stands before the names of the paper's models
Metrics = Mapping[str, Any]  # what a stage says of a set, or the sums or means over sets


def text_column(name: str) -> Column[Metrics]:
    """The text under `name`, which is the heading too."""
    return Column(name, lambda metrics: str(metrics[name]))


def number_column(heading: str, name: str = "", digits: int = 0) -> Column[Metrics]:
    """The number under `name`, which is the heading where none is given; "-" where it lacks."""
    return Column(heading, lambda metrics: number(metrics.get(name or heading), digits))


def share_column(heading: str, name: str) -> Column[Metrics]:
    """The fraction under `name` in per cent; "-" where it lacks."""
    return Column(heading, lambda metrics: share(metrics.get(name)))


_DATASETS = [
    text_column("source"),
    text_column("group"),
    text_column("kind"),
    text_column("grader"),
    number_column("train"),
    number_column("validation"),
    number_column("test"),
    number_column("near test", "near_test"),
]


def datasets(sets: Sequence[Metrics]) -> Table:
    """Table 1: the data sets."""
    title = (
        "Table 1. Data sets: questions by split; near test: training questions found to be nearly "
        "a test question."
    )
    return build_table(title, _DATASETS, sets)


_TRACES = [
    text_column("teacher"),
    text_column("source"),
    number_column("questions"),
    number_column("attempts"),
    number_column("correct"),
    share_column("accuracy %", "accuracy"),
    number_column("questions kept", "questions_kept"),
    number_column("traces kept", "traces_kept"),
    number_column("chars", "mean_chars"),
]


def traces(verified: Sequence[Metrics], papers: bool = False) -> Table:
    """Table 2: what the teachers got right, of each set and of all; with `papers` also what the
    paper gives.
    """
    rows: list[Metrics] = []
    for metrics in verified:
        sets = metrics["sets"]
        # A teacher's sets, then its rows over all of them
        parts = [*sets, total_traces(sets), _mean_traces(sets)]
        rows += [{**part, "teacher": metrics["teacher"]} for part in parts]
    if papers:
        rows += _papers_traces()
    title = (
        "Table 2. Trace generation: accuracy of first attempts, and the kept traces' mean "
        "characters (chars)."
    )
    note = (
        f'In "{TOTAL}" every question counts the same, in chars every kept trace; in "{MEAN}" '
        "every set does."
    )
    return build_table(title, _TRACES, rows, [note] if rows else [])


def total_traces(sets: Sequence[Metrics]) -> dict[str, Any]:
    """The sums over a teacher's sets, its accuracy over all questions, and the mean characters of
    all kept traces.
    """
    names = ("questions", "attempts", "correct", "questions_kept", "traces_kept")
    total: dict[str, Any] = {name: sum(part[name] for part in sets) for name in names}
    # The accuracy of a set is a rounded share of its questions
    right_answers = sum(round(part["accuracy"] * part["questions"]) for part in sets)
    total["source"] = TOTAL
    total["accuracy"] = right_answers / total["questions"] if total["questions"] else None
    total["mean_chars"] = _weighted_mean(sets, "mean_chars", "traces_kept")
    return total


def _mean_traces(sets: Sequence[Metrics]) -> dict[str, Any]:
    """A teacher's means over its sets, each counting the same."""
    return {
        "source": MEAN,
        "accuracy": _mean(part["accuracy"] for part in sets),
        "mean_chars": _mean(part["mean_chars"] for part in sets),
    }


def _papers_traces() -> list[Metrics]:
    """What the paper gives of table 2."""
    # Sets by name for one teacher, and the number of all kept traces for both
    rows: list[Metrics] = [
        {
            "teacher": f"{PAPER} {paper.QWEN}",
            "source": figures.name,
            "accuracy": figures.accuracy,
            "mean_chars": figures.chars,
        }
        for figures in paper.SETS.values()
    ]
    rows += [
        {"teacher": f"{PAPER} {teacher}", "source": TOTAL, "traces_kept": paper.TRACES}
        for teacher in (paper.QWEN, paper.GPT_OSS)
    ]
    return rows


def _weighted_mean(sets: Iterable[Metrics], name: str, weight: str) -> float | None:
    """The mean of `name` over what `weight` counts in the sets; None without any."""
    weighted_sum, weight_sum = 0.0, 0
    for part in sets:
        # A set without kept traces has no mean
        if part[name] is not None and part[weight]:
            weighted_sum += part[name] * part[weight]
            weight_sum += part[weight]
    return weighted_sum / weight_sum if weight_sum else None


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean of the values that are not None; None without any."""
    numbers = [value for value in values if value is not None]
    return fmean(numbers) if numbers else None


_COMPRESSION = [
    text_column("teacher"),
    text_column("compressor"),
    text_column("source"),
    number_column("traces"),
    number_column("kept"),
    number_column("rho mean", "rho_mean", 3),
    number_column("median", "rho_median", 3),
    number_column("q1", "rho_q1", 3),
    number_column("q3", "rho_q3", 3),
    number_column("mean chars", "mean_chars"),
    Column[Metrics](
        "dropped",
        lambda metrics: counts(metrics["dropped"]) if "dropped" in metrics else "-",
    ),
]


def compression(compressed: Sequence[Metrics], papers: bool = False) -> Table:
    """Table 3: how much the compressors removed, of each set and of all; with `papers` also the
    paper's means.
    """
    rows: list[Metrics] = []
    for metrics in compressed:
        sets = metrics["sets"]
        names = {"teacher": metrics["teacher"], "compressor": metrics["compressor"]}
        # A compressor's sets, then its rows over all of them
        parts = [*sets, total_compression(sets), mean_compression(sets)]
        rows += [{**part, **names} for part in parts]
    if papers:
        rows += _papers_compression()
    title = "Table 3. Compression: rho = compressed / raw characters of a trace's reasoning."
    note = f'In "{TOTAL}" every kept trace counts the same, in "{MEAN}" every set that has some.'
    return build_table(title, _COMPRESSION, rows, [note] if compressed else [])


def _papers_compression() -> list[Metrics]:
    """What the paper gives of table 3."""
    return [
        {
            "teacher": f"{PAPER} {teacher}",
            "compressor": compressor,
            "source": "mean",
            "rho_mean": rho,
        }
        for (teacher, compressor), rho in paper.RHO_MEANS.items()
    ]


def total_compression(sets: Sequence[Metrics]) -> dict[str, Any]:
    """A compressor's sums over its sets, and its means over all kept traces."""
    dropped = sum((Counter(part["dropped"]) for part in sets), Counter[str]())
    return {
        "source": TOTAL,
        "traces": sum(part["traces"] for part in sets),
        "kept": sum(part["kept"] for part in sets),
        "dropped": dropped,
        "rho_mean": _weighted_mean(sets, "rho_mean", "kept"),
        "mean_chars": _weighted_mean(sets, "mean_chars", "kept"),
    }


def mean_compression(sets: Sequence[Metrics]) -> dict[str, Any]:
    """A compressor's rho averaged over its sets, each counting the same."""
    return {"source": MEAN, "rho_mean": _mean(part["rho_mean"] for part in sets)}


def holes(missing: Sequence[str]) -> Table:
    """The files that the grid names and that this report was made without."""
    title = "Not there when this report was made: run `dvc repro` for the whole grid."
    columns: list[Column[str]] = [Column("file", lambda path: path)]
    return build_table(title, columns, missing)
