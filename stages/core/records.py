"""The records that stages hand to each other, as Parquet files with a schema that is checked both
ways.

A record is a frozen dataclass; its annotations are the schema. Files are sorted by the record's key
(`question_id`, `sample` where there is one), free of duplicate keys, zstd-compressed, and written
in row groups through a temporary file that replaces the target at the end, so that no reader, and
no DVC cache, ever sees half a file. The bytes follow from the rows alone.
"""

import dataclasses
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.program.errors import StageError
from stages.core.program.files import replacing

GROUPS = (
    "in_distribution",
    "ood_reasoning",
    "ood_knowledge",
)  # of question sets: as trained on, or held out
# Of scores, what the report reads
SCORE_COLUMNS = (
    *(
        "question_id",
        "sample",
        "source",
        "group",
        "outcome",
        "correct",
        "vote",
        "think_tokens",
        "answer_tokens",
    ),
)
ROW_GROUP = 2048  # rows held in memory at a time: 20 MB of 10,000-character traces


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question of the study. `question_id` is a hash of source and text, `source_id` the id in
    its source.
    """

    KEY: ClassVar = ("question_id",)

    question_id: str
    source: str
    source_id: str
    group: str  # in_distribution | ood_reasoning | ood_knowledge
    split: str  # train | validation | test
    question: str
    choices: tuple[str, ...]
    gold: str
    grader: str
    difficulty: float | None  # as its source gives it, each in a scale of its own


@dataclass(frozen=True, kw_only=True)
class Response:
    """One attempt of a teacher, right or wrong. Token counts are the teacher's own, None where it
    has no tokens.
    """

    KEY: ClassVar = ("question_id", "sample")

    question_id: str
    sample: int
    request_key: str  # hash of everything that shaped the answer
    seed: int
    model: str
    reasoning: str
    answer: str
    # stop; length: cut at the limit; context: cut by the model's window; too_long, refused, failed:
    # never answered; else the server's own word
    finish_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A response whose answer is correct: with the final answer as it says it, and as the grader
    read it.
    """

    KEY: ClassVar = ("question_id", "sample")

    question_id: str
    sample: int
    source: str
    question: str
    gold: str
    reasoning: str
    answer: str
    stated: str  # the final answer in the answer's words; of a choice, the option's text
    parsed: str
    second: bool  # whether the second grader finds the answer right too
    request_key: str  # this and what follows: as in Response
    seed: int
    model: str
    finish_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A trace's reasoning as one target has it. `chars` and `raw_chars` count the reasoning alone.

    `tokens` and `raw_tokens` are in the student's tokens, None for a variant that serves all
    students.
    """

    KEY: ClassVar = ("question_id", "sample")

    question_id: str
    sample: int
    source: str
    reasoning: str
    answer: str
    raw_chars: int
    chars: int
    rho: float  # chars / raw_chars
    raw_tokens: int | None
    tokens: int | None
    finish_reason: str
    kept: bool
    drop_reason: str | None
    flags: tuple[
        str, ...
    ]  # what the audit found, in the order of audit.FLAGS; none for what was not compressed


@dataclass(frozen=True, kw_only=True)
class Example:
    """One fine-tuning example of one student: text and lengths in that student's tokens."""

    KEY: ClassVar = ("question_id", "sample")

    question_id: str
    sample: int
    prompt: str
    completion: str
    prompt_tokens: int
    completion_tokens: int
    raw_tokens: (
        int  # of the completion that the raw trace makes: all arms are batched by it, and so alike
    )


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a student wrote. Sample 0 is greedy, 1 to n are sampled. Token counts are the student's
    own, the EOS too.
    """

    KEY: ClassVar = ("question_id", "sample")

    question_id: str
    sample: int
    reasoning: str
    answer: str
    finish_reason: str  # stop | length | context
    think_tokens: int
    answer_tokens: int


@dataclass(frozen=True, kw_only=True)
class Score:
    """A graded prediction. `correct` is False for every outcome but a right answer."""

    KEY: ClassVar = ("question_id", "sample")

    question_id: str
    sample: int
    source: str
    group: str
    outcome: str  # answered | no_answer | hit_cap
    correct: bool
    # which of its question's answers agree: 0 gave none, 1 are right, others by their `parsed`
    vote: int
    parsed: str
    second: bool  # whether the second grader finds the answer right, `correct` or not
    think_tokens: int
    answer_tokens: int


Record = TypeVar("Record", Question, Response, Trace, Variant, Example, Prediction, Score)

_ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def schema(kind: type[Any]) -> pa.Schema:
    """The Arrow schema that a record's annotations spell: `X | None` is nullable, `tuple[str, ...]`
    a list.
    """
    fields = []
    for name, hint in typing.get_type_hints(kind).items():
        if name == "KEY":
            continue
        options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        base = next(option for option in options if option is not type(None))
        arrow = _ARROW.get(base) or pa.list_(pa.field("element", pa.string(), nullable=False))
        fields.append(pa.field(name, arrow, nullable=type(None) in options))
    return pa.schema(fields)


def _batches(path: Path, rows: Iterable[Record], kind: type[Record]) -> Iterator[pa.Table]:
    """Rows as tables of at most ROW_GROUP rows; raises where order, uniqueness or a type is wrong."""
    last: tuple[Any, ...] | None = None
    held: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        key = tuple(getattr(row, name) for name in kind.KEY)
        if last is not None and key <= last:
            problem = "is there twice" if key == last else "is out of order"
            raise StageError(f"{path}: row {number} with {'/'.join(kind.KEY)} {key} {problem}")
        last = key
        held.append({name: getattr(row, name) for name in schema_names(kind)})
        if len(held) == ROW_GROUP:
            yield _table(path, held, kind)
            held = []
    if held or last is None:
        yield _table(path, held, kind)


def schema_names(kind: type[Any]) -> tuple[str, ...]:
    """The record's field names in order."""
    return tuple(field.name for field in dataclasses.fields(kind))


