"""Files that are whole or not there: text and JSON outs, and the folder or file that replaces its
target at the end.
"""

import contextlib
import errno
import glob
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.core.program.errors import StageError

# What a write to an open file fails with; Python then does not know the file's name
_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a path beside `path` to write to, a file or a folder, and moves it there if all went
    well.

    The path is this process's alone: `.<name>.<process>-<random>.partial`. On any error what was
    written is removed and `path` is as it was. Errors name `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    try:
        with naming(path, partial):
            yield partial
            if partial.is_dir():
                remove(path)
            partial.replace(path)
    except StageError as error:
        raise StageError(str(error).replace(str(partial), str(path))) from error
    finally:
        with contextlib.suppress(
            OSError
        ):  # what ended the block counts, not why nothing can be removed
            remove(partial)


@contextlib.contextmanager
def naming(path: Path, written: Path | None = None) -> Iterator[None]:
    """Makes errors of writing an OSError that names `path`: those of an open file, and those that
    name `written`.
    """
    try:
        yield
    except Exception as error:
        number, name = error_number(error), getattr(error, "filename", None)
        if number is None or isinstance(error, StageError):
            raise
        nameless = not isinstance(name, str) and number in _WRITING
        inside = (
            isinstance(name, str) and written is not None and Path(name).is_relative_to(written)
        )
        if nameless or inside:
            raise OSError(number, os.strerror(number), str(path)) from error
        raise


def _remove_abandoned(path: Path) -> None:
    """Removes what processes that are gone left of `path`; also what versions before this one left."""
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*partial"):
        process = re.fullmatch(
            r"(\d+)-[0-9a-f]{8}\.partial", partial.name.removeprefix(f".{path.name}.")
        )
        if (process and not _lives(int(process[1]))) or partial.name == f".{path.name}.partial":
            remove(partial)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def error_number(error: BaseException) -> int | None:
    """The operating system's number of `error`, None where it is not the system's.

    safetensors, written in Rust, has it in its text alone. torch keeps it to itself: mostly the
    disk is full.
    """
    if isinstance(error, OSError):
        return error.errno
    if isinstance(error, RuntimeError) and "inline_container.cc" in str(error):
        cause = error.__context__
        return error_number(cause) or errno.ENOSPC if cause is not None else errno.ENOSPC
    number = re.search(r"\(os error (\d+)\)", str(error))
    return int(number[1]) if number else None


def remove(path: Path) -> None:
    """Removes a file or a folder that may be there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes `text` to `path`, atomically."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as JSON with sorted keys, atomically. Raises ValueError for NaN and infinity."""
    write_text(
        path,
        json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n",
    )


def write_metrics(path: Path, value: Mapping[str, Any]) -> None:
    """Writes `value` as the one item of a JSON list.

    For files that dvc.yaml calls metrics, without which a stage has no run cache: DVC makes a
    column of `dvc exp show` of each number in such a file, but for those in lists.
    """
    write_json(path, [value])


def read_json(path: Path) -> Any:
    """The value of a JSON file. Raises StageError where it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StageError(f"{path}: no such file; run `dvc repro` first") from error
    except ValueError as error:
        raise StageError(f"{path}: not JSON: {error}; delete it and run its stage again") from error


def digest(folder: Path, pattern: str = "*") -> str:
    """SHA-256, in hex, of the names and contents of the files below `folder` whose names match
    `pattern`.
    """
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob(pattern) if path.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder)} {content}\n".encode())
    return whole.hexdigest()


def fingerprint(folder: Path) -> str | None:
    """Stands for the revision of a model in a local folder: hash of its files' names, sizes, first
    and last MiB.

    None where `folder` is none: a server's name for a model. Weights that were trained further
    differ everywhere.
    """
    if not (folder / "config.json").is_file():
        return None
    whole, ends = hashlib.sha256(), 1 << 20
    for path in sorted(file for file in folder.iterdir() if file.is_file()):
        size = path.stat().st_size
        whole.update(f"{path.name}/{size}/".encode())
        with path.open("rb") as file:
            whole.update(file.read(ends))
            file.seek(max(0, size - ends))
            whole.update(file.read(ends))
    return whole.hexdigest()[:16]
