"""torchao's AdamW with states of 8 bits, the paper profile's, shared by two processes, and after a
kill.

torchao lies in a folder of its own, because whatever imports peft would load it.
"""

import dataclasses
import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from stages.core import records
from stages.core.records import Example
from stages.core.students import sums
from stages.core.students.origins import StudentSource, random_weights
from stages.core.training.settings import Training
from tests.core.training import test_checkpoints
from tests.core.training.test_checkpoints import CELL, left, start, wait_for
from tests.made import FULL, SHAPE, TEXT, example, params_file

TORCHAO = Path(sys.prefix) / "torchao"
pytestmark = pytest.mark.skipif(not TORCHAO.is_dir(), reason="no torchao: `make test` installs it")
# Tensors of fewer than 4,096 numbers keep states of 32 bits: here norms alone, in halves of two
# processes too
WIDE = StudentSource(kind="random", config=SHAPE | {"hidden_size": 128, "intermediate_size": 256})
METHOD = dataclasses.replace(FULL, batch_size=2, accumulation=2, epochs=2)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student whose matrices are large enough."""
    folder = tmp_path_factory.mktemp("models") / "wide"
    random_weights(WIDE, folder)
    return folder


def project(root: Path, wide: Path, eos: str, optimizer: str, minutes: float) -> Path:
    """A folder in which the train stage runs."""
    training = Training(attention="eager", processes=2, checkpoint_minutes=minutes)
    method = dataclasses.asdict(METHOD) | {
        "optimizer": optimizer
    }  # a Method of it wants torchao in this process too
    settings = {"tiny": {"text": TEXT, "training": dataclasses.asdict(training)}}
    params_file(root, students=settings, methods={"how": method}, seeds={"s0": 3})
    shutil.copytree(wide, root / "data/test/models/tiny")
    records.write(
        root / "data/test/sft/solver/tiny/raw.parquet",
        [example(n, eos) for n in range(1, 22)],
        Example,
    )
    return root


def finished(root: Path) -> dict[str, Any]:
    """What a run that nobody kills leaves."""
    process = start(root)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return left(root)


def state_bytes(root: Path) -> int:
    """Of the optimizer, in a checkpoint that was written to its end."""
    checkpoint = next((root / "data/scratch").glob(f"*/checkpoint-*/{sums.NAME}")).parent
    return (
        sum(path.stat().st_size for path in checkpoint.rglob("optimizer*/*"))
        or (checkpoint / "optimizer.pt").stat().st_size
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_states_are_small_and_a_killed_run_ends_as_it_would_have(
    wide: Path, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_checkpoints, "PATH", (*test_checkpoints.PATH, TORCHAO))

    def new_project(name: str, optimizer: str = "adamw_torch_8bit", minutes: float = 999) -> Path:
        return project(tmp_path / name, wide, tokenizer.eos_token, optimizer, minutes)

    uninterrupted, plain = (
        finished(new_project("whole")),
        finished(new_project("plain", "adamw_torch")),
    )
    for (*_, loss, _), (*_, other, _) in zip(uninterrupted["curve"], plain["curve"], strict=True):
        assert loss == pytest.approx(other, abs=0.05)
    assert uninterrupted["weights"] != plain["weights"]

    killed = new_project("killed", minutes=0)
    process = start(killed)
    wait_for(killed, 4, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (
        state_bytes(killed) < 0.5 * 8 * uninterrupted["trainable_params"]
    )  # two states of 32 bits would take 8 bytes
    assert finished(killed) == uninterrupted
    assert json.loads((killed / f"metrics/test/timing/{CELL}.json").read_text())[0]["device"]
