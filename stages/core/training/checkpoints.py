"""Checkpoints of a run that goes on after it was killed.

They lie outside the stage's out, in a folder named by a hash of all that the run depends on. A run
that was killed goes on from its last complete checkpoint and ends as it would have. Weights,
optimizer, schedule, data order and random states are TRL's. A checkpoint is complete when it has
its checksums, which are written last.
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
from stages.core.training import launch, process_group
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
# Fields of Training that do not change the result of a run
_WITHOUT_EFFECT = ("checkpoint_minutes",)
_HASH_LETTERS = 16  # of 64, in the name of a folder


def scratch_folder(
    base: Path,
    examples: Sequence[Example],
    method: Method,
    training: Training,
    seed: int,
    cell_name: str,
) -> Path:
    """Returns the folder of a run's checkpoints, `<cell>-<hash>`.

    The hash is of all that the run's result depends on, this room's code too.
    """
    digest = hashlib.sha256(files.digest(base).encode())
    # A run with other minutes between checkpoints may go on from an earlier run's
    training_fields = dataclasses.asdict(training)
    for field in _WITHOUT_EFFECT:
        del training_fields[field]
    dependencies = [
        dataclasses.asdict(method),
        training_fields,
        seed,
        {library: _version(library) for library in _LIBRARIES},
        # the machine, and the code
        hardware.device(),
        process_group.world_size(),
        files.digest(Path(__file__).parent, "*.py"),
        launch.CONFIG.read_text(),
    ]
    digest.update(json.dumps(dependencies).encode())
    # one by one: the texts of all examples may be large
    for example in examples:
        digest.update(json.dumps(dataclasses.astuple(example)).encode())
    return FOLDER / f"{cell_name}-{digest.hexdigest()[:_HASH_LETTERS]}"


def _version(library: str) -> str | None:
    """Returns the version of a library, or None if it is not installed."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def newest(folder: Path) -> Path | None:
    """Returns the last checkpoint whose bytes are those that were written.

    Checkpoints after it are damaged or incomplete; they are removed. Returns None if none is left.
    """
    remove_unfinished(folder)
    # by number: checkpoint-90 is older than checkpoint-100
    for path in sorted(folder.glob("checkpoint-*"), key=_step, reverse=True):
        damaged_file = sums.damaged(path)
        if damaged_file is None:
            return path
        sys.stderr.write(
            f"warning: {path / damaged_file}: damaged; training goes on from what is older\n"
        )
        files.remove(path)
    return None


def _step(path: Path) -> int:
    """Returns 40 for `checkpoint-40`."""
    return int(path.name.partition("-")[2])


def remove_unfinished(folder: Path) -> None:
    """Removes the checkpoints that were not written to their end."""
    for path in folder.glob("checkpoint-*"):
        if not (path / sums.NAME).exists():
            files.remove(path)


@contextlib.contextmanager
def written_to(folder: Path) -> Iterator[None]:
    """Names `folder` in the error of a checkpoint that cannot be written.

    It leaves no half of a checkpoint, which would fill the disk.
    """
    try:
        with files.naming(folder):
            yield
    except Exception:
        if process_group.rank() == 0:
            remove_unfinished(folder)
        raise


class Checkpoints(TrainerCallback):
    """Asks for a checkpoint when `minutes` have passed since the last, and marks it when complete.

    It asks only at a step that has a log line. The mean loss of the next log line begins anew in a
    resumed run, so it would be another loss anywhere else.
    """

    def __init__(self, minutes: float) -> None:
        self.interval_seconds = 60 * minutes
        self.last_saved = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Asks for a checkpoint if it is time for one. The first process decides for all."""
        is_logged = state.global_step % state.logging_steps == 0
        if is_logged and state.global_step < state.max_steps:
            control.should_save = process_group.from_first(self._is_due)

    def _is_due(self) -> bool:
        return time.monotonic() - self.last_saved >= self.interval_seconds

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Marks a checkpoint with its checksums, after all processes have written their parts.

        Each process reads a share of the files.
        """
        process_group.wait_for_all()
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        names = process_group.from_first(lambda: sums.names(folder))
        names_of_this_process = names[process_group.rank() :: process_group.world_size()]
        sums_by_process = process_group.gather(sums.computed(folder, names_of_this_process))
        # Checksums come last: a checkpoint without them is incomplete
        if state.is_world_process_zero:
            all_sums: dict[str, str] = {}
            for partial_sums in sums_by_process:
                all_sums |= partial_sums
            sums.write(folder, all_sums)
        self.last_saved = time.monotonic()
