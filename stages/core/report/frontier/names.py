"""Which targets are one way of shortening at several budgets, by their names.

An entry `x` with `budgets: [0.1, 0.3]` is the targets `x_10` and `x_30`, named by per cent.
"""

import re
from collections.abc import Iterable

# A whole number of per cent, as tools/budgets.py writes it
_NAME_AND_PERCENT = re.compile(r"(.+)_([1-9]\d?|100)")


def budgets_by_name(targets: Iterable[str]) -> dict[str, dict[int, str]]:
    """The targets of each name that has two or more budgets, by their per cent in rising order.

    A name with a single budget is left out.
    """
    targets_by_name: dict[str, dict[int, str]] = {}
    for target in dict.fromkeys(targets):
        match = _NAME_AND_PERCENT.fullmatch(target)
        if match:
            name, percent = match.groups()
            targets_by_name.setdefault(name, {})[int(percent)] = target
    return {
        name: dict(sorted(budgets.items()))
        for name, budgets in targets_by_name.items()
        if len(budgets) > 1
    }
