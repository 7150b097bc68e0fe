"""How much the study is: questions and answers of each stage, GPU hours, and what of it lies on a
disk.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core.imports import sources
from stages.core.questions.items import QuestionSet
from tools import costs
from tools.preflight.lines import Report, counted

GB = 1e9
Params = Mapping[str, Any]


@dataclass(frozen=True)
class Trained:
    """A student as its cells leave it."""

    parameters: int
    trainable: Mapping[str, int]  # by method; of LoRA the adapter's
    checkpoints: Mapping[str, int]  # by method: bytes of one to go on from
    cached: int = 0  # bytes of its weights in the hub's cache


def rows(name: str, entry: QuestionSet, split: str) -> int | None:
    """Questions of a split; None for all of those that nobody has counted."""
    size = entry.sizes.get(split, 0)
    if size is not None:
        return size
    if entry.kind == "file" and split in entry.files:
        return sum(1 for _ in sources.rows(sources.QUESTIONS / entry.files[split]))
    counted = dict(zip(("train", "test"), costs.QUESTIONS.get(name, ()), strict=False))
    return counted.get(split)


def check_questions(params: Params, sets: Mapping[str, QuestionSet], report: Report) -> None:
    """Adds how many questions each stage asks, and how many answers that can be at most."""
    grid = params["grid"]
    train = [rows(name, entry, "train") for name, entry in sets.items()]
    asked, more = sum(filter(None, train)), _uncounted(sets, "train")
    report.ok(
        "questions",
        "number",
        f"{asked:,} to train on, in {counted(sum(size != 0 for size in train), 'set')}{more}",
    )
    for name in grid["generated"]:
        most = params["teachers"][name]["samples"]
        report.ok(
            "generate",
            "number",
            f"{name}: at most {counted(most, 'answer')} to each of {asked:,} questions{more}",
        )
    for name in grid["compressors"]:
        report.ok(
            "compress",
            "number",
            f"{name}: the right traces of {counted(len(grid['teachers']), 'teacher')}",
        )
    for method in grid["methods"]:
        cells = _cells(grid) * len(grid["students"])
        report.ok(
            "train",
            "number",
            f"{method}: {counted(cells, 'cell')}, {_steps(params['methods'][method], asked, more)}",
        )
    _evaluation(params, sets, report)


def _steps(how: Params, asked: int, more: str) -> str:
    """Optimizer steps of a cell, as its method's budget has them."""
    match how.get("budget", "equal_epochs"):
        case "equal_steps":
            return f"each {counted(how['steps'], 'step')}"
        case "equal_tokens":
            return "steps unknown: as many as use up the tokens of the raw traces"
        case _:
            steps = -(-asked * how["epochs"] // (how["batch_size"] * how["accumulation"]))
            return f"each some {counted(steps, 'step')} for a trace a question{more}"


def _uncounted(sets: Mapping[str, QuestionSet], split: str) -> str:
    names = [name for name, entry in sets.items() if rows(name, entry, split) is None]
    return f", and all of {', '.join(names)}" if names else ""


def _evaluation(params: Params, sets: Mapping[str, QuestionSet], report: Report) -> None:
    grid, how = params["grid"], params["evaluate"]
    sizes = [rows(name, entry, how["split"]) or 0 for name, entry in sets.items()]
    greedy = [min(size, size if how["questions"] is None else how["questions"]) for size in sizes]
    drawn = [
        min(size, size if how["sampled_questions"] is None else how["sampled_questions"])
        for size in greedy
    ]
    checkpoints = (_cells(grid) * len(grid["methods"]) + 1) * len(grid["students"])
    of_each = f"{counted(sum(greedy), 'greedy answer')}, {how['samples'] * sum(drawn):,} drawn"
    finding = f"{counted(checkpoints, 'checkpoint')}; of each {of_each}"
    report.ok("evaluate", "number", f"{finding}{_uncounted(sets, how['split'])}")


def _cells(grid: Params) -> int:
    """Of a student and a method."""
    return len(grid["teachers"]) * len(grid["targets"]) * len(grid["seeds"])


def check_hours(params: Params, report: Report) -> float | None:
    """Adds the GPU hours of each part, and returns all tokens answered; None where rates are
    missing.
    """
    study = _study(params)
    if study is None:
        report.ok(
            "hours",
            "GPUs",
            "not computed: tools/costs.py has the rates of the paper profile's models alone",
        )
        return None
    parts = study.parts()
    for part in costs.together(parts):
        finding = f"{part.part}: {part.hours:,.0f} hours of one H200, {part.tokens / 1e9:,.2f} billion tokens"
        report.ok("hours", "GPUs", finding)
    return sum(part.tokens for part in parts if "learns" not in part.part)


def _study(params: Params) -> costs.Study | None:
    """The study as tools/costs.py computes it; None for one of other models or sets than it has
    numbers of.
    """
    grid = params["grid"]
    pairs: list[tuple[Iterable[str], Iterable[str]]] = [
        (grid["teachers"], costs.RAW_CHARS),
        (grid["compressors"], costs.READ_AND_WRITTEN),
        (grid["students"], costs.PARAMETERS),
        ([name for name, _ in costs.sets(params)], costs.QUESTIONS),
    ]
    if not all(set(names) <= set(numbers) for names, numbers in pairs):
        return None
    return costs.Study(params, costs.own_traces(params))


def check_disk(
    params: Params,
    students: Mapping[str, Trained],
    cached: int,
    tokens: float | None,
    report: Report,
) -> None:
    """Adds all that the study keeps, against what is free where data/ lies; `cached`: bytes of
    asked models' weights.

    The hub's cache is counted too, though it may lie on another disk (HF_HOME).
    """
    parts = {
        "checkpoints of the cells": sum(_checkpoints(params, students)),
        "at most of answers in data/store": (tokens or 0.0) * costs.CHARS_PER_TOKEN,
        "weights in the hub's cache": cached + sum(one.cached for one in students.values()),
        "students in data/models": sum(2.0 * one.parameters for one in students.values()),
        "two checkpoints of the largest cell in data/scratch": 2.0 * _largest(students),
    }
    free = shutil.disk_usage(Path("data") if Path("data").is_dir() else Path()).free
    listed = ", ".join(f"{size / GB:,.2f} GB {name}" for name, size in parts.items() if size)
    finding = f"{sum(parts.values()) / GB:,.2f} GB: {listed}; {free / GB:,.0f} GB are free here"
    if sum(parts.values()) < free:
        report.ok("disk", "data/", finding)
        return
    remedy = (
        "put data/, HF_HOME and the DVC cache on a larger disk, or run the cells in slices that push theirs "
        "(conf/launch/)"
    )
    report.warning("disk", "data/", finding, remedy)


def _largest(students: Mapping[str, Trained]) -> int:
    """Bytes of the largest checkpoint; there are two while a new one is written."""
    return max((size for one in students.values() for size in one.checkpoints.values()), default=0)


def _checkpoints(params: Params, students: Mapping[str, Trained]) -> Iterator[float]:
    """Yields the bytes of each student's and method's: weights in bf16, of LoRA its adapter in fp32
    besides.
    """
    for student in students.values():
        for name in params["grid"]["methods"]:
            adapter = 4 * student.trainable[name] if params["methods"][name]["lora"] else 0
            yield _cells(params["grid"]) * (2.0 * student.parameters + adapter)
