"""The study's numbers as data: the few scalars of the summary, and CSV rows of all of them."""

import csv
import dataclasses
import io
from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.cells import FORCED, TRUNCATED, UNTRAINED
from stages.core.report.results import Result, TrainingCost
from stages.core.statistics.measures import Estimate, Lengths, Measure

Scalar = float | str | None
MOST_SCALARS = 25  # in summary.json: as many as `dvc exp show` can lay side by side
_ESTIMATES = ("accuracy", "macro", "retention", "output", "efficiency", "area", "tokens")
# Columns of results.csv on training, with the attributes of a TrainingCost
_TRAINING_COLUMNS = {
    "train_tokens": "relative_tokens",
    "train_seconds_note": "seconds_note",
    "train_flops": "relative_flops",
    "examples": "examples",
    "passes": "passes",
    "steps": "steps",
    "completion_tokens": "tokens",
    "total_tokens": "total_tokens",
    "flops_6n": "flops",
    "step_seconds": "seconds",
    "tokens_per_second": "tokens_per_second",
    "peak_memory_gb": "peak_memory_gb",
}

# ---- summary.json ----


def headlines(
    arms: Sequence[str], result_of_arm: Mapping[str, Result]
) -> dict[str, dict[str, Scalar]]:
    """The headline cells' scalars by quantity and target.

    There are at most MOST_SCALARS, all of a target's or none, in the order of `arms`.
    """
    scalars: dict[str, dict[str, Scalar]] = {}
    if UNTRAINED in result_of_arm:
        accuracy = result_of_arm[UNTRAINED].main.accuracy
        scalars["accuracy"] = {UNTRAINED: _round(accuracy.value)}
    left = MOST_SCALARS - 1
    trained_arms = [arm for arm in arms[:-1] if arm in result_of_arm]
    for arm in trained_arms:
        result = result_of_arm[arm]
        arm_scalars = _scalars(arm, result)
        if len(arm_scalars) > left:
            break
        left -= len(arm_scalars)
        for quantity, value in arm_scalars.items():
            scalars.setdefault(quantity, {})[arm] = _round(value)
        if arm != "raw" and result.cost and result.cost.seconds_note:
            scalars["train_seconds"][arm] = "not comparable"
    return scalars


def _scalars(arm: str, result: Result) -> dict[str, float | None]:
    """An arm's scalars by quantity.

    Raw's ratios are 1 and left out. Only compressors have their efficiency. It is retention over
    relative tokens, so that of the others can be computed.
    """
    measure = result.main
    scalars = {"accuracy": measure.accuracy.value, "output_tokens": measure.tokens.value}
    if arm == "raw":
        return scalars
    scalars["retention"] = measure.retention.value
    if arm.startswith(FORCED):  # it trained nothing
        return scalars
    relative_tokens, relative_seconds = result.training_ratios
    scalars["train_tokens"] = relative_tokens
    scalars["train_seconds"] = relative_seconds.value
    if arm != "answer_only" and not arm.startswith(TRUNCATED):
        scalars["efficiency"] = measure.efficiency.value
    return scalars


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


# ---- results.csv ----


def rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """A row of results.csv for each cell or arm and scope."""
    return [
        _row(result, group, source, measure)
        for result in results
        for (group, source), measure in result.scopes.items()
    ]


def _row(result: Result, group: str, source: str, measure: Measure) -> dict[str, Any]:
    """The row of one scope."""
    versus_untrained = result.versus_untrained if (group, source) == result.scope else None
    row = dataclasses.asdict(result.cell)
    row |= {
        "seeds": " ".join(result.seeds) or result.cell.seed,
        "group": group,
        "source": source,
        "questions": measure.questions,
        "sampled_questions": measure.sampled,
    }
    row |= _measure_columns(measure)
    row |= _test_columns(measure, "")
    row |= _test_columns(versus_untrained, "_untrained")
    return row | _training_columns(result.cost)


def _measure_columns(measure: Measure) -> dict[str, float | None]:
    """The estimates and lengths of a measure."""
    columns: dict[str, float | None] = {}
    for name in _ESTIMATES:
        columns |= _estimate_columns(name, getattr(measure, name))
    for name, estimate in measure.samples.items():
        columns |= _estimate_columns(f"samples_{name}", estimate)
    columns |= _length_columns("tokens", measure.lengths)
    columns |= _length_columns("think_tokens", measure.thinking)
    columns |= _length_columns("answer_tokens", measure.answering)
    return columns | {"hit_cap": measure.hit_cap, "no_answer": measure.no_answer}


def _estimate_columns(name: str, estimate: Estimate) -> dict[str, float | None]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _length_columns(name: str, lengths: Lengths) -> dict[str, float]:
    return {f"{name}_{part}": value for part, value in dataclasses.asdict(lengths).items()}


def _test_columns(measure: Measure | None, suffix: str) -> dict[str, Any]:
    """The difference from the reference that `suffix` names, or from raw where it is empty."""
    columns: dict[str, Any] = dict.fromkeys(
        (
            "difference",
            "difference_low",
            "difference_high",
            "p",
            "p_holm",
            "comparisons",
            "detectable",
            "seeds_compared",
        )
    )
    if measure:
        columns |= _estimate_columns("difference", measure.difference)
        columns["p"] = measure.p
        columns["p_holm"] = measure.holm
        columns["comparisons"] = measure.comparisons
        columns["detectable"] = measure.detectable
        columns["seeds_compared"] = " ".join(measure.seeds)
    return {f"{name}{suffix}": value for name, value in columns.items()}


def _training_columns(cost: TrainingCost | None) -> dict[str, Any]:
    """What training took, and relative to raw; all None where nothing was trained."""
    columns: dict[str, Any] = {
        column: getattr(cost, attribute, None) for column, attribute in _TRAINING_COLUMNS.items()
    }
    seconds = cost.relative_seconds if cost else Estimate()
    columns |= _estimate_columns("train_seconds", seconds)
    columns["device"] = " and ".join(cost.devices) if cost else None
    return columns


# ---- CSV ----


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> str:
    """Rows as CSV with a header; floats have six digits, None is nothing.

    The columns are those of the first row unless they are given.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns or list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell_text(value) for name, value in row.items()})
    return text.getvalue()


def _cell_text(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
