"""A run that was killed goes on where its last whole checkpoint stopped, and ends as it would have."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.core import records
from stages.core.records import Example
from stages.core.students import sums
from stages.core.training import checkpoints, scratch
from stages.core.training.settings import Training
from tests.imports import ROOT
from tests.made import FULL, LORA, SETTINGS, TEXT, leftovers, params_file, run

ARM = [
    "--teacher",
    "solver",
    "--target",
    "raw",
    "--student",
    "tiny",
    "--method",
    "how",
    "--seed",
    "s0",
]
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
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, PATH)),
        "CI": "true",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "stages.train", "--profile", "test", *ARM]
    return subprocess.Popen(command, cwd=root, env=env, stderr=subprocess.PIPE, text=True)


def left(root: Path) -> dict[str, Any]:
    """The run's metrics, and the hash of its weights."""
    import hashlib

    run_metrics: dict[str, Any] = json.loads(
        (root / f"metrics/test/train/{CELL}.json").read_text()
    )[0]
    weights = root / f"data/test/checkpoints/{CELL}/model.safetensors"
    return run_metrics | {"weights": hashlib.sha256(weights.read_bytes()).hexdigest()}


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
    spoilt = max(
        killed.glob("data/scratch/*/checkpoint-*/SHA256SUMS"),
        key=lambda path: path.stat().st_mtime_ns,
    ).parent
    flip(next(spoilt.glob("*.safetensors")))
    last = start(killed)
    _, errors = last.communicate()
    assert last.returncode == 0, errors
    assert f"{spoilt.name}/" in errors
    assert "damaged; training goes on from what is older" in errors
    assert left(killed) == left(whole)
    assert not list((killed / "data/scratch").iterdir())
    timing = json.loads((killed / f"metrics/test/timing/{CELL}.json").read_text())[0]
    assert len(timing["speeds"]) == 15


def flip(path: Path) -> None:
    """Changes a bit in the middle of a file, and neither its size nor its time."""
    before, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def newest_step(root: Path) -> int:
    """That of the last checkpoint, which may be half written; 0 without one."""
    steps = (
        int(path.name.partition("-")[2]) for path in (root / "data/scratch").glob("*/checkpoint-*")
    )
    return max(steps, default=0)


def wait_for(root: Path, step: int, process: subprocess.Popen[str]) -> None:
    """Returns while checkpoint `step`, or a later one, is being written or has just been."""
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        if newest_step(root) >= step:
            return
        time.sleep(0.005)
    raise AssertionError(
        f"step {step} was not reached: {process.stderr.read() if process.stderr else None}"
    )


