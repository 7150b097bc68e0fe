"""What can be seen of a run while it goes on, and what is kept of it: a curve, and the seconds
inside its steps.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dvclive import Live  # type: ignore[attr-defined]
from transformers import TrainerCallback

from stages.core.machine import hardware
from stages.core.program.errors import StageError
from stages.core.program.files import remove

POINTS = 100  # of a curve, at most


class Progress(TrainerCallback):
    """Adds tokens and seconds to every log line, and shows it with dvclive.

    `seen` are the tokens of all examples up to each step. Seconds are those inside optimizer steps,
    without start-up, logging and checkpoints; a resumed run goes on counting where its checkpoint
    stopped.
    """

    def __init__(self, seen: Sequence[int], folder: Path) -> None:
        self.seen, self.folder, self.seconds = seen, folder, 0.0
        self.first: float | None = (
            None  # seconds of step 1, with all that is compiled in it; None in a resumed run
        )
        self.began = 0.0
        self.live: Live | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begins the live curve, with what a checkpoint has of it."""
        if not state.is_world_process_zero:
            return
        remove(self.folder)
        self.live = Live(
            str(self.folder), dvcyaml=None, save_dvc_exp=False, report=None, monitor_system=False
        )
        for row in curve(state.log_history):
            self.seconds = row["seconds"]
            self._show(row)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Starts the clock."""
        self.began = hardware.clock()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stops the clock; the last step is logged too, so that no loss goes unseen."""
        took = hardware.clock() - self.began
        self.seconds += took
        self.first = took if state.global_step == 1 else self.first
        control.should_log |= state.global_step == state.max_steps

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Completes the line that the trainer has just logged; its last one, a summary, has no
        loss.
        """
        row = state.log_history[-1]
        if "loss" in row:
            if not math.isfinite(row["loss"]):
                raise StageError(
                    f"step {state.global_step}: the loss is {row['loss']}; give all arms a lower learning rate"
                )
            row |= {"tokens": self.seen[state.global_step - 1], "seconds": self.seconds}
            self._show(row)

    def _show(self, row: dict[str, Any]) -> None:
        if self.live is not None:
            self.live.step = row["step"]
            for name, value in shown(row).items():
                self.live.log_metric(name, value)
            self.live.make_summary()


def shown(row: dict[str, Any]) -> dict[str, float]:
    """What the live curve shows of a log line."""
    speed = row["tokens"] / row["seconds"] if row["seconds"] else 0.0
    return {
        "loss": row["loss"],
        "learning_rate": row["learning_rate"],
        "tokens": row["tokens"],
        "tokens_per_second": round(speed, 2),
    }


def curve(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The log lines that have a loss: step, loss, learning_rate, tokens, seconds."""
    return [row for row in history if "loss" in row]
