"""Files that are whole or not there: text and JSON outs, and the folder or file that replaces its target at the end."""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.core.errors import StageError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a path beside `path` to write to, a file or a folder, and moves it there if all went well.

    On any error what was written is removed and `path` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    remove(partial)
    try:
        yield partial
        if partial.is_dir():
            remove(path)
        partial.replace(path)
    except BaseException:
        remove(partial)
        raise


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
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def write_metrics(path: Path, value: Mapping[str, Any]) -> None:
    """Writes `value` as the one item of a JSON list.

    For files that dvc.yaml calls metrics, without which a stage has no run cache: DVC makes a column of `dvc exp show`
    of each number in such a file, but for those in lists.
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
    """SHA-256, in hex, of the names and contents of the files below `folder` whose names match `pattern`."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob(pattern) if path.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder)} {content}\n".encode())
    return whole.hexdigest()
