"""Two processes that share a student do what one does, and leave what one leaves; on this CPU,
through gloo.
"""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from click.testing import CliRunner
from transformers import AutoModelForCausalLM

from stages.core import records
from stages.core.program.errors import StageError
from stages.core.records import Example
from stages.core.training import launch
from stages.core.training.settings import Method, Training
from stages.train import main
from tests.core.training.test_checkpoints import ARM, CELL, left, newest_step, start, wait_for
from tests.made import FULL, LORA, TEXT, example, leftovers, load, params_file

TWICE = {"batch_size": 2, "accumulation": 2, "epochs": 2}
METHODS = {"full": dataclasses.replace(FULL, **TWICE), "lora": dataclasses.replace(LORA, **TWICE)}  # type: ignore[arg-type]
SHARED = Training(attention="eager", checkpointing=True, processes=2)
# Largest difference of a loss of about 5: one process keeps what flows between the layers in fp32,
# FSDP2 in bf16. Without bf16 hardware both are in fp32.
TOLERANCE = 0.003

Shared = Callable[[str], Path]


@pytest.fixture(scope="module")
def student(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny student with an LM head of its own, as the big ones have."""
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    model.config.tie_word_embeddings = False
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "student"
    shutil.copytree(tiny, folder)
    AutoModelForCausalLM.from_config(model.config).save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def rows(tokenizer: Any) -> list[Example]:
    """An odd number of examples, of as many lengths: some batches are not full."""
    return [example(number, tokenizer.eos_token) for number in range(1, 22)]


def project(
    root: Path, student: Path, rows: list[Example], method: Method, training: Training
) -> Path:
    """A folder in which the train stage runs."""
    settings = {"tiny": {"text": TEXT, "training": dataclasses.asdict(training)}}
    params_file(
        root, students=settings, methods={"how": dataclasses.asdict(method)}, seeds={"s0": 3}
    )
    shutil.copytree(student, root / "data/test/models/tiny")
    records.write(root / "data/test/sft/solver/tiny/raw.parquet", rows, Example)
    return root


@pytest.fixture(scope="module")
def shared(student: Path, rows: list[Example], tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Where two processes trained by a method, from begin to end."""
    root_by_method: dict[str, Path] = {}

    def run(name: str) -> Path:
        if name not in root_by_method:
            root = project(
                tmp_path_factory.mktemp("two") / name, student, rows, METHODS[name], SHARED
            )
            process = start(root)
            _, errors = process.communicate()
            assert process.returncode == 0, errors
            root_by_method[name] = root
        return root_by_method[name]

    return run


def metrics(root: Path, kind: str = "train") -> dict[str, Any]:
    """What a run left in git."""
    run_metrics: dict[str, Any] = json.loads(
        (root / f"metrics/test/{kind}/{CELL}.json").read_text()
    )[0]
    return run_metrics


@torch.inference_mode()
def logits(folder: Path) -> torch.Tensor:
    """What a saved student says about a fixed text."""
    fixed_logits: torch.Tensor = load(folder)(torch.arange(1, 40)[None]).logits
    return fixed_logits.clone()


@pytest.mark.parametrize("name", METHODS)
def test_two_processes_learn_and_leave_what_one_does(
    name: str,
    shared: Shared,
    student: Path,
    rows: list[Example],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one_process = project(
        tmp_path / "one", student, rows, METHODS[name], dataclasses.replace(SHARED, processes=1)
    )
    monkeypatch.chdir(one_process)
    assert (
        CliRunner().invoke(main, ["--profile", "test", *ARM], catch_exceptions=False).exit_code == 0
    )
    two_processes = shared(name)
    mine, theirs = metrics(one_process), metrics(two_processes)
    mine.pop("final_loss"), theirs.pop("final_loss")
    for (step, tokens, loss, rate), other in zip(
        mine.pop("curve"), theirs.pop("curve"), strict=True
    ):
        assert [step, tokens, rate] == [other[0], other[1], other[3]]
        assert loss == pytest.approx(other[2], abs=TOLERANCE), step
    assert mine == theirs
    assert (
        mine["steps"] == 11
    )  # 42 examples, 4 at a time: the last step has two, and no other example beside them
    timing = metrics(two_processes, "timing")
    assert timing["device"].startswith("2 x ")
    assert timing["threads"] == 2

    out = Path("data/test/checkpoints") / CELL
    files = [
        sorted(str(path.relative_to(root / out)) for path in (root / out).rglob("*"))
        for root in (one_process, two_processes)
    ]
    assert files[0] == files[1]
    assert (two_processes / out / "config.json").read_text() == (
        one_process / out / "config.json"
    ).read_text()
    learned = (logits(one_process / out) - logits(student)).abs().max()
    assert (logits(one_process / out) - logits(two_processes / out)).abs().max() < 0.02 * learned
    assert leftovers(two_processes) == []
    assert not list((two_processes / "data/scratch").iterdir())


def children(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a process started."""
    return [
        int(one)
        for one in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    ]


def running(process: int) -> bool:
    """Whether a process still runs; one that is dead and not yet waited for has no command line any
    more.
    """
    line = Path(f"/proc/{process}/cmdline")
    return line.exists() and line.read_bytes() != b""


def test_killed_run_goes_on_and_ends_as_it_would_have(
    shared: Shared, student: Path, rows: list[Example], tmp_path: Path
) -> None:
    often = dataclasses.replace(SHARED, checkpoint_minutes=0)
    root = project(tmp_path / "killed", student, rows, METHODS["full"], often)
    first_run = start(root)
    wait_for(root, 2, first_run)
    workers = children(first_run)
    assert len(workers) == 2
    first_run.send_signal(signal.SIGKILL)
    # returns when nobody holds the other end: the workers are gone with their launcher
    first_run.communicate()
    assert not [worker for worker in workers if running(worker)]

    before = newest_step(root)  # on a busy machine later than the second
    worker = start(root)
    wait_for(root, before + 1, worker)
    os.kill(children(worker)[1], signal.SIGKILL)
    _, errors = worker.communicate()
    assert worker.returncode == 1
    ended = "error: students.*.training.processes: 1 of 2 was ended by SIGKILL; run the stage again to go on"
    assert errors.splitlines()[-1] == ended
    assert not [line for line in errors.splitlines() if "Traceback" in line]
    assert not (root / "metrics").exists()
    assert not (root / "data/test/checkpoints").exists()

    last = start(root)
    _, errors = last.communicate()
    assert last.returncode == 0, errors
    assert left(root) == left(shared("full"))


def test_failure_that_all_workers_share_is_told_once(
    student: Path, rows: list[Example], tmp_path: Path
) -> None:
    root = project(tmp_path / "bare", student, rows, METHODS["lora"], SHARED)
    (root / "data/test/models/tiny/model.safetensors").unlink()
    process = start(root)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert errors.count("error: ") == errors.count("no weights that transformers can load") == 1
    assert not (root / "metrics").exists()
    assert not (root / "data/test/checkpoints").exists()


@pytest.mark.parametrize(
    ("method", "training", "complaint"),
    [
        (
            {"accumulation": 3},
            {},
            r"accumulation: 3 batches a step cannot be shared evenly by 2 processes",
        ),
        (
            {},
            {"processes": 4},
            r"accumulation: 2 batches a step cannot be shared evenly by 4 processes",
        ),
        ({}, {"own_products": True}, r"training\.own_products: for one process, and here are 2"),
        ({}, {"packed": True}, r"training\.packed: for one process, and here are 2"),
    ],
)
def test_what_two_processes_cannot_do_is_refused(
    method: dict[str, Any], training: dict[str, Any], complaint: str
) -> None:
    changed = (
        dataclasses.replace(METHODS["full"], **method),
        dataclasses.replace(SHARED, **training),
    )
    with pytest.raises(StageError, match=complaint):
        launch.check(*changed)
    launch.check(changed[0], dataclasses.replace(changed[1], processes=1))


def test_optimizer_that_cannot_share_weights_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    for name, shares in {
        "adamw_8bit": False,
        "paged_adamw_32bit": False,
        "adamw_torch_8bit": True,
    }.items():
        method = dataclasses.replace(METHODS["full"], optimizer=name)
        if shares:
            launch.check(method, SHARED)
        else:
            with pytest.raises(StageError, match=f"optimizer: {name} is bitsandbytes'"):
                launch.check(method, SHARED)


def test_big_students_of_the_paper_can_be_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    paper = yaml.safe_load((launch.CONFIG.parents[1] / "profile/paper.yaml").read_text())
    training_by_student = {
        name: Training(**student["training"]) for name, student in paper["students"].items()
    }
    assert {name for name, training in training_by_student.items() if training.processes > 1} == {
        "qwen9b",
        "llama8b",
        "gptoss20b",
    }
    for method in paper["methods"].values():
        for training in training_by_student.values():
            launch.check(Method(**method), training)
    assert all(
        training.checkpointing
        for training in training_by_student.values()
        if training.processes > 1
    )
