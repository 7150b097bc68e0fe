"""What a lent machine lacks travels in portions, and is whole there or refused."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gpu import pack, unpack
from tests.imports import ROOT

HERE = ".".join(map(str, sys.version_info[:2]))
SIZE = 40_000


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with two small files, one larger than a portion."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.whl").write_bytes(bytes(range(256)) * 400)
    (folder / "b.whl").write_bytes(b"second")
    return folder


@pytest.fixture
def portions(files: Path, tmp_path: Path) -> list[Path]:
    """The folders of its portions, in order."""
    count = pack.cut(files, tmp_path / "parts", SIZE, HERE)
    return [tmp_path / "parts" / str(number) for number in range(1, count + 1)]


def test_portions_are_small_and_join_to_what_was_packed(
    portions: list[Path], files: Path, tmp_path: Path
) -> None:
    assert len(portions) > 2
    assert all(len(list(portion.glob("piece-*"))) == 1 for portion in portions)
    assert (
        max(path.stat().st_size for portion in portions for path in portion.glob("piece-*")) <= SIZE
    )
    target = tmp_path / "there"
    last, *others = portions
    for taken, portion in enumerate([*others, others[0]]):  # any order, and one a second time
        missing = unpack.take(portion, target)
        assert "piece-01" in missing
        assert len(missing) == max(1, len(portions) - 1 - taken)
        shutil.rmtree(portion) if portion != others[
            0
        ] else None  # a call brings its own portion alone
    assert unpack.take(last, target) == []
    joined = unpack.join(target)
    assert {path.name: path.read_bytes() for path in joined.iterdir()} == {
        path.name: path.read_bytes() for path in files.iterdir()
    }


def test_damaged_piece_is_refused(portions: list[Path], tmp_path: Path) -> None:
    piece = portions[0] / "piece-01"
    piece.write_bytes(b"x" + piece.read_bytes()[1:])
    with pytest.raises(ValueError, match=r"piece-01: not the bytes that were packed; pack again"):
        unpack.take(portions[0], tmp_path / "there")


def test_piece_that_was_cut_off_on_its_way_is_missing_again(
    portions: list[Path], tmp_path: Path
) -> None:
    target = tmp_path / "there"
    unpack.take(portions[0], target)
    (target / "piece-01").write_bytes(b"half")
    assert "piece-01" in unpack.take(portions[1], target)


def test_other_packings_and_other_pythons_are_refused(
    portions: list[Path], files: Path, tmp_path: Path
) -> None:
    target = tmp_path / "there"
    unpack.take(portions[0], target)
    (files / "b.whl").write_bytes(b"other")
    pack.cut(files, tmp_path / "again", SIZE, HERE)
    with pytest.raises(ValueError, match="holds pieces of another packing"):
        unpack.take(tmp_path / "again/1", target)
    pack.cut(files, tmp_path / "older", SIZE, "3.7")
    with pytest.raises(
        ValueError, match=rf"packed for Python 3.7, this is {HERE}; pack with --python {HERE}"
    ):
        unpack.take(tmp_path / "older/1", tmp_path / "elsewhere")


def test_unpacking_needs_the_standard_library_alone(portions: list[Path], tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-S",
        "-m",
        "tests.gpu.unpack",
        str(portions[0]),
        "--to",
        str(tmp_path / "there"),
    ]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"1: taken; still missing: piece-02", done.stdout)


def test_everything_that_travels_is_pinned() -> None:
    assert all(
        re.fullmatch(r"[\w-]+==[\w.]+", pack._pin(name)) for name in (*pack.NEEDED, pack.WEIGHTS)
    )
    assert 30 * pack.MIB < pack.room() < pack.LIMIT
