"""How much the study is: questions and answers of each stage, GPU hours, and what of it lies on a disk."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conf import costs
from stages.core.items import QuestionSet
from tools.preflight import question_sets
from tools.preflight.lines import Report

GB = 1e9


@dataclass(frozen=True)
class Trained:
    """A student as its cells leave it."""

    parameters: int
    trainable: Mapping[str, int]  # by method; of LoRA the adapter's


def check_questions(params: Mapping[str, Any], sets: Mapping[str, QuestionSet], report: Report) -> None:
    """Adds how many questions each stage asks, and how many answers that can be at most."""
    grid, how = params["grid"], params["evaluate"]
    asked = {name: question_sets.counted(name, entry, costs.QUESTIONS) for name, entry in sets.items()}
    unknown = sorted(name for name, sizes in asked.items() if None in sizes.values())
    train = sum(sizes["train"] or 0 for sizes in asked.values())
    some = "" if not unknown else f", and all of {', '.join(unknown)}"
    report.ok("questions", "number", f"{train:,} to train on in {len(asked)} sets{some}")
    for name in grid["generated"]:
        most = params["teachers"][name]["samples"]
        report.ok("generate", "number", f"{name}: {train:,} questions, at most {most} answers each{some}")
    for name in grid["students"]:
        cells = _cells(grid)
        for method in grid["methods"]:
            size = params["methods"][method]["batch_size"] * params["methods"][method]["accumulation"]
            steps = -(-train * params["methods"][method]["epochs"] // size)
            report.ok("train", "number", f"{name}, {method}: {cells} cells of some {steps:,} steps")
    test = sum(min(sizes["test"] or 0, how["questions"] or sizes["test"] or 0) for sizes in asked.values())
    cells = _cells(grid) * len(grid["methods"]) * len(grid["students"]) + len(grid["students"])
    drawn = how["samples"] * (min(how["sampled_questions"] or test, test))
    report.ok("evaluate", "number", f"{cells} checkpoints, each asked {test:,} questions once, {drawn:,} drawn besides")


def _cells(grid: Mapping[str, Any]) -> int:
    """Of one student and method."""
    return len(grid["teachers"]) * len(grid["targets"]) * len(grid["seeds"])


def check_hours(params: Mapping[str, Any], report: Report) -> float | None:
    """Adds the GPU hours of each part, and returns all tokens written; None where rates and lengths are not known."""
    study = _study(params)
    if study is None:
        report.ok("hours", "GPUs", "not computed: conf/costs.py has rates and lengths of the paper profile's models alone")
        return None
    parts = study.parts()
    for part in costs.together(parts):
        report.ok("hours", "GPUs", f"{part.part}: {part.hours:,.0f} of one H200, {part.tokens / 1e9:,.2f} billion tokens")
    return sum(part.tokens for part in parts if "learns" not in part.part)


def _study(params: Mapping[str, Any]) -> costs.Study | None:
    grid = params["grid"]
    known = set(grid["teachers"]) <= set(costs.RAW_CHARS) and set(grid["compressors"]) <= set(costs.READ_AND_WRITTEN)
    known = known and set(grid["students"]) <= set(costs.PARAMETERS)
    sets = {name for name, _ in costs.sets(params)}
    return costs.Study(params, costs.own_traces(params)) if known and sets <= set(costs.QUESTIONS) else None


def check_disk(
    params: Mapping[str, Any], students: Mapping[str, Trained], tokens: float | None, report: Report
) -> None:
    """Adds what the checkpoints of all cells, and the answers, will take, against what is free where data/ lies."""
    grid = params["grid"]
    checkpoints = sum(
        _cells(grid) * (2 * one.parameters + (4 * one.trainable[method] if params["methods"][method]["lora"] else 0))
        for one in students.values()
        for method in grid["methods"]
    )
    store = (tokens or 0.0) * costs.CHARS_PER_TOKEN
    free = shutil.disk_usage(Path("data") if Path("data").is_dir() else Path()).free
    finding = f"{checkpoints / GB:,.2f} GB of checkpoints"
    finding += f", at most {store / GB:,.1f} GB of answers in data/store" if tokens else ""
    finding += f"; {free / GB:,.0f} GB are free here"
    if checkpoints + store < free:
        report.ok("disk", "data/", finding)
    else:
        remedy = "put data/ and the DVC cache on a larger disk, or run the cells in slices (conf/launch/) that push theirs"
        report.warning("disk", "data/", finding, remedy)
