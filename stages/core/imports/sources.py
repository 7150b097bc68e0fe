"""Rows of files that someone else wrote: jsonl, json or Parquet, read through a field map.

Errors name the file and the row.
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
QUESTIONS = IMPORTS / "questions"
TRACES = IMPORTS / "traces"


def rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields (location, row) of a .jsonl, .json (a list of objects) or .parquet file.

    The location is for errors: "file: row 3".

    Raises StageError for a file that is missing, empty, binary or not made of objects.
    """
    readers = {".jsonl": _jsonl, ".json": _json, ".parquet": _parquet}
    if path.suffix not in readers:
        raise StageError(f"{path}: unknown kind of file; expected {', '.join(readers)}")
    _check_link(path)
    if not path.is_file():
        raise StageError(f"{path}: no such file; put it there, or mend its name in conf/profile/")
    row_number = 0
    for row_number, row in enumerate(readers[path.suffix](path), 1):
        location = f"{path}: row {row_number}"
        if not isinstance(row, dict):
            raise StageError(
                f"{location}: expected an object with named fields, found {type(row).__name__}"
            )
        yield location, row
    if not row_number:
        raise StageError(f"{path}: empty: it holds no rows")


def _check_link(path: Path) -> None:
    """Raises StageError for a link out of the repository.

    In a clone it would point to nothing, or elsewhere. DVC's own links go into its cache, which may
    be anywhere: they are those of files and folders that a .dvc file names.
    """
    if not path.is_relative_to(IMPORTS):
        return
    target = Path(os.path.realpath(path))  # Path.resolve() raises for links in a circle
    if any(target.is_relative_to(folder.resolve()) for folder in (Path(), IMPORTS)):
        return
    # "." has no name, and so no .dvc file
    tracked = [path] + [parent for parent in path.parents if parent.name]
    if not any(item.with_name(f"{item.name}.dvc").is_file() for item in tracked):
        raise StageError(
            f"{path}: a link to {target}, outside the repository; put the file itself there, or "
            "`dvc add` it"
        )


