"""Files that are whole or not there.

An out is written beside its target, and replaces the target when it is complete. The functions for
texts and JSON do this too.
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

# Errors of a write to an open file; Python then does not know the file's name
_WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a path beside `path` to write to, and moves it to `path` if all went well.

    What is written may be a file or a folder. The yielded path belongs to this process alone:
    `.<name>.<process>-<random>.partial`. After an error it is removed, and `path` is as it was.
    Errors name `path`.
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
        # The error that ended the block counts, not one of the removal
        with contextlib.suppress(OSError):
            remove(partial)


@contextlib.contextmanager
def naming(path: Path, written: Path | None = None) -> Iterator[None]:
    """Turns errors of writing into an OSError that names `path`.

    These are the errors of an open file, which name no file, and those that name a file in
    `written`. All other errors pass as they are.
    """
    try:
        yield
    except Exception as error:
        number, name = error_number(error), getattr(error, "filename", None)
        if number is None or isinstance(error, StageError):
            raise
        is_nameless = not isinstance(name, str) and number in _WRITE_ERRORS
        is_inside = (
            isinstance(name, str) and written is not None and Path(name).is_relative_to(written)
        )
        if is_nameless or is_inside:
            raise OSError(number, os.strerror(number), str(path)) from error
        raise


def _remove_abandoned(path: Path) -> None:
    """Removes the partial files of `path` that processes left which no longer run.

    Their names are like `.traces.parquet.4711-0123abcd.partial`. Earlier versions of this module
    named them `.traces.parquet.partial`.
    """
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*partial"):
        suffix = partial.name.removeprefix(f".{path.name}.")
        match = re.fullmatch(r"(?P<process>\d+)-[0-9a-f]{8}\.partial", suffix)
        is_abandoned = match is not None and not _is_running(int(match["process"]))
        if is_abandoned or partial.name == f".{path.name}.partial":
            remove(partial)


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)  # signal 0 is not sent, but the process is looked up
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def error_number(error: BaseException) -> int | None:
    """The operating system's number of `error`, None where the system did not raise it.

    safetensors, which is written in Rust, has the number in its text alone: `(os error 28)`. torch
    does not tell it. Mostly the disk is full then.
    """
    if isinstance(error, OSError):
        return error.errno
    if isinstance(error, RuntimeError) and "inline_container.cc" in str(error):
        cause = error.__context__
        cause_number = None if cause is None else error_number(cause)
        return cause_number or errno.ENOSPC
    match = re.search(r"\(os error (?P<number>\d+)\)", str(error))
    return int(match["number"]) if match else None


def remove(path: Path) -> None:
    """Removes a file or a folder. Does nothing where there is none."""
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
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def write_metrics(path: Path, value: Mapping[str, Any]) -> None:
    """Writes `value` as the one item of a JSON list.

    It is for the files that dvc.yaml calls metrics. DVC makes a column of `dvc exp show` from each
    number in such a file, except from numbers in lists. Were they plain uncached outs, the
    stage would have no run cache.
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
    """SHA-256, in hex, of the files below `folder` whose names match `pattern`.

    It covers their paths in the folder and their contents.
    """
    folder_hash = hashlib.sha256()
    for path in sorted(path for path in folder.rglob(pattern) if path.is_file()):
        with path.open("rb") as file:
            file_hash = hashlib.file_digest(file, "sha256").hexdigest()
        folder_hash.update(f"{path.relative_to(folder)} {file_hash}\n".encode())
    return folder_hash.hexdigest()


def fingerprint(folder: Path) -> str | None:
    """A hash that stands for the revision of a model in a local folder, 16 hexadecimal digits.

    It covers the names and sizes of the files, and the first and last MiB of each. This is enough,
    because weights that were trained further differ everywhere. None where `folder` holds no model,
    for then its name is the name that a server has for a model.
    """
    if not (folder / "config.json").is_file():
        return None
    folder_hash = hashlib.sha256()
    mebibyte = 1 << 20
    for path in sorted(file for file in folder.iterdir() if file.is_file()):
        size = path.stat().st_size
        folder_hash.update(f"{path.name}/{size}/".encode())
        with path.open("rb") as file:
            folder_hash.update(file.read(mebibyte))
            file.seek(max(0, size - mebibyte))
            folder_hash.update(file.read(mebibyte))
    return folder_hash.hexdigest()[:16]
