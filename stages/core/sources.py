"""Rows of someone else's files: jsonl, json or parquet, with a field map. Errors name the file and the row."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.errors import StageError

# The folders that DVC watches for files that users bring
QUESTIONS, TRACES = Path("data/imports/questions"), Path("data/imports/traces")


def rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields (place, row) of a .jsonl, .json (a list of objects) or .parquet file; place is "file: row 3".

    Raises StageError for a file that is missing, empty, binary or not made of objects.
    """
    readers = {".jsonl": _jsonl, ".json": _json, ".parquet": _parquet}
    if path.suffix not in readers:
        raise StageError(f"{path}: unknown kind of file; expected {', '.join(readers)}")
    if not path.is_file():
        raise StageError(f"{path}: no such file; put it there, or mend its name in conf/profile/")
    number = -1
    for number, row in enumerate(readers[path.suffix](path)):
        place = f"{path}: row {number + 1}"
        if not isinstance(row, dict):
            raise StageError(f"{place}: expected an object with named fields, found {type(row).__name__}")
        yield place, row
    if number < 0:
        raise StageError(f"{path}: empty: it holds no rows")


def hub_rows(dataset: str, name: str | None, split: str, revision: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields (place, row) of a data set of the hub, or of a folder that `datasets` reads."""
    from datasets import load_dataset

    try:
        loaded = load_dataset(dataset, name, split=split, revision=revision)
    except (OSError, ValueError) as error:
        raise StageError(f"{dataset}: cannot be loaded from the hub: {error}") from error
    for number, row in enumerate(loaded):
        yield f"{dataset}: {split} row {number + 1}", row


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
            try:
                yield json.loads(line)
            except ValueError as error:
                raise StageError(f"{path}: line {number}: not JSON: {error}") from error


def _json(path: Path) -> Iterator[Any]:
    text = _text(path)
    try:
        value = json.loads(text) if text.strip() else []
    except ValueError as error:
        raise StageError(f"{path}: not JSON: {error}") from error
    if not isinstance(value, list):
        raise StageError(f"{path}: expected a list of objects, found {type(value).__name__}")
    yield from value


def _parquet(path: Path) -> Iterator[Any]:
    try:
        for batch in pq.ParquetFile(path).iter_batches():
            yield from batch.to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        raise StageError(f"{path}: not a Parquet file: {str(error).splitlines()[0]}") from error


def pick(row: Mapping[str, Any], fields: Mapping[str, str | list[str]], name: str, place: str) -> Any:
    """The value of our field `name` in `row`, which its file calls `fields[name]`; None where not mapped.

    A dot in that name goes into a nested object: `choices.text`. A text with names in braces has their values put in,
    a list of names or texts gives a list.
    Raises StageError where the map names a field that the row does not have.
    """
    if name not in fields:
        return None
    said = fields[name]
    if isinstance(said, list):
        return [_filled(row, one, name, place) for one in said]
    return _filled(row, said, name, place)


def _filled(row: Mapping[str, Any], said: str, name: str, place: str) -> Any:
    if "{" not in said:
        return _value(row, said, name, place)
    # not str.format: names of fields hold spaces, and what is put in may hold braces
    return re.sub(r"\{([^{}]+)\}", lambda match: str(_value(row, match[1], name, place)), said)


def _value(row: Mapping[str, Any], path: str, name: str, place: str) -> Any:
    value: Any = row
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            known = ", ".join(sorted(row))
            raise StageError(f"{place}: no field {path!r} for {name}; it has: {known}; mend the field map")
        value = value[part]
    return value
