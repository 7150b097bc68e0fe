"""A run that was killed goes on where its last whole checkpoint stopped, and ends as it would have."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from stages.core import records
from stages.core.records import Example
from stages.core.training import checkpoints
from stages.core.training.settings import Training
from tests.imports import ROOT
from tests.made import FULL, LORA, SETTINGS, TEXT, params_file

ARM = ["--teacher", "solver", "--target", "raw", "--student", "tiny", "--method", "how", "--seed", "s0"]
CELL = "solver-raw-tiny-how-s0"
PATH: tuple[Path, ...] = (ROOT,)  # where a stage's process finds modules
OFTEN = Training(attention="rows", packed=True, own_products=True, checkpoint_minutes=0)
DROPOUT = dataclasses.replace(LORA, lora=SETTINGS | {"dropout": 0.2})


def project(root: Path, tiny: Path, examples: list[Example], method: Any) -> Path:
    """A folder in which the train stage runs, with a checkpoint after every step."""
    params_file(
        root,
        students={"tiny": {"text": TEXT, "training": dataclasses.asdict(OFTEN)}},
        methods={"how": dataclasses.asdict(method)},
        seeds={"s0": 3},
    )
    shutil.copytree(tiny, root / "data/test/models/tiny")
    records.write(root / "data/test/sft/solver/tiny/raw.parquet", examples, Example)
    return root


def start(root: Path) -> subprocess.Popen[str]:
    """The stage's command."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, PATH)), "CI": "true", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "stages.train", "--profile", "test", *ARM]
    return subprocess.Popen(command, cwd=root, env=env, stderr=subprocess.PIPE, text=True)


def left(root: Path) -> dict[str, Any]:
    """The run's metrics, and the hash of its weights."""
    import hashlib

    found: dict[str, Any] = json.loads((root / f"metrics/test/train/{CELL}.json").read_text())[0]
    weights = root / f"data/test/checkpoints/{CELL}/model.safetensors"
    return found | {"weights": hashlib.sha256(weights.read_bytes()).hexdigest()}


@pytest.mark.parametrize("method", [FULL, DROPOUT], ids=["full", "lora"])
def test_killed_run_ends_with_the_same_curve_and_weights(
    tmp_path: Path, tiny: Path, examples: list[Example], method: Any
) -> None:
    whole = project(tmp_path / "whole", tiny, examples, method)
    assert start(whole).wait() == 0
    killed = project(tmp_path / "killed", tiny, examples, method)
    for step in (2, 7, 11):
        process = start(killed)
        wait_for(killed, step, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (killed / "metrics").exists()
        assert not (killed / "data/test/checkpoints" / CELL).exists()
    last = start(killed)
    _, said = last.communicate()
    assert last.returncode == 0, said
    assert left(killed) == left(whole)
    assert not list((killed / "data/scratch").iterdir())
    timing = json.loads((killed / f"metrics/test/timing/{CELL}.json").read_text())[0]
    assert len(timing["speeds"]) == 15


def newest_step(root: Path) -> int:
    """That of the last checkpoint, which may be half written; 0 without one."""
    steps = (int(path.name.partition("-")[2]) for path in (root / "data/scratch").glob("*/checkpoint-*"))
    return max(steps, default=0)


def wait_for(root: Path, step: int, process: subprocess.Popen[str]) -> None:
    """Returns while checkpoint `step`, or a later one, is being written or has just been."""
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        if newest_step(root) >= step:
            return
        time.sleep(0.005)
    raise AssertionError(f"step {step} was not reached: {process.stderr.read() if process.stderr else None}")


def test_checkpoint_that_was_not_finished_is_not_gone_on_from(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path) is None
    for step in (5, 10, 90, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
    for step in (5, 90):
        (tmp_path / f"checkpoint-{step}" / checkpoints.WHOLE).touch()
    assert checkpoints.newest(tmp_path) == tmp_path / "checkpoint-90"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-5", "checkpoint-90"]


def test_scratch_is_another_for_whatever_changes_the_result(
    tiny: Path, examples: list[Example], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(tiny, other)
    (other / "model.safetensors").write_bytes((tiny / "model.safetensors").read_bytes()[:-1] + b"x")
    known = (tiny, examples, FULL, OFTEN, 0, "cell")
    assert checkpoints.scratch(*known) == checkpoints.scratch(*known)
    patient = dataclasses.replace(OFTEN, checkpoint_minutes=5)
    assert checkpoints.scratch(tiny, examples, FULL, patient, 0, "cell") == checkpoints.scratch(*known)
    changed = [
        (other, examples, FULL, OFTEN, 0, "cell"),
        (tiny, examples[1:], FULL, OFTEN, 0, "cell"),
        (tiny, examples, LORA, OFTEN, 0, "cell"),
        (tiny, examples, FULL, dataclasses.replace(OFTEN, packed=False), 0, "cell"),
        (tiny, examples, FULL, OFTEN, 1, "cell"),
        (tiny, examples, FULL, OFTEN, 0, "cell2"),
    ]
    assert len({checkpoints.scratch(*known), *(checkpoints.scratch(*one) for one in changed)}) == 7


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"checkpoints.machine.device": lambda: "another"},
        {"checkpoints.launch.world": lambda: 2},
        {"checkpoints.files.digest": lambda *_: "other code"},
        {"checkpoints._version": lambda library: "9" if library == "torchao" else "1"},
    ],
)
def test_scratch_is_another_where_code_libraries_or_machine_are(
    tiny: Path, examples: list[Example], monkeypatch: pytest.MonkeyPatch, elsewhere: dict[str, Any]
) -> None:
    known = (tiny, examples, FULL, OFTEN, 0, "cell")
    here = checkpoints.scratch(*known)
    for name, other in elsewhere.items():
        monkeypatch.setattr(f"stages.core.training.{name}", other)
    assert checkpoints.scratch(*known) != here
