"""What the evaluation measured as data for `dvc plots`: accuracy against tokens, and within a
budget of them.

.dvc/plots/accuracy_tokens.json and accuracy_budget.json draw it. They know no arm's name, so a row
carries its arm's label, its colour and the panel that it stands in; an untrained student has a row
in every panel of its student.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stages.core.cells import Cell, label
from stages.core.report.figures.styles import arm_styles
from stages.core.report.results import Result, by_training
from stages.core.statistics.measures import Estimate

_ARM_COLUMNS = (
    "panel",
    "teacher",
    "target",
    "student",
    "method",
    "seed",
    "arm",
    "colour",
    "asked",
)
_TOKENS_COLUMNS = ("tokens", "tokens_q1", "tokens_q3")
_ACCURACY_COLUMNS = ("accuracy", "accuracy_low", "accuracy_high")
POINTS = _ARM_COLUMNS + _TOKENS_COLUMNS + _ACCURACY_COLUMNS
CURVES = (*_ARM_COLUMNS, "cap", *_ACCURACY_COLUMNS)

Row = dict[str, Any]


def points(arms: Sequence[str], results: Sequence[Result]) -> list[Row]:
    """A row for each arm of each panel.

    It holds the accuracy in per cent, and the median and quartiles of all generated tokens.
    """
    rows = []
    for arm_columns, result in _arms_of_panels(arms, results):
        lengths = result.main.lengths
        tokens_columns = {
            "tokens": lengths.median,
            "tokens_q1": lengths.q1,
            "tokens_q3": lengths.q3,
        }
        rows.append(arm_columns | tokens_columns | _accuracy_columns(result.main.accuracy))
    return rows


def budgets(
    arms: Sequence[str],
    results: Sequence[Result],
    caps: Sequence[int],
    accuracies_by_cap: Mapping[Cell, Sequence[Estimate]],
) -> list[Row]:
    """A row for each cap of tokens of each arm of each panel.

    It holds the accuracy in per cent within that cap.
    """
    rows = []
    for arm_columns, result in _arms_of_panels(arms, results):
        for cap, accuracy in zip(caps, accuracies_by_cap[result.cell], strict=True):
            rows.append(arm_columns | {"cap": cap} | _accuracy_columns(accuracy))
    return rows


def _arms_of_panels(arms: Sequence[str], results: Sequence[Result]) -> Iterator[tuple[Row, Result]]:
    """Every arm of every panel: the columns that all its rows share, and its result."""
    # The templates know no arms: colours come from styles.py, through the rows
    styles = arm_styles(arms)
    for (teacher, student, method), training_results in by_training(results).items():
        panel_column = {"panel": f"{student} of {teacher}, {method}"}
        for result in training_results:
            target = result.cell.target
            style_columns = {
                "arm": label(target),
                "colour": styles[target].colour,
                "asked": result.questions_text,
            }
            yield panel_column | dataclasses.asdict(result.cell) | style_columns, result


def _accuracy_columns(accuracy: Estimate) -> dict[str, float | None]:
    """The accuracy and its interval in per cent."""
    percent = accuracy.scaled(100)
    return {
        "accuracy": percent.value,
        "accuracy_low": percent.low,
        "accuracy_high": percent.high,
    }
