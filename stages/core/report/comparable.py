"""Whether arms may be laid side by side.

Beyond the target they must have been trained alike, or the report fails.
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
# The share of completion tokens by which the example that reaches a budget may overshoot it
_SLACK = 0.1


def budgets(methods: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """The budget of each method in `names`, in params.yaml's words.

    It is equal_epochs for a method that has none. Raises StageError for an unknown method or
    budget.
    """
    budget_of_method = {}
    for name in names:
        method = methods.get(name)
        if not isinstance(method, dict):
            raise StageError(
                f"params.yaml: methods.{name}: not there, though grid.methods has it; add it"
            )
        budget = str(method.get("budget", "equal_epochs"))
        if budget not in _ALIKE:
            raise StageError(
                f"params.yaml: methods.{name}.budget: {budget!r} is unknown; "
                f"known: {', '.join(_ALIKE)}"
            )
        budget_of_method[name] = budget
    return budget_of_method


def check(
    train: Mapping[Cell, Mapping[str, Any]], budget_of_method: Mapping[str, str], root: Path
) -> None:
    """Raises StageError for the first cell that was trained otherwise than the first of its kind.

    That first cell is mostly raw's. `train` are the metrics in the folder `root`. Packed batches
    are no part of a budget, but they change speed and rounding. So all arms of a student and method
    have them or none has.
    """
    first_cells: dict[tuple[str, ...], Cell] = {}
    for cell, metrics in train.items():
        budget = budget_of_method[cell.method]
        arms = (cell.teacher, cell.student, cell.method, cell.seed)
        checks: list[tuple[tuple[str, ...], str]] = [(arms, field) for field in _ALIKE[budget]]
        checks.append(((cell.student, cell.method), "packed"))
        for kind, field in checks:
            first = first_cells.setdefault(kind, cell)
            value, first_value = metrics[field], train[first][field]
            if not _alike(field, value, first_value):
                raise StageError(
                    f"{root / cell.name}.json: {field} {value}, of {first.name} {first_value}: "
                    f"arms of method {cell.method} (budget {budget}) are not comparable; "
                    "run both train stages again"
                )


def _alike(field: str, value: Any, first_value: Any) -> bool:
    """Whether two values of a field are the same, or close enough for a budget of tokens."""
    if value == first_value:
        return True
    if field != "completion_tokens":
        return False
    return bool(abs(value - first_value) <= _SLACK * max(value, first_value))