def test_checkpoint_that_was_not_finished_is_not_gone_on_from(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path) is None
    for step in (5, 10, 90, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
    for step in (5, 90):
        fill(tmp_path / f"checkpoint-{step}")
    assert checkpoints.newest(tmp_path) == tmp_path / "checkpoint-90"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-5", "checkpoint-90"]


def fill(folder: Path) -> None:
    """A checkpoint of two files with its checksums."""
    for name in ("model.safetensors", "state/optimizer.pt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"weights" * 99)
    sums.write(folder, sums.computed(folder, sums.names(folder)))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a flipped bit": lambda folder: flip(folder / "state/optimizer.pt"),
    "a truncated file": lambda folder: os.truncate(folder / "model.safetensors", 300),
    "an empty file": lambda folder: os.truncate(folder / "model.safetensors", 0),
    "a missing file": lambda folder: (folder / "state/optimizer.pt").unlink(),
    "an added file": lambda folder: (folder / "trainer_state.json").touch(),
    "empty checksums": lambda folder: os.truncate(folder / sums.NAME, 0),
    "checksums cut within a line": lambda folder: os.truncate(folder / sums.NAME, 100),
    "checksums cut after a line": lambda folder: os.truncate(folder / sums.NAME, 84),
    "checksums of other bytes": lambda folder: flip(folder / sums.NAME),
    "checksums that are no text": lambda folder: (folder / sums.NAME).write_bytes(b"\xff\xfe"),
    "nothing": lambda folder: [shutil.rmtree(folder), folder.mkdir(), (folder / sums.NAME).touch()],
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_checkpoint_is_removed_and_an_older_one_taken(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    older, newer = tmp_path / "checkpoint-9", tmp_path / "checkpoint-10"
    for folder in (older, newer):
        fill(folder)
    assert checkpoints.newest(tmp_path) == newer
    DAMAGE[kind](newer)
    assert checkpoints.newest(tmp_path) == older
    assert not newer.exists()
    assert capfd.readouterr().err.startswith(f"warning: {newer}/")
    DAMAGE[kind](older)
    assert checkpoints.newest(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_checkpoint_that_does_not_fit_is_one_line_and_leaves_none(
    tmp_path: Path, tiny: Path, examples: list[Example]
) -> None:
    root = project(tmp_path, tiny, examples, FULL)
    done = run(
        "stages.train", "--profile", "test", *ARM, cwd=root, limit=100_000
    )  # room for weights
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]  # before it a library may complain of the machine
    assert re.match(
        r"error: data/(scratch|test)/.*: File too large; make room or rights there, then run", line
    )
    assert not list(root.glob("data/scratch/*/checkpoint-*"))
    assert leftovers(root) == []
    assert not (root / "metrics").exists()


def test_damaged_student_is_not_trained(
    tmp_path: Path, tiny: Path, examples: list[Example]
) -> None:
    root = project(tmp_path, tiny, examples, FULL)
    base = root / "data/test/models/tiny"
    sums.write(base, sums.computed(base, sums.names(base)))
    flip(base / "model.safetensors")
    process = start(root)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert errors.startswith("error: data/test/models/tiny/model.safetensors: damaged: ")
    assert errors.count("\n") == 1


def test_cell_is_trained_by_one_process_at_a_time(
    tmp_path: Path, tiny: Path, examples: list[Example]
) -> None:
    root = project(tmp_path, tiny, examples, FULL)
    folder = checkpoints.scratch_folder(
        root / "data/test/models/tiny", examples, FULL, OFTEN, 3, f"test-{CELL}"
    )
    with scratch.held(root / folder):
        process = start(root)
        _, errors = process.communicate()
    assert process.returncode == 1
    assert (
        f"error: {folder}: another process trains this cell; wait for its end"
        in errors.splitlines()[-1]
    )


def test_scratch_is_another_for_whatever_changes_the_result(
    tiny: Path, examples: list[Example], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(tiny, other)
    (other / "model.safetensors").write_bytes((tiny / "model.safetensors").read_bytes()[:-1] + b"x")
    known = (tiny, examples, FULL, OFTEN, 0, "cell")
    assert checkpoints.scratch_folder(*known) == checkpoints.scratch_folder(*known)
    patient = dataclasses.replace(OFTEN, checkpoint_minutes=5)
    assert checkpoints.scratch_folder(
        tiny, examples, FULL, patient, 0, "cell"
    ) == checkpoints.scratch_folder(*known)
    changed = [
        (other, examples, FULL, OFTEN, 0, "cell"),
        (tiny, examples[1:], FULL, OFTEN, 0, "cell"),
        (tiny, examples, LORA, OFTEN, 0, "cell"),
        (tiny, examples, FULL, dataclasses.replace(OFTEN, packed=False), 0, "cell"),
        (tiny, examples, FULL, OFTEN, 1, "cell"),
        (tiny, examples, FULL, OFTEN, 0, "cell2"),
    ]
    assert (
        len(
            {
                checkpoints.scratch_folder(*known),
                *(checkpoints.scratch_folder(*changes) for changes in changed),
            }
        )
        == 7
    )


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"checkpoints.hardware.device": lambda: "another"},
        {"checkpoints.process_group.world_size": lambda: 2},
        {"checkpoints.files.digest": lambda *_: "other code"},
        {"checkpoints._version": lambda library: "9" if library == "torchao" else "1"},
    ],
)
def test_scratch_is_another_where_code_libraries_or_machine_are(
    tiny: Path, examples: list[Example], monkeypatch: pytest.MonkeyPatch, elsewhere: dict[str, Any]
) -> None:
    known = (tiny, examples, FULL, OFTEN, 0, "cell")
    here = checkpoints.scratch_folder(*known)
    for name, other in elsewhere.items():
        monkeypatch.setattr(f"stages.core.training.{name}", other)
    assert checkpoints.scratch_folder(*known) != here
