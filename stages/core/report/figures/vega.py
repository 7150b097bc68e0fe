"""What the evaluation found as data for `dvc plots`: accuracy against tokens, and within a budget
of them.

.dvc/plots/accuracy_tokens.json and accuracy_budget.json draw it. They know no arm's name, so a row
carries its arm's label, its colour and the panel that it stands in; an untrained student has a row
in every panel of its student.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stages.core.cells import Cell, label
from stages.core.report.figures.panels import looks
from stages.core.report.results import Result, by_training
from stages.core.statistics.measures import Estimate

_WHO = ("panel", "teacher", "target", "student", "method", "seed", "arm", "colour", "asked")
_ACCURACY = ("accuracy", "accuracy_low", "accuracy_high")
POINTS = (*_WHO, "tokens", "tokens_q1", "tokens_q3", *_ACCURACY)
CURVES = (*_WHO, "cap", *_ACCURACY)


def points(arms: Sequence[str], pooled: Sequence[Result]) -> list[dict[str, Any]]:
    """A row for each arm of each panel: accuracy in per cent, and the median and quartiles of all
    generated tokens.
    """
    found = []
    for who, one in _arms(arms, pooled):
        lengths = one.main.lengths
        tokens = {"tokens": lengths.median, "tokens_q1": lengths.q1, "tokens_q3": lengths.q3}
        found.append(who | tokens | _percent(one.main.accuracy))
    return found


def budgets(
    arms: Sequence[str],
    pooled: Sequence[Result],
    caps: Sequence[int],
    curves: Mapping[Cell, Sequence[Estimate]],
) -> list[dict[str, Any]]:
    """A row for each cap of tokens of each arm of each panel: the accuracy in per cent within that
    cap.
    """
    return [
        who | {"cap": cap} | _percent(value)
        for who, one in _arms(arms, pooled)
        for cap, value in zip(caps, curves[one.cell], strict=True)
    ]


def _arms(arms: Sequence[str], pooled: Sequence[Result]) -> Iterator[tuple[dict[str, Any], Result]]:
    """Every arm of every panel, with what its rows say of it."""
    look = looks(arms)
    for (teacher, student, method), own in by_training(pooled).items():
        for one in own:
            shown = {
                "arm": label(one.cell.target),
                "colour": look[one.cell.target][0],
                "asked": one.questions_text,
            }
            yield (
                {"panel": f"{student} of {teacher}, {method}"}
                | dataclasses.asdict(one.cell)
                | shown,
                one,
            )


def _percent(accuracy: Estimate) -> dict[str, float | None]:
    return dict(zip(_ACCURACY, dataclasses.astuple(accuracy.scaled(100)), strict=True))
