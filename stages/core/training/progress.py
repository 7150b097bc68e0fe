"""What can be seen of a run while it goes on, and what is kept of it.

Kept are a curve and the seconds inside optimizer steps.
"""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dvclive import Live  # type: ignore[attr-defined]
from transformers import TrainerCallback

from stages.core.machine import hardware
from stages.core.program.errors import StageError
from stages.core.program.files import remove
from stages.core.records import Example
from stages.core.training.settings import Method

POINTS = 100  # of a curve, at most


class Progress(TrainerCallback):
    """Adds tokens and seconds to every log line, and shows it with dvclive.

    `tokens_by_step` are the tokens of all examples up to each step. Seconds are those inside
    optimizer steps, without start-up, logging and checkpoints. A resumed run goes on counting where
    its checkpoint stopped.
    """

    def __init__(self, tokens_by_step: Sequence[int], folder: Path) -> None:
        self.tokens_by_step = tokens_by_step
        self.folder = folder
        self.seconds = 0.0
        # Of step 1, with all that is compiled in it; None in a resumed run
        self.first_step_seconds: float | None = None
        self.step_began = 0.0
        self.live: Live | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begins the live curve, with what a checkpoint has of it."""
        if not state.is_world_process_zero:
            return
        # What a killed run showed after its last checkpoint is shown anew
        remove(self.folder)
        self.live = Live(
            str(self.folder), dvcyaml=None, save_dvc_exp=False, report=None, monitor_system=False
        )
        for row in curve(state.log_history):
            self.seconds = row["seconds"]
            self._show(row)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Starts the clock."""
        self.step_began = hardware.clock()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stops the clock. The last step is logged too, so that no loss goes unseen."""
        step_seconds = hardware.clock() - self.step_began
        self.seconds += step_seconds
        if state.global_step == 1:
            self.first_step_seconds = step_seconds
        control.should_log |= state.global_step == state.max_steps

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Completes the line that the trainer has just logged.

        The trainer's last line is a summary without a loss. Raises StageError for a loss that is no
        number.
        """
        row = state.log_history[-1]
        if "loss" not in row:
            return
        # A run that has diverged teaches nothing more
        if not math.isfinite(row["loss"]):
            raise StageError(
                f"step {state.global_step}: the loss is {row['loss']}; "
                "give all arms a lower learning rate"
            )
        # In place: checkpoints hold this row, so a resumed run has the tokens and seconds of it too
        row |= {"tokens": self.tokens_by_step[state.global_step - 1], "seconds": self.seconds}
        self._show(row)

    def _show(self, row: dict[str, Any]) -> None:
        """Adds a point to the live curve, which the first of several processes alone has."""
        if self.live is None:
            return
        self.live.step = row["step"]
        for name, value in live_metrics(row).items():
            self.live.log_metric(name, value)
        self.live.make_summary()


def tokens_by_step(ordered_examples: Sequence[Example], method: Method) -> list[int]:
    """Returns the tokens of all examples up to each step; the last step may be smaller."""
    sizes = (example.prompt_tokens + example.completion_tokens for example in ordered_examples)
    tokens_so_far = list(itertools.accumulate(sizes))
    step_size = method.batch_size * method.accumulation
    last_tokens = tokens_so_far[step_size - 1 :: step_size]
    if len(tokens_so_far) % step_size:
        last_tokens.append(tokens_so_far[-1])
    return last_tokens


def live_metrics(row: dict[str, Any]) -> dict[str, float]:
    """Returns what the live curve shows of a log line."""
    tokens_per_second = row["tokens"] / row["seconds"] if row["seconds"] else 0.0
    return {
        "loss": row["loss"],
        "learning_rate": row["learning_rate"],
        "tokens": row["tokens"],
        "tokens_per_second": round(tokens_per_second, 2),
    }


def curve(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the log lines that have a loss: step, loss, learning_rate, tokens, seconds."""
    return [row for row in history if "loss" in row]
