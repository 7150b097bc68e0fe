"""Whether arms may be laid side by side: beyond the target, they must have been trained alike, or
the report fails.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stages.core.cells import Cell
from stages.core.program.errors import StageError

# What the arms of one teacher, student, method and seed have in common, under each budget of
# training/settings.py. Under equal_tokens short targets are repeated: more passes, more steps.
_ALIKE = {
    "equal_epochs": ("examples", "passes", "steps"),
    "equal_steps": ("examples", "passes", "steps"),
    "equal_tokens": ("examples", "completion_tokens"),
}
_SLACK = (
    0.1  # share of completion tokens by which the example that reaches a budget may overshoot it
)


def _alike(name: str, one: Any, other: Any) -> bool:
    return one == other or (
        name == "completion_tokens" and abs(one - other) <= _SLACK * max(one, other)
    )


def budgets(methods: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """The budget of each method of the grid, in params.yaml's words; equal_epochs where it has
    none.
    """
    found = {}
    for name in names:
        entry = methods.get(name)
        if not isinstance(entry, dict):
            raise StageError(
                f"params.yaml: methods.{name}: not there, though grid.methods has it; add it"
            )
        found[name] = str(entry.get("budget", "equal_epochs"))
        if found[name] not in _ALIKE:
            raise StageError(
                f"params.yaml: methods.{name}.budget: {found[name]!r} is unknown; known: {', '.join(_ALIKE)}"
            )
    return found


def check(
    train: Mapping[Cell, Mapping[str, Any]], of_method: Mapping[str, str], root: Path
) -> None:
    """Raises StageError for the first cell that was trained otherwise than the first of its kind,
    mostly raw.

    `train` are the metrics in the folder `root`, `of_method` the budgets. Packed batches are no
    part of a budget, but they change speed and rounding: all arms of a student and method have them
    or none has.
    """
    first: dict[tuple[str, ...], Cell] = {}
    for run, found in train.items():
        budget = of_method[run.method]
        arms = (run.teacher, run.student, run.method, run.seed)
        for group, names in ((arms, _ALIKE[budget]), ((run.student, run.method), ("packed",))):
            other = first.setdefault(group, run)
            for name in names:
                if not _alike(name, found[name], train[other][name]):
                    raise StageError(
                        f"{root / run.name}.json: {name} {found[name]}, of {other.name} {train[other][name]}: arms of "
                        f"method {run.method} (budget {budget}) are not comparable; run both train stages again"
                    )
