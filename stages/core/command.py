"""What every stage's command shares: one-line errors, the repository's root, and progress bars."""

import errno
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import click

from stages.core.errors import StageError


def quiet() -> bool:
    """Whether progress bars are off: in CI, or where stderr is no terminal."""
    return bool(os.environ.get("CI")) or not sys.stderr.isatty()


if quiet():
    # Read by tqdm when it is imported, here and by every library that a stage uses
    os.environ.setdefault("TQDM_DISABLE", "1")

from tqdm import tqdm  # noqa: E402

Item = TypeVar("Item")
_MENDABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS)
_CELL = {
    "profile": "the profile that params.yaml is composed for",
    "teacher": "an entry of teachers in params.yaml",
    "compressor": "an entry of compressors in params.yaml",
    "student": "an entry of students in params.yaml",
    "target": "raw, answer_only, a compressor, or truncated_<compressor>",
    "method": "an entry of methods in params.yaml",
    "seed": "an entry of seeds in params.yaml",
}


def stage(*names: str, optional: tuple[str, ...] = ()) -> Callable[[Callable[..., None]], click.Command]:
    """Makes `main` a command whose options, `names` required, say which cell of the grid it runs."""

    def wrap(main: Callable[..., None]) -> click.Command:
        def run(**cell: str) -> None:
            _guarded(lambda: main(**cell))

        command: Callable[..., None] = run
        for name in reversed(names + optional):
            command = click.option(f"--{name}", required=name in names, help=_CELL[name])(command)
        return click.command(help=main.__doc__)(command)

    return wrap


def _guarded(body: Callable[[], None]) -> None:
    """Runs `body`; what its user can mend becomes one line on stderr and exit code 1."""
    try:
        body()
    except StageError as error:
        sys.exit(f"error: {' '.join(str(error).split())}")
    except Exception as error:
        number = _system_error(error)
        if number not in _MENDABLE:
            raise
        where = getattr(error, "filename", None) or Path.cwd()
        sys.exit(f"error: {where}: {os.strerror(number)}; make room or rights there, then run the stage again")


def _system_error(error: Exception) -> int | None:
    """The operating system's error number behind `error`; safetensors, written in Rust, has it in its text alone."""
    if isinstance(error, OSError):
        return error.errno
    found = re.search(r"\(os error (\d+)\)", str(error))
    return int(found[1]) if found else None


def progress(items: Iterable[Item], what: str, total: int | None = None, unit: str = "row") -> "tqdm[Item]":
    """`items` behind a progress bar on stderr."""
    return tqdm(items, desc=what, total=total, unit=unit, leave=False)
