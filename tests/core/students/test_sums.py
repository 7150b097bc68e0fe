"""A folder's checksums are those of sha256sum, and a change of any file is seen."""

import os
import subprocess
from pathlib import Path

import pytest

from stages.core.program.errors import StageError
from stages.core.students import sums


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with its sums."""
    for name, data in (
        ("model.safetensors", b"w" * 999),
        ("adapter/config.json", b"{}"),
        ("empty", b""),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    sums.write(tmp_path, sums.computed(tmp_path, sums.names(tmp_path)))
    return tmp_path


def test_sums_are_those_of_sha256sum(folder: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", sums.NAME], cwd=folder, capture_output=True, text=True
    )
    assert done.stdout == "adapter/config.json: OK\nempty: OK\nmodel.safetensors: OK\n"
    assert sums.damaged(folder) is None
    sums.check(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "adapter/config.json", "empty"])
def test_damaged_file_is_named_with_the_remedy(folder: Path, name: str) -> None:
    with (folder / name).open("ab") as file:
        file.write(b"x")
    with pytest.raises(
        StageError, match=rf"^{folder / name}: damaged: .*-samefile {folder / name} -delete"
    ):
        sums.check(folder)
    (folder / name).unlink()
    assert sums.damaged(folder) == name


def test_folder_without_sums_is_a_users_own_and_one_with_empty_sums_is_not(folder: Path) -> None:
    os.truncate(folder / sums.NAME, 0)
    with pytest.raises(StageError, match=rf"^{folder / sums.NAME}: damaged"):
        sums.check(folder)
    (folder / sums.NAME).unlink()
    sums.check(folder)
