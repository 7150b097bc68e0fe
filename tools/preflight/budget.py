"""Tell how large the study is: questions and answers of each stage, GPU hours, and disk space."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core.imports import sources
from stages.core.questions.items import QuestionSet
from tools import costs, set_sizes
from tools.preflight.lines import Report, counted

GB = 1e9
Params = Mapping[str, Any]


@dataclass(frozen=True)
class TrainedSizes:
    """The sizes of what a student's cells leave."""

    parameters: int
    trainable: Mapping[str, int]  # parameters by method; for LoRA those of the adapter
    checkpoints: Mapping[str, int]  # by method: bytes of one checkpoint to resume from
    cached: int = 0  # bytes of its weights in the hub's cache


def rows(name: str, entry: QuestionSet, split: str) -> int | None:
    """Questions of a split; None where it takes all and nobody has counted them."""
    size = entry.sizes.get(split, 0)
    if size is not None:
        return size
    if entry.kind == "file" and split in entry.files:
        return sum(1 for _ in sources.rows(sources.QUESTIONS / entry.files[split]))
    known_sizes = dict(zip(("train", "test"), set_sizes.QUESTIONS.get(name, ()), strict=False))
    return known_sizes.get(split)


def check_questions(params: Params, sets: Mapping[str, QuestionSet], report: Report) -> None:
    """Adds how many questions each stage asks, and how many answers come back at most."""
    grid = params["grid"]
    train_rows = [rows(set_name, entry, "train") for set_name, entry in sets.items()]
    question_count = sum(filter(None, train_rows))
    uncounted = _uncounted(sets, "train")
    set_count = counted(sum(size != 0 for size in train_rows), "set")
    finding = f"{question_count:,} to train on, in {set_count}{uncounted}"
    report.ok("questions", "number", finding)
    for teacher in grid["generated"]:
        answers = counted(params["teachers"][teacher]["samples"], "answer")
        finding = f"{teacher}: at most {answers} to each of {question_count:,} questions{uncounted}"
        report.ok("generate", "number", finding)
    teacher_count = counted(len(grid["teachers"]), "teacher")
    for compressor in grid["compressors"]:
        report.ok("compress", "number", f"{compressor}: the right traces of {teacher_count}")
    cell_count = counted(_cells(grid) * len(grid["students"]), "cell")
    for method in grid["methods"]:
        steps = _steps(params["methods"][method], question_count, uncounted)
        report.ok("train", "number", f"{method}: {cell_count}, {steps}")
    _check_evaluation(params, sets, report)