def _table(path: Path, rows: list[dict[str, Any]], kind: type[Any]) -> pa.Table:
    try:
        table = pa.Table.from_pylist(rows, schema=schema(kind))
        table.validate(full=True)
        for field in table.schema:
            _check_column(field, table[field.name].combine_chunks(), rows)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError, OverflowError) as error:
        raise StageError(f"{path}: a {kind.__name__} does not fit its schema: {error}") from error
    return table


def _check_column(field: pa.Field, column: pa.Array, rows: list[dict[str, Any]]) -> None:
    """Raises ArrowInvalid for what Arrow lets pass: a missing value, and a fraction where whole
    numbers belong.
    """
    inner = column.flatten().null_count if pa.types.is_list(field.type) else 0
    if inner or (column.null_count and not field.nullable):
        raise pa.ArrowInvalid(f"field {field.name} has no value")
    for row in rows if pa.types.is_integer(field.type) else ():
        if isinstance(row[field.name], float) and not row[field.name].is_integer():
            raise pa.ArrowInvalid(f"field {field.name}: {row[field.name]} is no whole number")


def write(path: Path, rows: Iterable[Record], kind: type[Record]) -> int:
    """Write `rows`, sorted by `kind.KEY`, to `path` and return their number.

    Raises StageError for rows out of order, twice the same key, or a value that does not fit.
    """
    count = 0
    kept = {"compression": "zstd", "write_page_checksum": True}
    with replacing(path) as partial, pq.ParquetWriter(partial, schema(kind), **kept) as writer:
        for table in _batches(path, rows, kind):
            writer.write_table(table)
            count += table.num_rows
    return count


def read(path: Path, kind: type[Record]) -> Iterator[Record]:
    """The rows of `path` in order, one row group in memory at a time.

    Raises StageError for a missing, empty, foreign or damaged file.
    """
    try:
        # DVC hashes a file anew only where its time or size says so: a byte that a disk or a remote
        # changed shows here
        file = pq.ParquetFile(path, page_checksum_verification=True)
    except FileNotFoundError as error:
        raise StageError(f"{path}: no such file; run `dvc repro` or `dvc pull {path}`") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise StageError(f"{path}: not a Parquet file: {_first_line(error)}") from error
    if not file.schema_arrow.equals(schema(kind)):
        found = set(file.schema_arrow.names) ^ set(schema_names(kind)) or "their types"
        raise StageError(
            f"{path}: not a file of {kind.__name__} records, {found} differ; rerun its stage"
        )
    return _rows(path, file, kind)


def _rows(path: Path, file: pq.ParquetFile, kind: type[Record]) -> Iterator[Record]:
    try:
        for batch in file.iter_batches(batch_size=ROW_GROUP):
            for row in batch.to_pylist():
                values: dict[str, Any] = {
                    name: tuple(v) if isinstance(v, list) else v for name, v in row.items()
                }
                yield kind(**values)
    except (pa.ArrowInvalid, OSError) as error:
        raise StageError(
            f"{path}: damaged: {_first_line(error)}; delete it and run its stage again"
        ) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0]
