"""The paper's students in miniature, as the models stage leaves them, and cells that train them."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from stages.core import chat, records, tokens
from stages.core.program import params
from stages.core.records import Example
from stages.core.students.origins import StudentSource
from stages.core.training.settings import Method, Training
from stages.models import settle
from tests.composing import students
from tests.imports import ROOT
from tests.made import FULL, LORA, params_file
from tests.miniatures import build

CELL = "solver-raw-mine-how-s0"
ARM = [
    "--teacher",
    "solver",
    "--target",
    "raw",
    "--student",
    "mine",
    "--method",
    "how",
    "--seed",
    "s0",
]
SHAPE = {"batch_size": 1, "accumulation": 2, "epochs": 2}
METHODS = {
    "full": dataclasses.replace(FULL, **SHAPE),  # type: ignore[arg-type]
    "lora": dataclasses.replace(LORA, **SHAPE),  # type: ignore[arg-type]
}
TRAINING = Training(attention="eager", checkpointing=True)


def student(name: str, root: Path) -> Path:
    """The folder of a student of the paper, made of its miniature by what the models stage does."""
    folder = root / "data/test/models/mine"
    declared = students("paper")[name]["source"]
    build(declared["repo"], folder)
    settle(params.section(StudentSource, declared, "source"), folder, "source")
    return folder


def project(name: str, root: Path, method: Method, training: Training = TRAINING) -> Path:
    """A folder in which the train stage runs over five examples."""
    text = students("paper")[name]["text"]
    params_file(
        root,
        students={"mine": {"text": text, "training": dataclasses.asdict(training)}},
        methods={"how": dataclasses.asdict(method)},
        seeds={"s0": 3},
    )
    tokenizer = tokens.load(student(name, root))
    rows = [example(tokenizer, text["prompt_template"], number) for number in range(1, 6)]
    records.write(root / "data/test/sft/solver/mine/raw.parquet", rows, Example)
    return root


def example(tokenizer: Any, template: str, number: int) -> Example:
    """An example of a length of its own."""
    prompt = chat.prompt(tokenizer, template, f"Count to {number}.")
    completion = chat.completion(
        " ".join(map(str, range(number))), str(number), tokenizer.eos_token
    )
    asked, learned = tokens.count(tokenizer, prompt), tokens.count(tokenizer, completion)
    return Example(
        question_id=f"q{number:02}",
        sample=0,
        prompt=prompt,
        completion=completion,
        prompt_tokens=asked,
        completion_tokens=learned,
        raw_tokens=learned,
    )


def started(root: Path) -> subprocess.CompletedProcess[str]:
    """The stage's command in `root`, as a user runs it."""
    command = [sys.executable, "-m", "stages.train", "--profile", "test", *ARM]
    env = os.environ | {"PYTHONPATH": str(ROOT), "CI": "true"}
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)


def curve(root: Path) -> list[list[float]]:
    """The points of a cell's curve: step, tokens, loss, learning rate."""
    points: list[list[float]] = json.loads((root / f"metrics/test/train/{CELL}.json").read_text())[
        0
    ]["curve"]
    return points
