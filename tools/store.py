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
            f"{folder}: no such folder; "
            "a stage that asks a model makes it, or name another by --folder"
        )
    context.obj = folder


@main.command("list")
@click.pass_obj
def show(folder: Path) -> None:
    """Print how many answers and tokens are stored, by model and engine."""
    counts_by_model: dict[str, collections.Counter[str]] = {}
    with Store(folder) as store:
        for _, answer in store.answers():
            model = f"{answer.model} by {answer.engine}" if answer.engine else answer.model
            counts = counts_by_model.setdefault(model, collections.Counter())
            counts["answers"] += 1
            counts[answer.finish_reason] += 1
            counts["tokens"] += answer.completion_tokens or 0
    for model, counts in sorted(counts_by_model.items()):
        click.echo(
            f"{model}: {counts['answers']} answers, {counts['length']} of them cut, "
            f"{counts['tokens']} tokens"
        )


@main.command()
@click.pass_obj
def check(folder: Path) -> None:
    """Verify every checksum. Damaged lines are set aside, and then it exits with 1."""
    with Store(folder) as store:
        click.echo(f"{folder}: {len(store)} answers whole, {store.set_aside} lines set aside")
        if store.set_aside:
            sys.exit(1)


@main.command()
@click.option("--model", help="remove this model's answers too")
@click.pass_obj
def prune(folder: Path, model: str | None) -> None:
    """Merge all shards into one, without repeated answers and without what was set aside."""
    old_files = sorted(path for path in folder.iterdir() if path.suffix in (".shard", ".torn"))
    for path in old_files:
        _refuse_where_held(path)
    kept_answers: set[tuple[str, int | None]] = set()
    with replacing(folder / ".pruned") as merged, Store(folder) as store, Store(merged) as pruned:
        for key, answer in store.answers():
            # Answers that were cut at different limits are different answers to one request
            limit = answer.limit if answer.finish_reason == "length" else None
            identity = (key, limit)
            if answer.model != model and identity not in kept_answers:
                pruned.add(key, answer)
                kept_answers.add(identity)
        click.echo(f"{folder}: {len(pruned)} of {len(store)} answers kept")
    # The new shard comes first, so that a kill leaves repeated answers and loses none
    for path in (folder / ".pruned").iterdir():
        path.rename(folder / path.name)
    for path in old_files:
        path.unlink()
    (folder / ".pruned").rmdir()


def _refuse_where_held(path: Path) -> None:
    """Raises StageError for a shard that a stage is writing to."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StageError(
                f"{path}: a stage is writing to it; wait for its end, then prune"
            ) from None


if __name__ == "__main__":
    main()
