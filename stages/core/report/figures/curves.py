"""The curves of training as data for `dvc plots`: a row for each logged step of each cell.

.dvc/plots/training.json draws them. Its template knows no target's name, so a row carries its arm's
label and colour.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.cells import Cell, label
from stages.core.report.figures.panels import looks

COLUMNS = (
    *("cell", "teacher", "target", "student", "method", "seed"),
    *("step", "tokens", "loss", "learning_rate", "tokens_per_second", "arm", "colour"),
)


def rows(
    arms: Sequence[str],
    train: Mapping[Cell, Mapping[str, Any]],
    timing: Mapping[Cell, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """The rows of every cell, in the grid's order; a cell without a curve has none, one without
    speeds has those empty.

    `train` and `timing` are the cells' metrics. Tokens are those seen up to the step, speed is the
    mean since the run's begin.
    """
    look, found = looks(arms), []
    for run, trained in train.items():
        speeds = dict(timing[run].get("speeds", ()))
        who = {"cell": run.name} | dataclasses.asdict(run)
        shown = {"arm": label(run.target), "colour": look[run.target][0]}
        for step, tokens, loss, rate in trained.get("curve", ()):
            point = {"step": step, "tokens": tokens, "loss": loss, "learning_rate": rate}
            found.append(who | point | {"tokens_per_second": speeds.get(step)} | shown)
    return found
