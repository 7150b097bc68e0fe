"""Rows of files that users bring, each with the place that an error must name."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core import sources
from stages.core.errors import StageError

ROWS = [{"id": 1, "text": "ü\u2028 = √2"}, {"id": 2, "text": None, "more": ["a"]}]
GOOD = {
    "rows.jsonl": '{"id": 1, "text": "ü\u2028 = √2"}\n\n{"id": 2, "text": null, "more": ["a"]}\n'.encode(),
    "marked.jsonl": '\ufeff{"id": 1, "text": "ü\\u2028 = √2"}\r\n{"id": 2, "text": null, "more": ["a"]}'.encode(),
    "rows.json": '[{"id": 1, "text": "ü\u2028 = √2"},\n {"id": 2, "text": null, "more": ["a"]}]'.encode(),
}


@pytest.mark.parametrize("name", GOOD)
def test_rows_come_with_their_place(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(GOOD[name])
    assert list(sources.rows(path)) == [(f"{path}: row 1", ROWS[0]), (f"{path}: row 2", ROWS[1])]


def test_parquet_rows_come_with_their_place(tmp_path: Path) -> None:
    path, rows = tmp_path / "rows.parquet", [{"id": number, "texts": ["a", "b"]} for number in range(3)]
    pq.write_table(pa.Table.from_pylist(rows), path)
    assert list(sources.rows(path)) == [(f"{path}: row {number + 1}", row) for number, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("name", "contents", "complaint"),
    [
        ("none.jsonl", None, "no such file; put it there, or mend its name in conf/profile/"),
        ("rows.csv", b"id,text\n", "unknown kind of file; expected .jsonl, .json, .parquet"),
        ("rows", b"{}", "unknown kind of file"),
        ("rows.jsonl", b"", "empty: it holds no rows"),
        ("rows.jsonl", b"\n \n", "empty: it holds no rows"),
        ("rows.json", b"", "empty: it holds no rows"),
        ("rows.json", b"[]", "empty: it holds no rows"),
        ("rows.jsonl", b"\x89PNG\r\n\x1a\n", "binary: byte 0 is not UTF-8 text"),
        ("rows.jsonl", b"abc\x00def", "binary: character 3 is NUL"),
        ("rows.json", b"\xff\xfe[\x00]\x00", "binary"),
        ("rows.jsonl", b'{"id": 1}\n{"id": 2', "line 2: not JSON"),
        ("rows.json", b'[{"id": 1}', "not JSON"),
        ("rows.json", b'{"id": 1}', "expected a list of objects, found dict"),
        ("rows.json", b"[1, 2]", "row 1: expected an object with named fields, found int"),
        ("rows.jsonl", b'{"id": 1}\n[2]', "row 2: expected an object with named fields, found list"),
        ("rows.parquet", b"", "not a Parquet file"),
        ("rows.parquet", b"PAR1 but not really PAR1", "not a Parquet file"),
    ],
)
def test_unreadable_file_is_named(tmp_path: Path, name: str, contents: bytes | None, complaint: str) -> None:
    path = tmp_path / name
    if contents is not None:
        path.write_bytes(contents)
    with pytest.raises(StageError) as error:
        list(sources.rows(path))
    assert str(error.value).startswith(f"{path}: {complaint}")


@pytest.mark.parametrize("name", ["rows.parquet"])
def test_parquet_without_rows_is_empty(tmp_path: Path, name: str) -> None:
    pq.write_table(pa.table({"id": pa.array([], pa.int64())}), tmp_path / name)
    with pytest.raises(StageError, match="empty: it holds no rows"):
        list(sources.rows(tmp_path / name))


ROW = {"q": "2 + 2?", "a": None, "choices": {"text": ["x", "y"], "label": ["A", "B"]}}


@pytest.mark.parametrize(
    ("fields", "value"),
    [({"gold": "q"}, "2 + 2?"), ({"gold": "a"}, None), ({}, None), ({"gold": "choices.text"}, ["x", "y"])],
)
def test_pick(fields: dict[str, str], value: Any) -> None:
    assert sources.pick(ROW, fields, "gold", "file: row 1") == value


@pytest.mark.parametrize("field", ["answer", "choices.texts", "q.text", ""])
def test_map_to_an_absent_field_is_answered_with_the_rows_fields(field: str) -> None:
    with pytest.raises(StageError) as error:
        sources.pick(ROW, {"gold": field}, "gold", "f.json: row 7")
    assert str(error.value) == f"f.json: row 7: no field {field!r} for gold; it has: a, choices, q; mend the field map"
