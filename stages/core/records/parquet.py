"""Records as Parquet files, with a schema that is checked on writing and on reading.

Files are sorted by the record's key (`question_id`, and `sample` where there is one) and hold no key
twice. They are compressed with zstd and written in row groups. A temporary file replaces the target
at the end, so no reader, and no DVC cache, ever sees half a file. The bytes follow from the rows
alone.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.program.errors import StageError
from stages.core.program.files import replacing

ROW_GROUP = 2048  # rows held in memory at a time: 20 MB of 10,000-character traces


class Record:
    """The base of every record, which is a frozen dataclass."""

    KEY: ClassVar[tuple[str, ...]]  # the fields that rows are sorted by and that name a row


Row = TypeVar("Row", bound=Record)

_ARROW_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
_TEXT_LIST = pa.list_(pa.field("element", pa.string(), nullable=False))


def schema(kind: type[Any]) -> pa.Schema:
    """The Arrow schema of a record type, from its annotations.

    `X | None` is a nullable column, `tuple[str, ...]` a column of lists.
    """
    fields = []
    for name, hint in typing.get_type_hints(kind).items():
        if name == "KEY":
            continue
        options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        value_type = next(option for option in options if option is not type(None))
        arrow_type = _ARROW_TYPES.get(value_type) or _TEXT_LIST
        fields.append(pa.field(name, arrow_type, nullable=type(None) in options))
    return pa.schema(fields)


def schema_names(kind: type[Any]) -> tuple[str, ...]:
    """The record's field names in order."""
    return tuple(field.name for field in dataclasses.fields(kind))


def write(path: Path, rows: Iterable[Row], kind: type[Row]) -> int:
    """Write `rows`, sorted by `kind.KEY`, to `path` and return their number.

    Raises StageError for rows out of order, twice the same key, or a value that does not fit.
    """
    count = 0
    with (
        replacing(path) as partial,
        pq.ParquetWriter(
            partial, schema(kind), compression="zstd", write_page_checksum=True
        ) as writer,
    ):
        for table in _tables(path, rows, kind):
            writer.write_table(table)
            count += table.num_rows
    return count


def _tables(path: Path, rows: Iterable[Row], kind: type[Row]) -> Iterator[pa.Table]:
    """Yields the rows as tables of at most ROW_GROUP rows, and one empty table for no rows.

    Raises StageError where the order, a key or a type is wrong.
    """
    names = schema_names(kind)
    last_key: tuple[Any, ...] | None = None
    pending: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        key = tuple(getattr(row, name) for name in kind.KEY)
        if last_key is not None and key <= last_key:
            problem = "is there twice" if key == last_key else "is out of order"
            raise StageError(f"{path}: row {number} with {'/'.join(kind.KEY)} {key} {problem}")
        last_key = key
        pending.append({name: getattr(row, name) for name in names})
        if len(pending) == ROW_GROUP:
            yield _table(path, pending, kind)
            pending = []
    if pending or last_key is None:
        yield _table(path, pending, kind)


def _table(path: Path, rows: list[dict[str, Any]], kind: type[Any]) -> pa.Table:
    """The rows as one table. Raises StageError for a value that does not fit the schema."""
    try:
        table = pa.Table.from_pylist(rows, schema=schema(kind))
        table.validate(full=True)
        for field in table.schema:
            _check_column(field, table[field.name].combine_chunks(), rows)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError, OverflowError) as error:
        raise StageError(f"{path}: a {kind.__name__} does not fit its schema: {error}") from error
    return table


def _check_column(field: pa.Field, column: pa.Array, rows: list[dict[str, Any]]) -> None:
    """Raises ArrowInvalid for what Arrow lets pass: missing values and fractions.

    Arrow takes None in a column that is not nullable, and cuts 1.5 to 1 in a column of integers.
    """
    missing_elements = column.flatten().null_count if pa.types.is_list(field.type) else 0
    if missing_elements or (column.null_count and not field.nullable):
        raise pa.ArrowInvalid(f"field {field.name} has no value")
    if not pa.types.is_integer(field.type):
        return
    for row in rows:
        value = row[field.name]
        if isinstance(value, float) and not value.is_integer():
            raise pa.ArrowInvalid(f"field {field.name}: {value} is no whole number")


def read(path: Path, kind: type[Row]) -> Iterator[Row]:
    """The rows of `path` in order, one row group in memory at a time.

    Raises StageError for a missing, empty, foreign or damaged file.
    """
    try:
        # DVC hashes a file anew only where its time or size differs. The page checksums show a byte
        # that a disk or a remote changed
        file = pq.ParquetFile(path, page_checksum_verification=True)
    except FileNotFoundError as error:
        raise StageError(f"{path}: no such file; run `dvc repro` or `dvc pull {path}`") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise StageError(f"{path}: not a Parquet file: {_first_line(error)}") from error
    if not file.schema_arrow.equals(schema(kind)):
        differing = set(file.schema_arrow.names) ^ set(schema_names(kind)) or "their types"
        raise StageError(
            f"{path}: not a file of {kind.__name__} records, {differing} differ; rerun its stage"
        )
    return _rows(path, file, kind)


def _rows(path: Path, file: pq.ParquetFile, kind: type[Row]) -> Iterator[Row]:
    """Yields the records of an open file. Raises StageError where a page is damaged."""
    make_record: Callable[..., Row] = kind
    try:
        for batch in file.iter_batches(batch_size=ROW_GROUP):
            for columns in batch.to_pylist():
                yield make_record(**{name: _hashable(value) for name, value in columns.items()})
    except (pa.ArrowInvalid, OSError) as error:
        raise StageError(
            f"{path}: damaged: {_first_line(error)}; delete it and run its stage again"
        ) from error


def _hashable(value: Any) -> Any:
    """A list as the tuple that a frozen record holds; any other value as it is."""
    return tuple(value) if isinstance(value, list) else value


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0]
