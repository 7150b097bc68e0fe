"""Rows of files that users bring, each with the place that an error must name."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.imports import sources
from stages.core.program.errors import StageError

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


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of rows; the working folder is a repository beside it."""
    (tmp_path / "repository/data/imports").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/rows.json").write_bytes(GOOD["rows.json"])
    monkeypatch.chdir(tmp_path / "repository")
    return tmp_path / "outside"


@pytest.mark.parametrize("folder", [True, False], ids=["folder", "file"])
def test_link_out_of_the_repository_is_refused_in_one_line(outside: Path, folder: bool) -> None:
    if folder:
        sources.TRACES.symlink_to(outside)
    else:
        sources.TRACES.mkdir()
        (sources.TRACES / "rows.json").symlink_to(outside / "rows.json")
    path = sources.TRACES / "rows.json"
    with pytest.raises(StageError) as refused:
        list(sources.rows(path))
    assert str(refused.value).startswith(
        f"{path}: a link to {outside / 'rows.json'}, outside the repository; put the"
    )
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("named", ["traces/rows.json.dvc", "traces.dvc"])
def test_links_of_dvc_and_within_the_repository_are_followed(outside: Path, named: str) -> None:
    sources.TRACES.mkdir()
    path = sources.TRACES / "rows.json"
    path.symlink_to(outside / "rows.json")  # as a cache that machines share has it
    (sources.IMPORTS / named).touch()
    assert [row for _, row in sources.rows(path)] == ROWS
    kept = Path("kept.json")
    kept.write_bytes(GOOD["rows.json"])
    (sources.TRACES / "inside.json").symlink_to(kept.resolve())
    assert [row for _, row in sources.rows(sources.TRACES / "inside.json")] == ROWS


def test_imports_that_lie_elsewhere_as_a_whole_are_read(outside: Path) -> None:
    sources.IMPORTS.rmdir()
    sources.IMPORTS.symlink_to(outside)
    (outside / "traces").mkdir()
    (outside / "traces/rows.json").write_bytes(GOOD["rows.json"])
    assert [row for _, row in sources.rows(sources.TRACES / "rows.json")] == ROWS


def test_parquet_rows_come_with_their_place(tmp_path: Path) -> None:
    path, rows = (
        tmp_path / "rows.parquet",
        [{"id": number, "texts": ["a", "b"]} for number in range(3)],
    )
    pq.write_table(pa.Table.from_pylist(rows), path)
    assert list(sources.rows(path)) == [
        (f"{path}: row {number + 1}", row) for number, row in enumerate(rows)
    ]


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
        (
            "rows.jsonl",
            b'{"id": 1}\n[2]',
            "row 2: expected an object with named fields, found list",
        ),
        (
            "rows.jsonl",
            b'{"id": 1, "a": {"id": 1, "id": 2}}',
            "line 1: not JSON: an object has the name 'id' twice",
        ),
        (
            "rows.jsonl",
            b'{"id": 1}\n' + b"[" * 100_000,
            "line 2: not JSON that can be read: nested too deeply",
        ),
        ("rows.json", b'{"a":' * 100_000, "not JSON that can be read: nested too deeply"),
        (
            "rows.json",
            b'{"id": 1}\n{"id": 2}\n',
            "not JSON: Extra data: line 2 column 1 (char 10); a file with an object",
        ),
        (
            "rows.json",
            b'{"id": 1}\n',
            "expected a list of objects, found dict; a file with an object a line is .jsonl",
        ),
        ("rows.jsonl", b'{"id": ' + b"9" * 5000 + b"}", "line 1: not JSON: Exceeds the limit"),
        ("rows.parquet", b"", "not a Parquet file"),
        ("rows.parquet", b"PAR1 but not really PAR1", "not a Parquet file"),
    ],
)
def test_unreadable_file_is_named(
    tmp_path: Path, name: str, contents: bytes | None, complaint: str
) -> None:
    path = tmp_path / name
    if contents is not None:
        path.write_bytes(contents)
    with pytest.raises(StageError) as error:
        list(sources.rows(path))
    assert str(error.value).startswith(f"{path}: {complaint}")


