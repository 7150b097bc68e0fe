"""One engine for several checkpoints of a student, whose weights are put into it in turn.

Loading an engine takes longer than putting other weights into it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import click

from stages.core.asking import engines
from stages.core.cells import Cell
from stages.core.paths import DataPaths
from stages.core.students import alike


class SharedEngine:
    """An engine that is loaded for the first checkpoint that lacks an answer.

    The weights of later checkpoints that lack one are put into it.
    """

    def __init__(self) -> None:
        self.engine: engines.Swapping | None = None

    def load(
        self, model: engines.Model, inference: Mapping[str, Any], params_path: str
    ) -> engines.Engine:
        """Returns the engine with the weights of `model`; called as `engines.load` is."""
        if self.engine is None:
            self.engine = cast(engines.Swapping, engines.load(model, inference, params_path))
        else:
            self.engine.swap(model)
        return self.engine


def swappable_folders(data: DataPaths, student: str) -> list[Path]:
    """Returns the folders that one engine can hold in turn: the untrained student's, and those of
    its checkpoints.

    Checkpoints of a model that sees images too hold its text part alone. The untrained student is
    then not among them. A warning names each folder that is left out.
    """
    # `[!.]` leaves out folders that are being written
    cells = {folder: Cell.parse(folder.name) for folder in data.checkpoints.glob("[!.]*-*-*-*-*")}
    trained = sorted(folder for folder, cell in cells.items() if cell.student == student)
    folders = [data.model(student), *trained]
    swappable = alike.largest(folders)
    for folder in sorted(set(folders) - set(swappable)):
        click.echo(
            f"warning: {folder}: config or tokenizer differ from {swappable[0]}; "
            "its own stage answers",
            err=True,
        )
    return swappable
