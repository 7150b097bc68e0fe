"""Where the rows of each target are."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core import records
from stages.core.program.errors import StageError
from stages.core.records import Trace, Variant

Key = tuple[str, int]  # question_id, sample


@dataclass(frozen=True)
class TargetSource:
    """The file of a target's rows, and whether the target has their reasoning or the answer alone."""

    path: Path
    has_variants: bool  # its rows are Variant records, else Trace records
    with_reasoning: bool = True
    states_answer: bool = False  # its answers are the final ones alone, of Trace records


def file_targets(grid: Mapping[str, Any]) -> list[str]:
    """The targets that have a file of their own.

    `grid` holds the names of the compressors and shorteners.
    """
    return ["raw", *grid["compressors"], *grid["shorteners"], "answer_only"]


def sources(folders: Mapping[str, Path], grid: Mapping[str, Any]) -> dict[str, TargetSource]:
    """The source of each target that has a file of its own, whether the grid trains on it or not.

    `folders` holds the file of the traces and the folders of compressed and shortened ones. `grid`
    holds the names of the compressors and shorteners. Raises StageError for a file in those folders
    that the grid does not name: it would be a leftover that looks like a result.
    """
    traces = folders["traces"]
    source_by_name = {
        "raw": TargetSource(traces, has_variants=False),
        "answer_only": TargetSource(traces, has_variants=False, with_reasoning=False),
    }
    source_by_name |= _variants_in(folders["compressed"], "compressors", grid["compressors"])
    source_by_name |= _variants_in(folders["shortened"], "shorteners", grid["shorteners"])
    return {target: source_by_name[target] for target in file_targets(grid)}


def _variants_in(folder: Path, grid_entry: str, names: Iterable[str]) -> dict[str, TargetSource]:
    """The sources in a folder of variants, by target.

    Raises StageError where its files are not those that `grid_entry` names.
    """
    names = list(names)
    file_names = {path.stem for path in folder.glob("*.parquet")}
    if file_names != set(names):
        differing = ", ".join(sorted(file_names ^ set(names)))
        raise StageError(
            f"{folder}: {differing}: files and grid.{grid_entry} differ; "
            "rerun or delete what is left over"
        )
    return {name: TargetSource(folder / f"{name}.parquet", has_variants=True) for name in names}


def kept_rows(source: TargetSource) -> Iterator[Trace | Variant]:
    """The records of a target that may become examples.

    These are all traces, those with a final answer where it is learned alone, and the variants that no
    audit dropped.
    """
    if source.has_variants:
        return (row for row in records.read(source.path, Variant) if row.kept)
    traces = records.read(source.path, Trace)
    if source.states_answer:
        return (row for row in traces if _final_answer(row))
    return traces


def key_of(row: Trace | Variant) -> Key:
    """What names a row, the same for all targets."""
    return row.question_id, row.sample


def reasoning_of(row: Trace | Variant, source: TargetSource) -> str | None:
    """The reasoning that a target has of a row, None for one that has the answer alone."""
    return row.reasoning if source.with_reasoning else None


def answer_of(row: Trace | Variant, source: TargetSource) -> str:
    """The answer that a target has of a row: all of it, or the final one as it states it."""
    if source.states_answer and isinstance(row, Trace):
        return _final_answer(row)
    return row.answer


def _final_answer(trace: Trace) -> str:
    """The final answer in the trace's words, else as the grader read it: "7" for "seven"."""
    return trace.stated.strip() or trace.parsed
