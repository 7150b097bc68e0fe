"""Files are whole or not there."""

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.core.program.errors import StageError
from stages.core.program.files import read_json, remove, replacing, write_json, write_text
from tests.imports import ROOT


def fill(target: Path, kind: str, text: str) -> None:
    """Writes `text` as a file, or as a folder with a file in it."""
    if kind == "folder":
        target.mkdir()
        target /= "inside"
    target.write_text(text)


def held(target: Path) -> str:
    """The text of such a file or folder."""
    return (target / "inside" if target.is_dir() else target).read_text()


@pytest.mark.parametrize(
    ("before", "kind"),
    [(None, "file"), ("file", "file"), (None, "folder"), ("folder", "folder"), ("file", "folder")],
)
def test_new_contents_replace_the_old(tmp_path: Path, before: str | None, kind: str) -> None:
    target = tmp_path / "deep" / "out"
    if before:
        target.parent.mkdir()
        fill(target, before, "old")
    with replacing(target) as partial:
        fill(partial, kind, "new")
        assert target.exists() == bool(before)
    assert held(target) == "new"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("error", [StageError, OSError, KeyboardInterrupt])
def test_error_leaves_the_old_and_nothing_beside_it(
    tmp_path: Path, kind: str, error: type[BaseException]
) -> None:
    target = tmp_path / "out"
    fill(target, kind, "old")

    def torn() -> None:
        with replacing(target) as partial:
            fill(partial, kind, "half of the n")
            raise error("torn")

    with pytest.raises(error):
        torn()
    assert held(target) == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_partial_of_a_killed_process_is_removed_and_that_of_a_living_one_is_not(
    tmp_path: Path, kind: str
) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    for name in (f".out.{dead.pid}-01234567.partial", ".out.partial"):
        fill(tmp_path / name, kind, "left by a killed run")
    others = {
        tmp_path / f".out.{os.getppid()}-01234567.partial",
        tmp_path / f".out.csv.{dead.pid}-01234567.partial",
    }
    for path in others:
        fill(path, kind, "another's")
    with replacing(tmp_path / "out") as partial:
        partial.write_text("new")
    assert held(tmp_path / "out") == "new"
    assert set(tmp_path.iterdir()) == {tmp_path / "out", *others}


def test_two_writers_at_once_each_publish_what_they_wrote(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with replacing(target) as slow:
        slow.write_text("half of ")
        with replacing(target) as fast:
            fast.write_text("whole")
        assert held(target) == "whole"
        slow.write_text("the slow one's")
    assert held(target) == "the slow one's"
    assert list(tmp_path.iterdir()) == [target]


def test_partials_are_none_of_dvcs_business(tmp_path: Path) -> None:
    with replacing(tmp_path / "out") as partial:
        partial.touch()
        assert any(partial.match(line) for line in (ROOT / ".dvcignore").read_text().split())


def test_errors_name_the_out(tmp_path: Path) -> None:
    target = tmp_path / "out"

    def torn(error: Callable[[Path], Exception]) -> None:
        with replacing(target) as partial:
            raise error(partial)

    with pytest.raises(StageError, match=rf"^{target}: bad$"):
        torn(lambda partial: StageError(f"{partial}: bad"))
    for number, name in ((errno.ENOSPC, None), (errno.EACCES, "inside/weights")):
        with pytest.raises(OSError, match=rf"'{target}'$"):
            torn(
                lambda partial, number=number, name=name: OSError(
                    number, "no", name and str(partial / name)
                )
            )  # type: ignore[misc]
    with pytest.raises(OSError, match=r"'elsewhere'$"):
        torn(lambda partial: OSError(errno.EACCES, "no", "elsewhere"))


def test_remove_takes_the_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    fill(tmp_path / "kept", "folder", "kept")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    remove(tmp_path / "link")
    assert list(tmp_path.iterdir()) == [tmp_path / "kept"]
    assert held(tmp_path / "kept") == "kept"
    remove(tmp_path / "never there")


@pytest.mark.parametrize("value", [{}, [1, 2.5, None, True], {"a": {"b": "ü √ 漢"}}, "text", 0])
def test_json_comes_back(tmp_path: Path, value: Any) -> None:
    write_json(tmp_path / "x.json", value)
    assert read_json(tmp_path / "x.json") == value


def test_json_does_not_depend_on_the_order_of_insertion(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"b": 1, "a": {"d": 2, "c": 3}})
    assert (
        tmp_path / "x.json"
    ).read_text() == '{\n  "a": {\n    "c": 3,\n    "d": 2\n  },\n  "b": 1\n}\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [-float("inf")]])
def test_what_json_cannot_hold_is_not_written(tmp_path: Path, value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("contents", "complaint"),
    [
        (None, "no such file; run `dvc repro`"),
        (b"", "not JSON"),
        (b'{"a": 1', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
    ],
)
def test_unreadable_json_is_named(tmp_path: Path, contents: bytes | None, complaint: str) -> None:
    path = tmp_path / "x.json"
    if contents is not None:
        path.write_bytes(contents)
    with pytest.raises(StageError, match=rf"x\.json: {complaint}"):
        read_json(path)


def test_text_is_written_as_utf8(tmp_path: Path) -> None:
    write_text(tmp_path / "x.txt", "größer → 漢\n")
    assert (tmp_path / "x.txt").read_bytes() == "größer → 漢\n".encode()
