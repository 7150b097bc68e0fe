"""List or prune the folders that training runs left (stages/core/training/scratch.py).

Run: python -m tools.scratch list | prune
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

import click

from stages.core.program import command
from stages.core.program.errors import StageError
from stages.core.program.files import remove
from stages.core.training.scratch import FOLDER, held


@click.group(cls=command.Group, help=__doc__)
def main() -> None:
    """List or prune the folders that training runs left."""


@main.command("list")
def show() -> None:
    """Print every folder, its size, and whether a run is at work in it."""
    for folder in _folders():
        # Nothing is done to it: whether that could be done tells if a run holds it
        idle = _unless_held(folder, lambda _: None)
        click.echo(f"{folder}: {_size(folder):.2f} GB{'' if idle else ', in use'}")


@main.command()
@click.argument("names", nargs=-1)
def prune(names: tuple[str, ...]) -> None:
    """Remove the folders NAMES, or all of them, except those in use. Their runs then begin anew."""
    folders = {folder.name: folder for folder in _folders()}
    unknown = sorted(set(names) - folders.keys())
    if unknown:
        raise StageError(
            f"{FOLDER / unknown[0]}: no such folder; `python -m tools.scratch list` shows them"
        )
    for folder_name in sorted(names or folders):
        folder = folders[folder_name]
        size = _size(folder)
        if _unless_held(folder, remove):
            click.echo(f"{folder}: removed, {size:.2f} GB")
        else:
            click.echo(f"{folder}: in use, kept")


def _folders() -> list[Path]:
    """The folders of all runs, in the order of their names."""
    return sorted(path for path in FOLDER.glob("*") if path.is_dir())


def _size(folder: Path) -> float:
    """What its files take, in GB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9


def _unless_held(folder: Path, action: Callable[[Path], None]) -> bool:
    """Does `action` to the folder unless a run holds it. Returns whether it was done."""
    with contextlib.suppress(StageError), held(folder):
        action(folder)
        return True
    return False


if __name__ == "__main__":
    main()