def test_parquet_with_two_columns_of_one_name_is_refused(tmp_path: Path) -> None:
    one = pa.array([1, 2])
    pq.write_table(pa.table([one, one], names=["id", "id"]), tmp_path / "a.parquet")
    inner = pa.StructArray.from_arrays([one, one], names=["x", "x"])
    pq.write_table(
        pa.table({"id": pa.array([[row] for row in [0, 1]]), "in": inner}), tmp_path / "b.parquet"
    )
    for name, column in (("a", "id"), ("b", "x")):
        with pytest.raises(
            StageError, match=rf"{name}\.parquet: two columns are named '{column}'; rename one"
        ):
            list(sources.rows(tmp_path / f"{name}.parquet"))


def test_parquet_text_that_is_no_text_is_named_by_row(tmp_path: Path) -> None:
    bytes_ = pa.array([b"good"] * 5 + [b"caf\xe9"] + [b"good"], pa.binary())
    text = pa.StringArray.from_buffers(len(bytes_), *bytes_.buffers()[1:])
    pq.write_table(pa.table({"q": text}), tmp_path / "rows.parquet", row_group_size=4)
    with pytest.raises(
        StageError, match=r"rows\.parquet: row 6: a text is not UTF-8; mend the file"
    ):
        list(sources.rows(tmp_path / "rows.parquet"))


def test_parquet_with_a_changed_byte_never_ends_in_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table = pa.Table.from_pylist(
        [{"id": number, "q": f"{number} + 1?", "a": ["x"] * 3} for number in range(40)]
    )
    pq.write_table(table, path, write_page_checksum=True)
    whole, refused = path.read_bytes(), 0
    for place in range(0, len(whole), 23):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        try:
            list(sources.rows(path))
        except StageError as error:
            refused += str(error).startswith(f"{path}: ")
    assert refused > 20


@pytest.mark.parametrize("name", ["rows.parquet"])
def test_parquet_without_rows_is_empty(tmp_path: Path, name: str) -> None:
    pq.write_table(pa.table({"id": pa.array([], pa.int64())}), tmp_path / name)
    with pytest.raises(StageError, match="empty: it holds no rows"):
        list(sources.rows(tmp_path / name))


ROW = {
    "q": "2 + 2?",
    "a": None,
    "n": 3,
    "nan": float("nan"),
    "choices": {"text": ["x", "y"], "label": ["A", "B"]},
}


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"gold": "q"}, "2 + 2?"),
        ({"gold": "a"}, None),
        ({"gold": "nan"}, None),
        ({}, None),
        ({"gold": "choices.text"}, ["x", "y"]),
        ({"gold": "{q} {n}"}, "2 + 2? 3"),
    ],
)
def test_pick(fields: dict[str, str], value: Any) -> None:
    assert sources.pick(ROW, fields, "gold", "file: row 1") == value


@pytest.mark.parametrize("field", ["answer", "choices.texts", "q.text", ""])
def test_map_to_an_absent_field_is_answered_with_the_rows_fields(field: str) -> None:
    with pytest.raises(StageError) as error:
        sources.pick(ROW, {"gold": field}, "gold", "f.json: row 7")
    assert (
        str(error.value)
        == f"f.json: row 7: no field {field!r} for gold; it has: a, choices, n, nan, q; mend the field map"
    )


@pytest.mark.parametrize(
    ("field", "complaint"),
    [
        ("{a} {q}", "f.json: row 7: gold: field 'a' is null; mend the field map or the file"),
        ("{nan}", "f.json: row 7: gold: field 'nan' is null; mend the field map or the file"),
        (
            "{choices}",
            "f.json: row 7: gold: field 'choices': expected text, found dict of 2: {'label': ['A', 'B'], 'te",
        ),
        (
            "{choices.text}",
            "f.json: row 7: gold: field 'choices.text': expected text, found list of 2: ['x', 'y']; mend",
        ),
    ],
)
def test_template_takes_text_and_numbers_alone(field: str, complaint: str) -> None:
    with pytest.raises(StageError) as error:
        sources.pick(ROW, {"gold": field}, "gold", "f.json: row 7")
    assert str(error.value).startswith(complaint)


def test_names_in_messages_are_escaped_and_shortened() -> None:
    row = {"\x1b[2J\n" + "n" * 1000: 1} | {f"field{number}": 1 for number in range(1000)}
    with pytest.raises(StageError) as error:
        sources.pick(row, {"gold": "a"}, "gold", "f.json: row 7")
    assert len(str(error.value)) < 500
    assert str(error.value).isprintable()
