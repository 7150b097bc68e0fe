"""Checkpoints of a run that goes on: outside the stage's out, under a hash of all that the run
depends on.

A run that was killed goes on from its last whole checkpoint and ends as it would have: weights,
optimizer, schedule, data order and random states are TRL's; whole is one that has its checksums,
which are written last.
"""

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from stages.core.machine import hardware
from stages.core.program import files
from stages.core.records import Example
from stages.core.students import sums
from stages.core.training import launch
from stages.core.training.scratch import FOLDER
from stages.core.training.settings import Method, Training

_LIBRARIES = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "tokenizers",
    "bitsandbytes",
    "torchao",
)
_NO_EFFECT = ("checkpoint_minutes",)


def scratch(
    base: Path,
    examples: Sequence[Example],
    method: Method,
    training: Training,
    seed: int,
    cell: str,
) -> Path:
    """The folder of a run's checkpoints: `<cell>-<hash>` of all that its result depends on, this
    code too.
    """
    known = hashlib.sha256(files.digest(base).encode())
    settings = {
        name: value
        for name, value in dataclasses.asdict(training).items()
        if name not in _NO_EFFECT
    }
    versions = {name: _version(name) for name in _LIBRARIES}
    where = [
        hardware.device(),
        launch.world(),
        files.digest(Path(__file__).parent, "*.py"),
        launch.CONFIG.read_text(),
    ]
    known.update(
        json.dumps([dataclasses.asdict(method), settings, seed, versions, *where]).encode()
    )
    for row in examples:
        known.update(json.dumps(dataclasses.astuple(row)).encode())
    return FOLDER / f"{cell}-{known.hexdigest()[:16]}"


def _version(library: str) -> str | None:
    """None for one that is not installed."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def newest(folder: Path) -> Path | None:
    """The last checkpoint whose bytes are those that were written; newer ones are removed."""
    remove_unfinished(folder)
    for path in sorted(folder.glob("checkpoint-*"), key=_step, reverse=True):
        problem = sums.damaged(path)
        if problem is None:
            return path
        sys.stderr.write(
            f"warning: {path / problem}: damaged; training goes on from what is older\n"
        )
        files.remove(path)
    return None


def _step(path: Path) -> int:
    return int(path.name.partition("-")[2])


def remove_unfinished(folder: Path) -> None:
    """Removes the checkpoints that were not written to their end."""
    for path in folder.glob("checkpoint-*"):
        if not (path / sums.NAME).exists():
            files.remove(path)


@contextlib.contextmanager
def written_to(folder: Path) -> Iterator[None]:
    """Names `folder` where a checkpoint cannot be written, and leaves no half of one, which would
    fill the disk.
    """
    try:
        with files.naming(folder):
            yield
    except Exception:
        if launch.rank() == 0:
            remove_unfinished(folder)
        raise


class Checkpoints(TrainerCallback):
    """Asks for a checkpoint when `minutes` have passed since the last, and marks it once it is
    whole.

    Only with a log line, because the mean loss that the next line states begins anew with a resumed
    run.
    """

    def __init__(self, minutes: float) -> None:
        self.seconds, self.last = 60 * minutes, time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Asks for it."""
        if state.global_step % state.logging_steps == 0 and state.global_step < state.max_steps:
            control.should_save = launch.first(lambda: time.monotonic() - self.last >= self.seconds)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Marks it by its checksums, after all processes have written their parts; each reads a
        share of the files.
        """
        launch.wait()
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        names = launch.first(lambda: sums.names(folder))
        shares = launch.all_of(sums.made(folder, names[launch.rank() :: launch.world()]))
        if state.is_world_process_zero:
            sums.write(folder, {name: digest for share in shares for name, digest in share.items()})
        self.last = time.monotonic()
