"""Checksums of a folder's files: a model whose bytes a disk changed must not be trained or asked.

DVC looks only at a file's time and size, and trusts the files in its cache. The checksums are in a
file of the folder, in the format of `sha256sum`.
"""

import hashlib
import os
import re
from pathlib import Path

from stages.core.program.errors import StageError

NAME = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")  # (sum, file name)


def names(folder: Path) -> list[str]:
    """The files below `folder` that have a checksum, in order."""
    file_names = []
    for path in folder.rglob("*"):
        file_name = path.relative_to(folder).as_posix()
        if path.is_file() and file_name != NAME:
            file_names.append(file_name)
    return sorted(file_names)


def computed(folder: Path, files: list[str]) -> dict[str, str]:
    """The SHA-256 in hex of each of these files of `folder`."""
    sums = {}
    for file_name in files:
        with (folder / file_name).open("rb") as file:
            sums[file_name] = hashlib.file_digest(file, "sha256").hexdigest()
    return sums


def write(folder: Path, sums: dict[str, str]) -> None:
    """Writes `sums` into `folder`, and returns once they outlive the machine."""
    with (folder / NAME).open("w", encoding="utf-8") as file:
        file.writelines(f"{sums[file_name]}  {file_name}\n" for file_name in sorted(sums))
        # Without it, a machine that stops could leave the model without its checksums
        file.flush()
        os.fsync(file.fileno())


def damaged(folder: Path) -> str | None:
    """The first file of `folder` that was changed, removed or added; None where all is well.

    The folder must have checksums.
    """
    lines = (folder / NAME).read_text(encoding="utf-8", errors="replace").splitlines()
    expected: dict[str, str] = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        if not match:
            return NAME
        expected[match[2]] = match[1]
    if not expected:
        return NAME
    present = names(folder)
    # Names first, because reading all bytes takes long
    added_or_removed = sorted(expected.keys() ^ set(present))
    if added_or_removed:
        return added_or_removed[0]
    for file_name in present:
        if computed(folder, [file_name])[file_name] != expected[file_name]:
            return file_name
    return None


def check(folder: Path) -> None:
    """Raises StageError where a file of `folder` is damaged.

    A folder without checksums is a user's own, and is not checked.
    """
    if not (folder / NAME).exists():
        return
    if damaged_name := damaged(folder):
        path = folder / damaged_name
        raise StageError(
            f"{path}: damaged: it is not as its stage wrote it; remove it from DVC's cache "
            f"(`find .dvc/cache -samefile {path} -delete`), delete it, then `dvc repro`"
        )
