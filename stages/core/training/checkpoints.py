"""Checkpoints of a run that goes on: outside the stage's out, under a hash of all that the run depends on.

A run that was killed goes on from its last whole checkpoint and ends as it would have: weights, optimizer, schedule,
data order and random states are TRL's; whole is one that was marked after all of it had been written.
"""

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from stages.core import files, machine
from stages.core.records import Example
from stages.core.training import launch
from stages.core.training.settings import Method, Training

# Ignored by git; to be put elsewhere for workspaces that come and go, as those of DVC's queue
FOLDER = Path(os.environ.get("COMPRESS_DISTILL_SCRATCH", "data/scratch"))
WHOLE = "whole"
_LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers", "bitsandbytes", "torchao")
_NO_EFFECT = ("checkpoint_minutes",)


def scratch(base: Path, examples: Sequence[Example], method: Method, training: Training, seed: int, cell: str) -> Path:
    """The folder of a run's checkpoints: `<cell>-<hash>` of all that its result depends on, this code too."""
    known = hashlib.sha256(files.digest(base).encode())
    settings = {name: value for name, value in dataclasses.asdict(training).items() if name not in _NO_EFFECT}
    versions = {name: _version(name) for name in _LIBRARIES}
    where = [machine.device(), launch.world(), files.digest(Path(__file__).parent, "*.py"), launch.CONFIG.read_text()]
    known.update(json.dumps([dataclasses.asdict(method), settings, seed, versions, *where]).encode())
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
    """The last whole checkpoint; those that a kill left half written are removed."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.partition("-")[2]))
    for path in found:
        if not (path / WHOLE).exists():
            shutil.rmtree(path)
    return next((path for path in reversed(found) if (path / WHOLE).exists()), None)


class Checkpoints(TrainerCallback):
    """Asks for a checkpoint when `minutes` have passed since the last, and marks it once it is whole.

    Only with a log line, because the mean loss that the next line states begins anew with a resumed run.
    """

    def __init__(self, minutes: float) -> None:
        self.seconds, self.last = 60 * minutes, time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Asks for it."""
        if state.global_step % state.logging_steps == 0 and state.global_step < state.max_steps:
            control.should_save = launch.first(lambda: time.monotonic() - self.last >= self.seconds)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Marks it, after all processes have written their parts."""
        launch.wait()
        if state.is_world_process_zero:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / WHOLE).touch()
        self.last = time.monotonic()
