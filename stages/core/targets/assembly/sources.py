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


def sources(
    targets: Iterable[str], folders: Mapping[str, Path], grid: Mapping[str, Any]
) -> dict[str, TargetSource]:
    """Each target's source, in the order of `targets`.

    `folders` holds the file of the traces and the folders of compressed and shortened ones. `grid`
    holds the names of the compressors and shorteners. Raises StageError for a target that is
    neither raw, answer_only, a compressor nor a shortener of the grid. Raises it also for a
    file in those folders that the grid does not name: it would be a leftover that looks like a
    result.
    """
    traces = folders["traces"]
    known = {
        "raw": TargetSource(traces, has_variants=False),
        "answer_only": TargetSource(traces, has_variants=False, with_reasoning=False),
    }
    known |= _variants_in(folders["compressed"], "compressors", grid["compressors"])
    known |= _variants_in(folders["shortened"], "shorteners", grid["shorteners"])
    for target in targets:
        if target not in known:
            raise StageError(
                f"params.yaml: grid.targets: {target!r} is unknown; known: {', '.join(known)}"
            )
    return {target: known[target] for target in targets}


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
    """The records of a target that may become examples: all traces, and the variants that no audit
    dropped.
    """
    if source.has_variants:
        return (row for row in records.read(source.path, Variant) if row.kept)
    return records.read(source.path, Trace)


def key_of(row: Trace | Variant) -> Key:
    """What names a row, the same for all targets."""
    return row.question_id, row.sample


def reasoning_of(row: Trace | Variant, source: TargetSource) -> str | None:
    """The reasoning that a target has of a row, None for one that has the answer alone."""
    return row.reasoning if source.with_reasoning else None
