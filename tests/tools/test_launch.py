"""What conf/launch leaves on a machine that others use too, and which cells it runs on which
machine.
"""

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.imports import ROOT
from tools import costs, gpus

SECRET = "secret_access_key = do-not-leave-me"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose slice looks at the secrets that it is to use, and whose remote's are not
    in git.
    """
    root = tmp_path / "repository"
    (root / "conf/launch").mkdir(parents=True)
    (root / ".dvc").mkdir()
    shutil.copy(ROOT / "conf/launch/slurm.sh", root / "conf/launch")
    (root / "conf/launch/slice.sh").write_text(
        "#!/bin/sh\ncat .dvc/config.local; echo $*; exit $CODE\n"
    )
    (root / "conf/launch/slice.sh").chmod(0o755)
    (root / ".dvc/config").touch()
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    for words in (
        ("init", "--quiet"),
        ("add", "--all"),
        (*identity, "commit", "--quiet", "-m", "copy"),
    ):
        subprocess.run(["git", *words], cwd=root, check=True)
    (root / ".dvc/config.local").write_text(SECRET)
    return root


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("secrets", [True, False])
def test_slurm_uses_the_remotes_secrets_and_leaves_none(
    repository: Path, tmp_path: Path, code: int, secrets: bool
) -> None:
    if not secrets:
        (repository / ".dvc/config.local").unlink()
    node = tmp_path / "node"
    node.mkdir()
    slurm = {"SLURM_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "4"}
    env = {name: value for name, value in os.environ.items() if not name.startswith("SLURM")}
    env |= slurm | {"TMPDIR": str(node), "CODE": str(code)}
    command = ["bash", "conf/launch/slurm.sh", "paper", "8"]
    done = subprocess.run(command, cwd=repository, env=env, capture_output=True, text=True)
    assert done.returncode == code
    assert done.stdout == (SECRET if secrets else "") + "paper 1 4 8\n"
    assert (node / "compress-distill-7/conf/launch/slice.sh").exists()
    assert not os.path.lexists(node / "compress-distill-7/.dvc/config.local")
    assert (repository / ".dvc/config.local").exists() == secrets


PAPER = costs.profile("paper")
GRID = PAPER["grid"]
STAGES = ["questions@paper", *(f"evaluate_untrained@paper-{name}" for name in GRID["students"])]
AXES = [GRID[f"{axis}s"] for axis in ("teacher", "target", "student", "method", "seed")]
STAGES += [
    f"{stage}@paper-{'-'.join(cell)}"
    for cell in itertools.product(*AXES)
    for stage in ("train", "evaluate")
]


def sliced(*arguments: int) -> list[list[str]]:
    """What cells.py prints for the paper's stages: the stages of each cell."""
    command = [sys.executable, "-m", "tools.cells", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command,
        input="\n".join(STAGES),
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return [line.split() for line in done.stdout.splitlines()]


def test_machines_get_the_cells_that_use_all_their_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(PAPER))
    small, large = sliced(0, 1, 1), sliced(0, 1, 8)
    assert all("-qwen08b" in name for cell in small for name in cell)
    assert (len(small), len(large)) == (20 + 1, 60 + 3)
    stages = [name for cell in small + large for name in cell]
    assert sorted(stages) == sorted(STAGES[1:])
    assert [
        "train@paper-qwen397b-raw-qwen9b-lora-s0",
        "evaluate@paper-qwen397b-raw-qwen9b-lora-s0",
    ] in large
    parts = [cell for number in range(3) for cell in sliced(number, 3)]
    assert sorted(parts) == sorted(small + large)


def test_machine_that_no_cell_fits_is_told_what_cells_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(PAPER))
    with pytest.raises(subprocess.CalledProcessError) as error:
        sliced(0, 1, 4)
    assert error.value.stderr == "error: GPUS 4: no cell uses as many; cells use 1, 8\n"


def test_whatever_holds_eight_gpus_uses_eight() -> None:
    sections = {**PAPER["teachers"], **PAPER["compressors"]}
    assert {
        name: gpus.of_inference(section["inference"]) for name, section in sections.items()
    } == dict.fromkeys(sections, 8)
    for name, student in PAPER["students"].items():
        assert student["training"].get("processes", 1) == gpus.of_inference(student["inference"]), (
            name
        )


@pytest.mark.parametrize(
    ("section", "count"),
    [
        ({"engine": "vllm"}, 1),
        (
            {"engine": "vllm", "options": {"tensor_parallel_size": 4, "pipeline_parallel_size": 2}},
            8,
        ),
        ({"engine": "ray", "replicas": 4, "gpus": 2, "run": {"engine": "vllm"}}, 8),
        ({"engine": "ray", "replicas": 4, "run": {"engine": "transformers"}}, 0),
        ({"engine": "transformers"}, 1),
        ({"engine": "openai"}, 0),
        ({"engine": "scripted"}, 0),
    ],
)
def test_gpus_of_an_engine(section: dict[str, Any], count: int) -> None:
    assert gpus.of_inference(section) == count
