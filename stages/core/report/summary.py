"""The study's numbers as data: the few scalars of the summary, and CSV rows of all of them."""

import csv
import dataclasses
import io
from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.cells import TRUNCATED, UNTRAINED
from stages.core.report.results import NOTHING, Result, TrainingCost
from stages.core.statistics.measures import Measure

Scalar = float | str | None
_SCALARS = 25  # in summary.json: what `dvc exp show` can lay side by side
_ESTIMATES = ("accuracy", "macro", "retention", "output", "efficiency", "area", "tokens")


def headlines(arms: Sequence[str], own: Mapping[str, Result]) -> dict[str, dict[str, Scalar]]:
    """The headline runs' scalars by quantity and target: at most 25, whole targets in the order of
    `arms`.

    Raw's ratios are 1 and left out; efficiency is retention over relative tokens, so compressors'
    will do.
    """
    found: dict[str, dict[str, Scalar]] = {}
    if UNTRAINED in own:
        found["accuracy"] = {UNTRAINED: _round(own[UNTRAINED].main.accuracy.value)}
    room = _SCALARS - 1
    for arm in (arm for arm in arms[:-1] if arm in own):
        values = _scalars(arm, own[arm])
        if len(values) > room:
            break
        room -= len(values)
        for name, value in values.items():
            found.setdefault(name, {})[arm] = _round(value)
        if arm != "raw" and (spent := own[arm].cost) and spent.seconds_note:
            found["train_seconds"][arm] = "not comparable"
    return found


def _scalars(arm: str, one: Result) -> dict[str, float | None]:
    whole = one.main
    values = {"accuracy": whole.accuracy.value, "output_tokens": whole.tokens.value}
    if arm == "raw":
        return values
    values |= {"retention": whole.retention.value}
    values |= {
        "train_tokens": one.training_ratios[0],
        "train_seconds": one.training_ratios[1].value,
    }
    if arm != "answer_only" and not arm.startswith(TRUNCATED):
        values["efficiency"] = whole.efficiency.value
    return values


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def rows(found: Sequence[Result]) -> list[dict[str, Any]]:
    """A row of results.csv for each run and scope."""
    return [
        dataclasses.asdict(one.cell)
        | {"seeds": " ".join(one.seeds) or one.cell.seed, "group": group, "source": source}
        | {"questions": measure.questions, "sampled_questions": measure.sampled}
        | _cells(measure)
        | _tests(measure, "")
        | _tests(one.versus_untrained if (group, source) == one.scope else None, "_untrained")
        | _spent(one.cost)
        for one in found
        for (group, source), measure in one.scopes.items()
    ]


def _spent(cost: TrainingCost | None) -> dict[str, Any]:
    """What training took, and relative to raw; all None where nothing was trained."""
    names = {
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
    found = {column: getattr(cost, name, None) for column, name in names.items()}
    ratio = cost.relative_seconds if cost else NOTHING
    found |= {
        "train_seconds": ratio.value,
        "train_seconds_low": ratio.low,
        "train_seconds_high": ratio.high,
    }
    return found | {"device": " and ".join(cost.devices) if cost else None}


def _cells(measure: Measure) -> dict[str, float | None]:
    named = {name: getattr(measure, name) for name in _ESTIMATES}
    named |= {f"samples_{name}": one for name, one in measure.samples.items()}
    estimates = {
        f"{name}{suffix}": getattr(one, part)
        for name, one in named.items()
        for suffix, part in (("", "value"), ("_low", "low"), ("_high", "high"))
    }
    counted = {
        "tokens": measure.lengths,
        "think_tokens": measure.thinking,
        "answer_tokens": measure.answering,
    }
    lengths = {
        f"{kind}_{part}": value
        for kind, own in counted.items()
        for part, value in dataclasses.asdict(own).items()
    }
    return estimates | lengths | {"hit_cap": measure.hit_cap, "no_answer": measure.no_answer}


def _tests(measure: Measure | None, against: str) -> dict[str, Any]:
    """The difference from raw, or from what `against` names."""
    names = (
        "difference",
        "difference_low",
        "difference_high",
        "p",
        "p_holm",
        "comparisons",
        "detectable",
        "seeds_compared",
    )
    values: list[Any] = [None] * len(names)
    if measure:
        tests = (
            measure.p,
            measure.holm,
            measure.comparisons,
            measure.detectable,
            " ".join(measure.seeds),
        )
        values = [*dataclasses.astuple(measure.difference), *tests]
    return {f"{name}{against}": value for name, value in zip(names, values, strict=True)}


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> str:
    """Rows as CSV with a header, that of the first row unless it is given; floats to six digits,
    None as nothing.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns or list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()}
        for row in rows
    )
    return text.getvalue()
