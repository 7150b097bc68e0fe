"""Print the cells of one slice of a grid: on each line the stages to run for one cell.

A slice is every COUNT-th cell, from the one with the number NUMBER on. GPUS limits it to cells that
use exactly so many GPUs. A machine of eight GPUs then gets no cell that uses one, and the other way
round. The untrained students' answers are cells too. The names of all stages come from stdin.

Run: dvc stage list --name-only | python -m tools.cells NUMBER COUNT [GPUS]
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from stages.core.cells import Cell
from tools import gpus


def cells(
    stages: Iterable[str], params: Mapping[str, Any], gpu_count: int | None
) -> Iterator[list[str]]:
    """Yields the stages of each cell that uses `gpu_count` GPUs, or of every cell where it is None.

    A stage's name is `<stage>@<profile>-<cell>`, as `dvc stage list` prints it.
    """
    for stage_name in stages:
        stage, _, profile_and_cell = stage_name.partition("@")
        if stage not in ("train", "evaluate_untrained"):
            continue
        # What follows the profile is a cell's name, or for an untrained student the student's
        _, _, after_profile = profile_and_cell.partition("-")
        stages_of_cell = [stage_name]
        student = after_profile
        if stage == "train":
            # A cell answers on the machine that trained it, so that its checkpoint need not travel
            stages_of_cell.append(f"evaluate@{profile_and_cell}")
            student = Cell.parse(after_profile).student
        if gpu_count in (None, gpus.of_student(params["students"][student])):
            yield stages_of_cell


def main() -> None:
    """Print the slice that the command line asks for.

    Exits with 1 where no cell of params.yaml uses as many GPUs.
    """
    arguments = [int(word) for word in sys.argv[1:]]
    number, count = arguments[:2]
    gpu_count = arguments[2] if len(arguments) > 2 else None
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    all_cells = list(cells(sys.stdin.read().split(), params, gpu_count))
    if not all_cells:
        students = [params["students"][name] for name in params["grid"]["students"]]
        known_counts = sorted({gpus.of_student(student) for student in students})
        listed = ", ".join(map(str, known_counts))
        sys.exit(f"error: GPUS {gpu_count}: no cell uses as many; cells use {listed}")
    for stages in all_cells[number % count :: count]:
        print(" ".join(stages))


if __name__ == "__main__":
    main()
