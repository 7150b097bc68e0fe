"""Compressors and shorteners with `budgets`: one entry of each budget, for the params of a profile.

`x: {kind: extractive, budgets: [0.1, 0.3]}` becomes `x_10: {kind: extractive, ratio: 0.1}` and
`x_30`, named by their per cent. Where the grid names `x`, it names these, so that each is a target of
its own. The stages know nothing of `budgets`.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from stages.core.program.complaints import quoted
from stages.core.program.errors import StageError
from stages.core.program.params import BUDGETED, BUDGETS, TARGETS

# What says the budget of a single entry
_SINGLE_BUDGETS = ("ratio", "max_ratio", "budget_of")
_ROUNDING = 1e-9  # 100 * 0.29 is 28.999999999999996


def expanded(study_params: Mapping[str, Any]) -> dict[str, Any] | None:
    """The params with one entry of each budget, None where no entry has budgets.

    Raises StageError for budgets that are none, and for a name that something else has.
    """
    result = dict(study_params)
    names_by_base: dict[str, list[str]] = {}
    names = Counter([*TARGETS, *_entries(result, "targets")])
    for section in BUDGETED:
        pairs = []
        for base, entry in _entries(result, section).items():
            if not isinstance(entry, dict) or BUDGETS not in entry:
                pairs.append((base, entry))
                continue
            if base in names_by_base:
                raise _clash(f"{section}.{base}", base)
            entry_by_name = _entries_of(base, entry, f"{section}.{base}")
            names_by_base[base] = list(entry_by_name)
            pairs += entry_by_name.items()
        names.update(name for name, _ in pairs)
        if pairs:
            result[section] = dict(pairs)
    if not names_by_base:
        return None
    _check_names(names_by_base, names)
    result["grid"] = _expanded_grid(_entries(result, "grid"), names_by_base)
    return result


def _entries(study_params: Mapping[str, Any], section: str) -> dict[str, Any]:
    """The entries of a section, none where it is missing or no mapping, which others complain of."""
    entries = study_params.get(section)
    return entries if isinstance(entries, dict) else {}


def _entries_of(name: str, entry: Mapping[str, Any], params_path: str) -> dict[str, Any]:
    """An entry for each budget of `entry`, by name."""
    if entry.get("kind") == "llm":
        raise StageError(
            f"params.yaml: {params_path}.{BUDGETS}: a model keeps no budget; delete it"
        )
    for other in _SINGLE_BUDGETS:
        if other in entry:
            raise StageError(
                f"params.yaml: {params_path}: has {other} and {BUDGETS}; delete one of them"
            )
    budgets = entry[BUDGETS]
    if not isinstance(budgets, list) or not budgets:
        raise StageError(
            f"params.yaml: {params_path}.{BUDGETS}: {quoted(budgets)}: expected a list of shares"
        )
    settings = {key: value for key, value in entry.items() if key != BUDGETS}
    result: dict[str, Any] = {}
    for budget in budgets:
        expanded_name = f"{name}_{_per_cent(budget, params_path)}"
        if expanded_name in result:
            raise StageError(
                f"params.yaml: {params_path}.{BUDGETS}: {budget} stands there twice; delete one"
            )
        result[expanded_name] = {**settings, "ratio": budget}
    return result


def _per_cent(budget: Any, params_path: str) -> int:
    """A share of 0.01 to 1 as its whole number of per cent."""
    if isinstance(budget, int | float) and not isinstance(budget, bool):
        hundredths = 100 * budget
        if 1 - _ROUNDING <= hundredths <= 100 and abs(hundredths - round(hundredths)) < _ROUNDING:
            return round(hundredths)
    raise StageError(
        f"params.yaml: {params_path}.{BUDGETS}: {quoted(budget)}: expected a share from 0.01 to 1 "
        "in whole per cent, because names say them"
    )


def _check_names(names_by_base: Mapping[str, list[str]], names: Counter[str]) -> None:
    """Raises StageError for the name of a budget's entry that something else has too.

    `names` counts the names of all entries and targets.
    """
    for base, names_of_budgets in names_by_base.items():
        if names[base]:
            raise _clash(base, base)
        for name in names_of_budgets:
            if names[name] > 1:
                raise _clash(base, name)


def _clash(base: str, name: str) -> StageError:
    return StageError(
        f"params.yaml: {base}.{BUDGETS}: {name!r} is the name of something else too; rename one"
    )


def _expanded_grid(
    grid: Mapping[str, Any], names_by_base: Mapping[str, list[str]]
) -> dict[str, Any]:
    """The grid with the names of the budgets' entries wherever it names what they are made of."""
    result = dict(grid)
    for axis in (*BUDGETED, "targets"):
        if isinstance(grid.get(axis), list):
            result[axis] = []
            for name in grid[axis]:
                has_budgets = isinstance(name, str) and name in names_by_base
                result[axis] += names_by_base[name] if has_budgets else [name]
    return result
