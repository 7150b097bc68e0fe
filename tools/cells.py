"""The cells of one slice of a grid, a line each: the stages to run for it, from a list of all
stages.

A slice is every COUNT-th cell from the NUMBERth on; with GPUS, of those alone that use as many, so
that a machine of eight GPUs gets no cell that uses one, and the other way round. The untrained
students' answers are cells too.

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
    stages: Iterable[str], params: Mapping[str, Any], wanted: int | None
) -> Iterator[list[str]]:
    """Yields the stages of each cell that uses as many GPUs as `wanted`, of each one where that is
    None.
    """
    for name in stages:
        stage, _, cell = name.partition("@")
        if stage not in ("train", "evaluate_untrained"):
            continue
        _, _, name_of_cell = cell.partition("-")  # after the profile
        student = (
            name_of_cell if stage == "evaluate_untrained" else Cell.parse(name_of_cell).student
        )
        if wanted in (None, gpus.of_student(params["students"][student])):
            yield [name] if stage == "evaluate_untrained" else [name, f"evaluate@{cell}"]


def main() -> None:
    """Print the slice that the command line asks for. Exits with 1 where params.yaml has no cell
    for such machines.
    """
    number, count, *wanted = (int(word) for word in sys.argv[1:])
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    listed = list(cells(sys.stdin.read().split(), params, wanted[0] if wanted else None))
    if not listed:
        counts = sorted(
            {gpus.of_student(params["students"][name]) for name in params["grid"]["students"]}
        )
        sys.exit(
            f"error: GPUS {wanted[0]}: no cell uses as many; cells use {', '.join(map(str, counts))}"
        )
    for stages in listed[number % count :: count]:
        print(" ".join(stages))


if __name__ == "__main__":
    main()
