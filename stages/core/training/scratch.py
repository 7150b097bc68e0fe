"""The scratch of training runs: their checkpoints, which a run removes when it has ended well.

A run that failed, or whose params were changed after it was killed, leaves its folder behind. A folder of a run that
goes on has a lock.

Run: python -m stages.core.scratch list | prune
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from stages.core import command
from stages.core.errors import StageError
from stages.core.files import remove

# Ignored by git; to be put elsewhere for workspaces that come and go, as those of DVC's queue
FOLDER = Path(os.environ.get("COMPRESS_DISTILL_SCRATCH", "data/scratch"))
LOCK = "lock"


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Makes `folder` this process's own. Raises StageError where another process trains the same cell."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StageError(
                f"{folder}: another process trains this cell; wait for its end, or kill it, then run the stage again"
            ) from error
        yield


@click.group(cls=command.Group, help=__doc__)
def main() -> None:
    """List or prune what runs left."""


@main.command("list")
def show() -> None:
    """Every folder, its size, and whether a run is at work in it."""
    for folder in _folders():
        idle = _unless_held(folder, lambda _: None)
        click.echo(f"{folder}: {_size(folder):.2f} GB{'' if idle else ', in use'}")


@main.command()
@click.argument("names", nargs=-1)
def prune(names: tuple[str, ...]) -> None:
    """Remove the folders NAMES, or all, but for those in use. Their runs then begin anew."""
    folders = {folder.name: folder for folder in _folders()}
    if unknown := sorted(set(names) - folders.keys()):
        raise StageError(f"{FOLDER / unknown[0]}: no such folder; `python -m stages.core.scratch list` shows them")
    for folder in (folders[name] for name in sorted(names or folders)):
        size = _size(folder)
        if _unless_held(folder, remove):
            click.echo(f"{folder}: removed, {size:.2f} GB")
        else:
            click.echo(f"{folder}: in use, kept")


def _folders() -> list[Path]:
    return sorted(path for path in FOLDER.glob("*") if path.is_dir())


def _size(folder: Path) -> float:
    """Bytes of its files, in GB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9


def _unless_held(folder: Path, action: Callable[[Path], None]) -> bool:
    """Does `action` to the folder while no run holds it. Returns whether it was done."""
    with contextlib.suppress(StageError), held(folder):
        action(folder)
        return True
    return False


if __name__ == "__main__":
    main()
