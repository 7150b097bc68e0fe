"""Rows of someone else's files: jsonl, json or parquet, with a field map. Errors name the file and
the row.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.imports import values
from stages.core.program.errors import StageError, shown

# The folders that DVC watches for files that users bring
IMPORTS = Path("data/imports")
QUESTIONS, TRACES = IMPORTS / "questions", IMPORTS / "traces"


def rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields (place, row) of a .jsonl, .json (a list of objects) or .parquet file; place is "file:
    row 3".

    Raises StageError for a file that is missing, empty, binary or not made of objects.
    """
    readers = {".jsonl": _jsonl, ".json": _json, ".parquet": _parquet}
    if path.suffix not in readers:
        raise StageError(f"{path}: unknown kind of file; expected {', '.join(readers)}")
    _check_link(path)
    if not path.is_file():
        raise StageError(f"{path}: no such file; put it there, or mend its name in conf/profile/")
    number = -1
    for number, row in enumerate(readers[path.suffix](path)):
        place = f"{path}: row {number + 1}"
        if not isinstance(row, dict):
            raise StageError(
                f"{place}: expected an object with named fields, found {type(row).__name__}"
            )
        yield place, row
    if number < 0:
        raise StageError(f"{path}: empty: it holds no rows")


def _check_link(path: Path) -> None:
    """Raises StageError for a link out of the repository: a clone would have it point to nothing,
    or elsewhere.

    DVC's own links, into a cache that may lie anywhere, are those of what a .dvc file names.
    """
    target = Path(os.path.realpath(path))  # Path.resolve() raises for links in a circle
    if not path.is_relative_to(IMPORTS) or any(
        target.is_relative_to(one.resolve()) for one in (Path(), IMPORTS)
    ):
        return
    if not any(
        one.with_name(f"{one.name}.dvc").is_file() for one in (path, *path.parents) if one.name
    ):
        raise StageError(
            f"{path}: a link to {target}, outside the repository; put the file itself there, or `dvc add` it"
        )


def hub_rows(
    dataset: str, name: str | None, split: str, revision: str | None, streaming: bool = False
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields (place, row) of a data set of the hub, or of a folder that `datasets` reads.

    `streaming`: rows are read as they are asked for, not all downloaded before the first.
    """
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError
    from huggingface_hub.errors import HTTPError

    try:
        loaded = load_dataset(dataset, name, split=split, revision=revision, streaming=streaming)
        for number, row in enumerate(loaded):
            yield f"{dataset}: {split} row {number + 1}", row
    except (OSError, ValueError, DatasetsError, HTTPError) as error:
        raise StageError(f"{dataset}: cannot be loaded from the hub: {error}") from error


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise StageError(f"{path}: binary: byte {error.start} is not UTF-8 text") from error
    if "\0" in text:
        raise StageError(f"{path}: binary: character {text.index(chr(0))} is NUL")
    return text


def _jsonl(path: Path) -> Iterator[Any]:
    for number, line in enumerate(_text(path).split("\n"), 1):
        if line.strip():
            yield _parsed(line, f"{path}: line {number}")


def _json(path: Path) -> Iterator[Any]:
    text = _text(path)
    value = _parsed(text, str(path)) if text.strip() else []
    if not isinstance(value, list):
        raise StageError(
            f"{path}: expected a list of objects, found {type(value).__name__}; a file with an object a line is .jsonl"
        )
    yield from value


def _parsed(text: str, place: str) -> Any:
    """The value that JSON text holds. Raises StageError for names that an object has twice, of
    which one is lost.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError as error:
        raise StageError(f"{place}: not JSON that can be read: nested too deeply") from error
    except ValueError as error:
        lines = str(error).startswith("Extra data") and place.endswith(".json")
        hint = "; a file with an object a line is .jsonl: rename it" if lines else ""
        raise StageError(f"{place}: not JSON: {error}{hint}") from error


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has the name '{shown(twice)}' twice")
    return found


def _parquet(path: Path) -> Iterator[Any]:
    number = 0
    try:
        # Where a page has a checksum, a byte that a disk or a download changed is an error
        file = pq.ParquetFile(path, page_checksum_verification=True)
        if twice := _twice(file.schema_arrow):
            raise StageError(f"{path}: two columns are named '{shown(twice)}'; rename one")
        for batch in file.iter_batches():
            try:
                yield from batch.to_pylist()
            except UnicodeDecodeError as error:
                _undecodable(path, batch, number, error)
            number += batch.num_rows
    except (pa.ArrowException, OSError, ValueError, OverflowError, NotImplementedError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        what = f"damaged after row {number}" if number else "not a Parquet file"
        raise StageError(f"{path}: {what}: {reason}") from error


def _twice(fields: Iterable[pa.Field]) -> str | None:
    """A name that two columns, or two fields of a nested one, have."""
    seen = set[str]()
    for field in fields:
        kind = field.type
        while pa.types.is_list(kind) or pa.types.is_large_list(kind):
            kind = kind.value_type
        inner = _twice(kind) if pa.types.is_struct(kind) else None
        if inner or field.name in seen:
            return inner or str(field.name)
        seen.add(field.name)
    return None


def _undecodable(
    path: Path, batch: pa.RecordBatch, start: int, error: UnicodeDecodeError
) -> NoReturn:
    """Raises StageError that names the first row of `batch` whose bytes are no UTF-8."""
    for place in range(batch.num_rows):
        try:
            batch.slice(place, 1).to_pylist()
        except UnicodeDecodeError:
            raise StageError(
                f"{path}: row {start + place + 1}: a text is not UTF-8; mend the file"
            ) from error
    raise error


def pick(
    row: Mapping[str, Any], fields: Mapping[str, str | list[str]], name: str, place: str
) -> Any:
    """The value of our field `name` in `row`, which its file calls `fields[name]`; None where not
    mapped.

    A dot in that name goes into a nested object: `choices.text`. A text with names in braces has
    their values put in, a list of names or texts gives a list. Raises StageError where the map
    names a field that the row does not have.
    """
    if name not in fields:
        return None
    mapped = fields[name]
    if isinstance(mapped, list):
        return [_filled(row, source, name, place) for source in mapped]
    return _filled(row, mapped, name, place)


def _filled(row: Mapping[str, Any], source: str, name: str, place: str) -> Any:
    if "{" not in source:
        return _value(row, source, name, place)

    def put(match: re.Match[str]) -> str:
        found = values.text(
            _value(row, match[1], name, place), f"{name}: field '{shown(match[1])}'", place
        )
        if found is None:
            raise StageError(
                f"{place}: {name}: field '{shown(match[1])}' is null; mend the field map or the file"
            )
        return found

    # not str.format: names of fields hold spaces, and what is put in may hold braces
    return re.sub(r"\{([^{}]+)\}", put, source)


def _value(row: Mapping[str, Any], path: str, name: str, place: str) -> Any:
    """What the row has there; NaN, as pandas writes a missing value, is null."""
    value: Any = row
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            fields = shown(", ".join(sorted(map(shown, row))), 300)
            raise StageError(
                f"{place}: no field {path!r} for {name}; it has: {fields}; mend the field map"
            )
        value = value[part]
    return None if values.is_missing(value) else value
