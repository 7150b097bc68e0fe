"""The curves of training as data for `dvc plots`: a row for each logged step of each cell.

.dvc/plots/training.json draws them. Its template knows no target's name, so a row carries its arm's
label and colour.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.cells import Cell, label
from stages.core.report.figures.styles import arm_styles

COLUMNS = (
    "cell",
    "teacher",
    "target",
    "student",
    "method",
    "seed",
    "step",
    "tokens",
    "loss",
    "learning_rate",
    "tokens_per_second",
    "arm",
    "colour",
)


def rows(
    arms: Sequence[str],
    train: Mapping[Cell, Mapping[str, Any]],
    timing: Mapping[Cell, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """The rows of every cell, in the grid's order.

    `train` and `timing` are the cells' metrics. A cell without a curve has no rows. One without
    speeds has rows with these empty. Tokens are those seen up to the step, speed is the mean since
    the run's begin.
    """
    styles = arm_styles(arms)
    curve_rows = []
    for cell, train_metrics in train.items():
        speed_by_step = dict(timing[cell].get("speeds", ()))
        cell_columns = {"cell": cell.name} | dataclasses.asdict(cell)
        arm_columns = {"arm": label(cell.target), "colour": styles[cell.target].colour}
        for step, tokens, loss, learning_rate in train_metrics.get("curve", ()):
            step_columns = {
                "step": step,
                "tokens": tokens,
                "loss": loss,
                "learning_rate": learning_rate,
                "tokens_per_second": speed_by_step.get(step),
            }
            curve_rows.append(cell_columns | step_columns | arm_columns)
    return curve_rows
