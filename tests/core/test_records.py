"""Records survive the file, and nothing but sorted, complete, well-typed rows gets into one."""

import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core import records
from stages.core.program.errors import StageError
from stages.core.records import Example, Prediction, Question, Response, Score, Trace, Variant
from tests.made import question, response, trace, variant

KINDS = (Question, Response, Trace, Variant, Example, Prediction, Score)
TEXT, WHOLE = st.text(max_size=12), st.integers(-(2**63), 2**63 - 1)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: WHOLE,
    float: st.floats(allow_nan=False),
    float | None: st.none() | st.floats(allow_nan=False),
    bool: st.booleans(),
    int | None: st.none() | WHOLE,
    str | None: st.none() | TEXT,
    tuple[str, ...]: st.lists(TEXT, max_size=3).map(tuple),
}


def key(row: Any) -> tuple[Any, ...]:
    """What rows are sorted by."""
    return tuple(getattr(row, name) for name in row.KEY)


def rows_of(kind: Any) -> st.SearchStrategy[list[Any]]:
    """Any rows of a kind that may be written, none among them."""
    hints = typing.get_type_hints(kind)
    values = {name: VALUES[hints[name]] for name in records.schema_names(kind)}
    return st.lists(st.builds(kind, **values), unique_by=key, max_size=5).map(
        lambda rows: sorted(rows, key=key)
    )


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_rows_come_back_as_they_went_in(
    kind: Any, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path, rows = tmp_path_factory.getbasetemp() / "rows.parquet", data.draw(rows_of(kind))
    assert records.write(path, rows, kind) == len(rows)
    assert list(records.read(path, kind)) == rows


def test_row_groups_bound_what_is_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "ROW_GROUP", 3)
    path, rows = tmp_path / "rows.parquet", [trace(number) for number in range(8)]
    records.write(path, iter(rows), Trace)
    assert pq.ParquetFile(path).metadata.num_row_groups == 3
    assert list(records.read(path, Trace)) == rows


def test_key_is_unique_across_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "ROW_GROUP", 1)
    with pytest.raises(
        StageError, match=r"row 1 with question_id/sample \('q1', 0\) is there twice"
    ):
        records.write(tmp_path / "rows.parquet", [trace(1), trace(1)], Trace)


def test_bytes_follow_from_the_rows(tmp_path: Path) -> None:
    rows = [trace(number) for number in range(5)]
    for name in ("one", "two"):
        records.write(tmp_path / name, rows, Trace)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize(
    ("rows", "kind", "complaint"),
    [
        ([trace(2), trace(1)], Trace, "row 1 .*q1.* is out of order"),
        ([trace(1, sample=1), trace(1, sample=0)], Trace, "is out of order"),
        ([trace(1), trace(1)], Trace, "is there twice"),
        ([response(sample="first")], Response, "a Response does not fit its schema"),
        ([response(seed=1.5)], Response, "does not fit"),
        ([response(seed=2**63)], Response, "does not fit"),
        ([response(reasoning=3)], Response, "does not fit"),
        ([response(reasoning=b"\xff\xfe")], Response, "does not fit"),
        ([response(reasoning=None)], Response, "reasoning has no value"),
        ([variant(kept="yes")], Variant, "does not fit"),
        ([question(choices=("a", None))], Question, "does not fit"),
        ([response(reasoning="half a pair \ud800")], Response, "does not fit"),
    ],
)
def test_wrong_rows_are_refused_and_leave_no_file(
    tmp_path: Path, rows: list[Any], kind: Any, complaint: str
) -> None:
    with pytest.raises(StageError, match=complaint):
        records.write(tmp_path / "rows.parquet", rows, kind)
    assert not list(tmp_path.iterdir())


def test_refused_rows_leave_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    records.write(path, [trace(1)], Trace)
    with pytest.raises(StageError):
        records.write(path, [trace(2), trace(1)], Trace)
    assert list(records.read(path, Trace)) == [trace(1)]
    assert list(tmp_path.iterdir()) == [path]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "binary": lambda whole: bytes(range(256)) * 4,
    "truncated": lambda whole: whole[: len(whole) // 2],
    "without its end": lambda whole: whole[:-1],
    "without its start": lambda whole: whole[8:],
    "page overwritten": lambda whole: whole[:60] + b"\xff" * 200 + whole[260:],
}


def test_any_changed_byte_of_a_page_is_noticed(tmp_path: Path) -> None:
    """Also where it would decompress to other text: pages have checksums."""
    path = tmp_path / "rows.parquet"
    records.write(
        path, [trace(number, reasoning="step by step " * number) for number in range(9)], Trace
    )
    whole = path.read_bytes()
    meta = pq.read_metadata(path).row_group(0)
    columns = [meta.column(number) for number in range(meta.num_columns)]
    (text,) = (one for one in columns if one.path_in_schema == "reasoning")
    end = (text.dictionary_page_offset or text.data_page_offset) + text.total_compressed_size
    for place in range(end - 8, end):  # of the last page's data
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(StageError, match=r"rows\.parquet: damaged"):
            list(records.read(path, Trace))


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "rows.parquet"
    records.write(
        path, [trace(number, reasoning="step by step " * number) for number in range(9)], Trace
    )
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(StageError, match=r"rows\.parquet: (not a Parquet file|damaged)"):
        list(records.read(path, Trace))


def test_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"none\.parquet: no such file; run `dvc repro`"):
        records.read(tmp_path / "none.parquet", Trace)


@pytest.mark.parametrize(
    ("kind", "complaint"), [(Response, "not a file of Response records"), (Example, "completion")]
)
def test_file_of_another_kind_is_refused(tmp_path: Path, kind: Any, complaint: str) -> None:
    records.write(tmp_path / "rows.parquet", [trace()], Trace)
    with pytest.raises(StageError, match=complaint):
        records.read(tmp_path / "rows.parquet", kind)
