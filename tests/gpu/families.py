"""The paper's students in miniature: the train stage trains, saves and reads them back.

As a program it writes the losses of a CPU into FOLDER/losses.json.

Run: python -m tests.gpu.families FOLDER NAME-METHOD ...
"""

import contextlib
import dataclasses
import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from click.testing import CliRunner
from transformers.utils.import_utils import is_flash_linear_attention_available

from stages import train
from stages.core import records, tokens
from stages.core.machine import hardware
from stages.core.program.errors import StageError
from stages.core.program.files import read_json, write_json
from stages.core.records import Example
from stages.core.training.settings import Method, Training
from tests.core.training.students import METHODS as ALONE
from tests.core.training.students import example, student
from tests.gpu import device
from tests.gpu.parts import Numbers, SkippedError
from tests.imports import ROOT
from tests.made import params_file
from tests.miniatures import paper

LAYOUTS = ("padded", "packed")
# Largest difference of a loss of about 6.5 from the CPU's: at the first two steps, before anything
# was learned, and later, when AdamW's first updates have amplified rounding. On one CPU bf16 and
# fp32 differ by up to 0.0095 and 0.070.
FIRST, LATER = 0.02, 0.1
LOSSES = "losses.json"
# Two rows a batch, because a single row has nothing to be packed with
METHODS = {
    name: dataclasses.replace(method, batch_size=2, accumulation=1)
    for name, method in ALONE.items()
}
PROFILE = "profile"  # what the names of the profile's own methods begin with here
Curve = list[list[float]]


def declared(name: str) -> dict[str, Any]:
    """A student's entry in the paper's profile."""
    entry: dict[str, Any] = paper.profile()["students"][name]
    return entry


def training(name: str, layout: str) -> Training:
    """How a student is trained here: with the profile's attention.

    A CPU is the exception for flex attention, which cannot learn there.
    """
    attention = declared(name)["training"]["attention"]
    if attention == "flex_attention" and not torch.cuda.is_available():
        attention = "eager"
    return Training(attention=attention, checkpointing=True, packed=layout == "packed")


def project(name: str, root: Path) -> Path:
    """Makes a folder in which the train stage runs one student in every layout and by every method.

    All of them train on the same examples.
    """
    text = declared(name)["text"]
    folder = student(name, root)
    layouts = {
        layout: {"text": text, "training": dataclasses.asdict(training(name, layout))}
        for layout in LAYOUTS
    }
    methods = {name: dataclasses.asdict(method) for name, method in (METHODS | profiles()).items()}
    params_file(root, students=layouts, methods=methods, seeds={"s0": 3})
    tokenizer = tokens.load(folder)
    rows = [example(tokenizer, text["prompt_template"], number) for number in range(1, 6)]
    for layout in LAYOUTS:
        (folder.parent / layout).symlink_to(folder.name)
        records.write(root / f"data/test/sft/solver/{layout}/raw.parquet", rows, Example)
    return root


def profiles() -> dict[str, Method]:
    """The profile's own methods, with their 8-bit optimizer and dropout, but two batches a step."""
    written = paper.profile()["methods"]
    return {
        f"{PROFILE}_{name}": Method(**entry | {"accumulation": 2})
        for name, entry in written.items()
    }


def run(stage: Any, root: Path, **cell: str) -> None:
    """Runs one stage's command in `root`. Raises StageError with its output where it fails."""
    options = [word for name, value in cell.items() for word in (f"--{name}", value)]
    with contextlib.chdir(root):
        done = CliRunner().invoke(stage.main, options, catch_exceptions=False)
    if done.exit_code:
        raise StageError(done.output.strip()[-600:])


def read(root: Path, kind: str, profile: str, cell: Mapping[str, str]) -> Numbers:
    """A cell's metrics of a kind."""
    metrics: Numbers = read_json(
        root / "metrics" / profile / kind / f"{'-'.join(cell.values())}.json"
    )[0]
    return metrics


def cell(root: Path, layout: str, method: str) -> Numbers:
    """Train, save and read back one student in the folder that `project` made.

    Raises SkippedError where a library is missing that the machine of a study would have.
    """
    if "linear_attention" in (root / "data/test/models/mine/config.json").read_text():
        kernels()
    if method.startswith(PROFILE) and importlib.util.find_spec("torchao") is None:
        raise SkippedError("torchao is not installed")
    device.forget_peak()
    names = {
        "teacher": "solver",
        "target": "raw",
        "student": layout,
        "method": method,
        "seed": "s0",
    }
    run(train, root, profile="test", **names)
    learned, took = read(root, "train", "test", names), read(root, "timing", "test", names)
    kept = ("packed", "contamination", "trainable_params", "steps", "final_loss", "curve")
    return {name: learned[name] for name in kept} | {
        name: took[name] for name in ("step_seconds", "first_step_seconds", "peak_memory_gb")
    }


def kernels() -> None:
    """Raises SkippedError where a GPU lacks the kernels of linear attention.

    Training refuses to begin there.
    """
    if torch.cuda.is_available() and not is_flash_linear_attention_available():
        raise SkippedError("flash-linear-attention is not installed")


def on_cpu(folder: Path, cells: Sequence[str]) -> "subprocess.Popen[str]":
    """Start a process that trains those cells, each NAME-METHOD, on this machine's CPU."""
    folder.mkdir(parents=True)
    env = os.environ | {"CUDA_VISIBLE_DEVICES": "", "CI": "true"}
    command = [sys.executable, "-m", "tests.gpu.families", str(folder.resolve()), *cells]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )


def losses(folder: Path, cells: Sequence[str]) -> None:
    """Train cells, and write all curves so far, by name, after each one."""
    curves: dict[str, Curve] = {}
    for cell_name in cells:
        name, _, method = cell_name.partition("-")
        root = folder / name
        curves[cell_name] = cell(root if root.exists() else project(name, root), "padded", method)[
            "curve"
        ]
        write_json(folder / LOSSES, curves)


def compared(curve: Curve, cpu: Curve) -> Numbers:
    """The largest differences of the losses of two runs.

    Raises StageError where they are larger than rounding explains.
    """
    if [[step, tokens_seen, rate] for step, tokens_seen, _, rate in curve] != [
        [step, tokens_seen, rate] for step, tokens_seen, _, rate in cpu
    ]:
        raise StageError("steps, tokens or learning rates are not those of the CPU")
    differences = [abs(ours[2] - theirs[2]) for ours, theirs in zip(curve, cpu, strict=True)]
    first, later = (round(max(part, default=0.0), 6) for part in (differences[:2], differences[2:]))
    if not (first <= FIRST and later <= LATER):  # NaN fails too
        raise StageError(
            f"losses differ from the CPU's by {first} in the first steps and {later} later"
        )
    return {"first": first, "later": later, "tolerance": [FIRST, LATER]}


if __name__ == "__main__":
    torch.set_num_threads(max(1, min(4, (os.cpu_count() or 1) // 2)))
    hardware.hide_kernels()
    losses(Path(sys.argv[1]), sys.argv[2:])