def _steps(method: Params, question_count: int, uncounted: str) -> str:
    """The optimizer steps of a cell, by its method's budget, in words."""
    match method.get("budget", "equal_epochs"):
        case "equal_steps":
            return f"each {counted(method['steps'], 'step')}"
        case "equal_tokens":
            return "steps unknown: as many as use up the tokens of the raw traces"
        case _:
            examples_a_step = method["batch_size"] * method["accumulation"]
            steps = -(-question_count * method["epochs"] // examples_a_step)  # rounded up
            return f"each some {counted(steps, 'step')} for a trace a question{uncounted}"


def _uncounted(sets: Mapping[str, QuestionSet], split: str) -> str:
    """The sets that give all rows of a split that nobody has counted, as the end of a finding."""
    names = [set_name for set_name, entry in sets.items() if rows(set_name, entry, split) is None]
    return f", and all of {', '.join(names)}" if names else ""


def _check_evaluation(params: Params, sets: Mapping[str, QuestionSet], report: Report) -> None:
    """Adds how many checkpoints answer how many questions."""
    grid, evaluation = params["grid"], params["evaluate"]
    greedy_answers = drawn_questions = 0
    for set_name, entry in sets.items():
        all_questions = rows(set_name, entry, evaluation["split"]) or 0
        question_count = _at_most(all_questions, evaluation["questions"])
        greedy_answers += question_count
        drawn_questions += _at_most(question_count, evaluation["sampled_questions"])
    # The untrained student is one more
    checkpoints = (_cells(grid) * len(grid["methods"]) + 1) * len(grid["students"])
    drawn_answers = evaluation["samples"] * drawn_questions
    of_each = f"{counted(greedy_answers, 'greedy answer')}, {drawn_answers:,} drawn"
    finding = f"{counted(checkpoints, 'checkpoint')}; of each {of_each}"
    report.ok("evaluate", "number", f"{finding}{_uncounted(sets, evaluation['split'])}")


def _at_most(size: int, limit: int | None) -> int:
    return size if limit is None else min(size, limit)


def _cells(grid: Params) -> int:
    """Cells of one student and one method."""
    return len(grid["teachers"]) * len(grid["targets"]) * len(grid["seeds"])


def check_hours(params: Params, report: Report) -> float | None:
    """Adds the GPU hours of each part, and returns the tokens of all answers.

    Returns None where tools/costs.py lacks the rates.
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
        billions = part.tokens / 1e9
        finding = (
            f"{part.part}: {part.hours:,.0f} hours of one H200, {billions:,.2f} billion tokens"
        )
        report.ok("hours", "GPUs", finding)
    return sum(part.tokens for part in parts if "learns" not in part.part)


def _study(params: Params) -> costs.StudyCosts | None:
    """The study's costs, or None where tools/costs.py has no numbers of a model or a set."""
    grid = params["grid"]
    set_names = [set_name for set_name, _ in set_sizes.sets(params)]
    required: list[tuple[Iterable[str], Iterable[str]]] = [
        (grid["teachers"], costs.RAW_CHARS),
        (grid["compressors"], costs.READ_AND_WRITTEN),
        (grid["students"], costs.PARAMETERS),
        (set_names, set_sizes.QUESTIONS),
    ]
    for names, numbers in required:
        if not set(names) <= set(numbers):
            return None
    return costs.StudyCosts(params, costs.trace_count(params))


def check_disk(
    params: Params,
    students: Mapping[str, TrainedSizes],
    cached: int,
    tokens: float | None,
    report: Report,
) -> None:
    """Adds the bytes of all that the study keeps, and what is free on the disk of data/.

    `cached` are the bytes of the asked models' weights in the hub's cache, and `tokens` those of
    all answers. The cache is counted although it may lie on another disk (HF_HOME).
    """
    students_cached = sum(sizes.cached for sizes in students.values())
    parts = {
        "checkpoints of the cells": sum(_checkpoints(params, students)),
        "at most of answers in data/store": (tokens or 0.0) * costs.CHARS_PER_TOKEN,
        "weights in the hub's cache": cached + students_cached,
        "students in data/models": sum(2.0 * sizes.parameters for sizes in students.values()),
        "two checkpoints of the largest cell in data/scratch": 2.0 * _largest(students),
    }
    # data/ may be a link to another disk; before the first run it is not there
    free = shutil.disk_usage(Path("data") if Path("data").is_dir() else Path()).free
    listed = ", ".join(f"{size / GB:,.2f} GB {name}" for name, size in parts.items() if size)
    finding = f"{sum(parts.values()) / GB:,.2f} GB: {listed}; {free / GB:,.0f} GB are free here"
    if sum(parts.values()) < free:
        report.ok("disk", "data/", finding)
        return
    remedy = (
        "put data/, HF_HOME and the DVC cache on a larger disk, "
        "or run the cells in slices that push theirs (conf/launch/)"
    )
    report.warning("disk", "data/", finding, remedy)


def _largest(students: Mapping[str, TrainedSizes]) -> int:
    """Bytes of the largest checkpoint to resume from. Two exist while a new one is written."""
    largest_of_each = [max(sizes.checkpoints.values(), default=0) for sizes in students.values()]
    return max(largest_of_each, default=0)


def _checkpoints(params: Params, students: Mapping[str, TrainedSizes]) -> Iterator[float]:
    """Yields the bytes of all cells of each student and method.

    A cell keeps its weights in bf16 and, for LoRA, the adapter in fp32 besides.
    """
    for student in students.values():
        for name in params["grid"]["methods"]:
            adapter = 4 * student.trainable[name] if params["methods"][name]["lora"] else 0
            yield _cells(params["grid"]) * (2.0 * student.parameters + adapter)
