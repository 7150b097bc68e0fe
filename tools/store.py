"""List, check or prune the store of answers (stages/core/asking/store.py).

Run: python -m tools.store list | check | prune
"""

import collections
import fcntl
import sys
from pathlib import Path

import click

from stages.core.asking.store import FOLDER, Store
from stages.core.program import command
from stages.core.program.errors import StageError
from stages.core.program.files import replacing


@click.group(cls=command.Group, help=__doc__)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=FOLDER,
    help="the store's folder",
    show_default=True,
)
@click.pass_context
def main(context: click.Context, folder: Path) -> None:
    """List, check or prune the store of answers."""
    if not folder.is_dir():
        raise StageError(
            f"{folder}: no such folder; a stage that asks a model makes it, or name another by --folder"
        )
    context.obj = folder


@main.command("list")
@click.pass_obj
def show(folder: Path) -> None:
    """What is stored, by model."""
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    with Store(folder) as store:
        for _, answer in store.answers():
            own = {"answers": 1, answer.finish_reason: 1, "tokens": answer.completion_tokens or 0}
            counts[f"{answer.model} by {answer.engine}" if answer.engine else answer.model].update(
                own
            )
    for model, own in sorted(counts.items()):
        click.echo(
            f"{model}: {own['answers']} answers, {own['length']} of them cut, {own['tokens']} tokens"
        )


@main.command()
@click.pass_obj
def check(folder: Path) -> None:
    """Verify every checksum; damaged lines are set aside, and it exits with 1 where there were any."""
    with Store(folder) as store:
        click.echo(f"{folder}: {len(store)} answers whole, {store.set_aside} lines set aside")
        if store.set_aside:
            sys.exit(1)


@main.command()
@click.option("--model", help="remove this model's answers too")
@click.pass_obj
def prune(folder: Path, model: str | None) -> None:
    """Merge all shards into one, without repeated answers and without what was set aside."""
    old = sorted([*folder.glob("*.shard"), *folder.glob("*.torn")])
    for path in old:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StageError(
                    f"{path}: a stage is writing to it; wait for its end, then prune"
                ) from None
    seen: set[tuple[str, int | None]] = set()
    with replacing(folder / ".pruned") as merged, Store(folder) as store, Store(merged) as kept:
        for name, answer in store.answers():
            kind = name, answer.limit if answer.finish_reason == "length" else None
            if answer.model != model and kind not in seen:
                kept.add(name, answer)
                seen.add(kind)
        click.echo(f"{folder}: {len(kept)} of {len(store)} answers kept")
    for path in (folder / ".pruned").iterdir():
        path.rename(folder / path.name)
    for path in old:
        path.unlink()
    (folder / ".pruned").rmdir()


if __name__ == "__main__":
    main()