def hub_rows(
    dataset: str, name: str | None, split: str, revision: str | None, streaming: bool = False
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields (location, row) of a data set of the hub, or of a folder that `datasets` reads.

    `streaming`: rows are read when they are needed. Else all are downloaded before the first.
    """
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError
    from huggingface_hub.errors import HTTPError

    try:
        loaded = load_dataset(dataset, name, split=split, revision=revision, streaming=streaming)
        for row_index, row in enumerate(loaded):
            yield f"{dataset}: {split} row {row_index + 1}", row
    except (OSError, ValueError, DatasetsError, HTTPError) as error:
        raise StageError(f"{dataset}: cannot be loaded from the hub: {error}") from error


def _text(path: Path) -> str:
    """The text of a file. Raises StageError for bytes that are no text."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # Excel and others begin a file with a BOM
    except UnicodeDecodeError as error:
        raise StageError(f"{path}: binary: byte {error.start} is not UTF-8 text") from error
    if "\0" in text:
        raise StageError(f"{path}: binary: character {text.index(chr(0))} is NUL")
    return text


def _jsonl(path: Path) -> Iterator[Any]:
    """Yields the value of each line that is not blank."""
    # Not splitlines: JSON texts may hold other line separators, such as U+2028
    for line_number, line in enumerate(_text(path).split("\n"), 1):
        if line.strip():
            yield _parsed(line, f"{path}: line {line_number}")


def _json(path: Path) -> Iterator[Any]:
    """Yields the items of the list that a file holds."""
    text = _text(path)
    value = _parsed(text, str(path)) if text.strip() else []
    if not isinstance(value, list):
        raise StageError(
            f"{path}: expected a list of objects, found {type(value).__name__}; a file with an "
            "object a line is .jsonl"
        )
    yield from value


def _parsed(text: str, location: str) -> Any:
    """The value that JSON text holds.

    Raises StageError for text that is no JSON, and for an object with the same name twice, of which
    one value would be lost.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError as error:
        raise StageError(f"{location}: not JSON that can be read: nested too deeply") from error
    except ValueError as error:
        is_jsonl = str(error).startswith("Extra data") and location.endswith(".json")
        hint = "; a file with an object a line is .jsonl: rename it" if is_jsonl else ""
        raise StageError(f"{location}: not JSON: {error}{hint}") from error


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs. Raises ValueError where a name is there twice."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        repeated_name = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has the name '{shown(repeated_name)}' twice")
    return fields


def _parquet(path: Path) -> Iterator[Any]:
    """Yields the rows of a file, one row group or part of it in memory."""
    rows_read = 0
    try:
        # Where a page has a checksum, a byte that a disk or a download changed is an error
        file = pq.ParquetFile(path, page_checksum_verification=True)
        if repeated_name := _repeated_name(file.schema_arrow):
            raise StageError(f"{path}: two columns are named '{shown(repeated_name)}'; rename one")
        for batch in file.iter_batches():
            try:
                yield from batch.to_pylist()
            except UnicodeDecodeError as error:
                _raise_undecodable(path, batch, rows_read, error)
            rows_read += batch.num_rows
    except (pa.ArrowException, OSError, ValueError, OverflowError, NotImplementedError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        problem = f"damaged after row {rows_read}" if rows_read else "not a Parquet file"
        raise StageError(f"{path}: {problem}: {reason}") from error


def _repeated_name(fields: Iterable[pa.Field]) -> str | None:
    """The name that two columns have, or two fields of a nested column; None where all differ."""
    names = set[str]()
    for field in fields:
        field_type = field.type
        while pa.types.is_list(field_type) or pa.types.is_large_list(field_type):
            field_type = field_type.value_type
        inner = _repeated_name(field_type) if pa.types.is_struct(field_type) else None
        if inner or field.name in names:
            return inner or str(field.name)
        names.add(field.name)
    return None


def _raise_undecodable(
    path: Path, batch: pa.RecordBatch, start: int, error: UnicodeDecodeError
) -> NoReturn:
    """Raises a StageError that names the first row of `batch` whose bytes are no UTF-8.

    `start` is the number of rows before the batch.
    """
    for row_index in range(batch.num_rows):
        try:
            batch.slice(row_index, 1).to_pylist()
        except UnicodeDecodeError:
            raise StageError(
                f"{path}: row {start + row_index + 1}: a text is not UTF-8; mend the file"
            ) from error
    raise error


def pick(
    row: Mapping[str, Any], fields: Mapping[str, str | list[str]], name: str, location: str
) -> Any:
    """The value of our field `name` in `row`; None where `fields`, the field map, has no `name`.

    `fields[name]` is the name that the file uses. A dot in it goes into a nested object:
    `choices.text`. In a text with names in braces, each name is replaced by its value. A list of
    names or texts gives a list. Raises StageError where the map names a field that the row does not
    have.
    """
    if name not in fields:
        return None
    mapped = fields[name]
    if isinstance(mapped, list):
        return [_filled(row, source, name, location) for source in mapped]
    return _filled(row, mapped, name, location)


def _filled(row: Mapping[str, Any], source: str, name: str, location: str) -> Any:
    """The value of the field `source`, or the text `source` with its braces filled in."""
    if "{" not in source:
        return _value(row, source, name, location)

    def value_of(match: re.Match[str]) -> str:
        label = f"{name}: field '{shown(match[1])}'"
        text = values.text(_value(row, match[1], name, location), label, location)
        if text is None:
            raise StageError(f"{location}: {label} is null; mend the field map or the file")
        return text

    # Not str.format: the names of fields have spaces, and the values may have braces
    return re.sub(r"\{([^{}]+)\}", value_of, source)


def _value(row: Mapping[str, Any], path: str, name: str, location: str) -> Any:
    """The row's value at a path with dots. NaN, which pandas writes for a missing one, is None."""
    value: Any = row
    for field_name in path.split("."):
        if not isinstance(value, Mapping) or field_name not in value:
            fields = shown(", ".join(sorted(map(shown, row))), 300)
            raise StageError(
                f"{location}: no field {path!r} for {name}; it has: {fields}; mend the field map"
            )
        value = value[field_name]
    return None if values.is_missing(value) else value
