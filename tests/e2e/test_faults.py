"""What the README's table of troubles says of kills, of disks and of rights is tried for real."""

import contextlib
import os
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from stages.core.students import sums
from tests.e2e.project import Project

CELL = "scripted-raw-tiny-lora-s0"
CHECKPOINT = f"data/smoke/checkpoints/{CELL}"


@pytest.fixture(scope="module")
def project(smoked: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the smoke profile's results, whose outs are hard links into DVC's cache, as DVC
    makes them.
    """
    copied = smoked.copied(tmp_path_factory.mktemp("faults") / "own")
    copied.run("dvc", "checkout", "--relink", "--force")
    return copied


@pytest.mark.parametrize("part", [0, 0.3])
def test_torn_lock_is_mended_by_git_and_nothing_runs_again(project: Project, part: float) -> None:
    before = (project.root / "dvc.lock").read_text()
    # Behind a line's end, what is left could be valid YAML
    end = before.index("md5:", int(part * len(before))) + len("md") if part else 0
    (project.root / "dvc.lock").write_text(before[:end])
    assert project.run("dvc", "status", check=False).returncode
    project.run("git", "checkout", "dvc.lock")
    assert (project.root / "dvc.lock").read_text() == before
    assert project.repro() == set()


@pytest.mark.slow
def test_what_a_torn_lock_had_beyond_git_comes_from_the_run_cache(project: Project) -> None:
    project.compose("smoke", "compressors.strong.max_ratio=0.45")
    assert "compress@smoke-scripted-strong" in project.repro("compress@smoke-scripted-strong")
    (project.root / "dvc.lock").write_text("")
    project.run("git", "checkout", "dvc.lock")
    done = project.run("dvc", "repro", "compress@smoke-scripted-strong")
    assert "is cached - skipping run" in done.stdout
    assert "Running stage" not in done.stdout
    project.compose("smoke")
    project.run("dvc", "repro")


def test_torn_rwlock_is_removed(project: Project) -> None:
    rwlock = project.root / ".dvc/tmp/rwlock"
    rwlock.write_text('{"a": {"wri')
    broken = project.run("dvc", "repro", check=False)
    assert broken.returncode
    assert "Unable to read RWLock-file" in broken.stderr
    rwlock.unlink()
    assert project.repro() == set()


@pytest.mark.slow
def test_checkpoint_that_was_damaged_in_place_is_refused_and_made_again(project: Project) -> None:
    path = project.root / CHECKPOINT / "model.safetensors"
    before, weights = path.stat(), path.read_bytes()
    assert before.st_nlink > 1
    path.chmod(0o644)
    with path.open(
        "r+b"
    ) as file:  # what root or a failing disk does: the object in DVC's cache is this file too
        file.seek(len(weights) // 2)
        file.write(bytes([weights[len(weights) // 2] ^ 1]))
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    done = project.run(
        "dvc", "repro", "--force", "--single-item", f"evaluate@smoke-{CELL}", check=False
    )
    line = next(line for line in done.stderr.splitlines() if "damaged" in line)
    assert line.startswith(
        f"error: {CHECKPOINT}/model.safetensors: damaged: it is not as its stage wrote it"
    )
    remedy = line.partition("(`")[2].partition("`)")[0]
    project.run("bash", "-c", remedy)
    path.unlink()
    project.repro()
    assert path.read_bytes() == weights
    assert sums.damaged(path.parent) is None


def test_stage_ends_with_its_dvc(project: Project) -> None:
    """A stage that stays behind would write beside the next run's."""
    command = ["dvc", "repro", "--force", "--single-item", f"train@smoke-{CELL}"]
    dvc = subprocess.Popen(command, cwd=project.root, env=project.env, stdout=subprocess.DEVNULL)
    try:
        stage = loaded_stage(project)
    finally:
        dvc.kill()
        dvc.wait()
    with contextlib.suppress(psutil.NoSuchProcess):
        stage.wait(timeout=60)  # a kill waits for the end of a read from a slow disk
    assert project.processes() == []


def loaded_stage(project: Project) -> psutil.Process:
    """The train stage, once it is at work: it has loaded torch."""
    for _ in range(600):
        for process in project.processes():
            with contextlib.suppress(psutil.Error, OSError):
                if (
                    "stages.train" in process.cmdline()
                    and "libtorch" in Path(f"/proc/{process.pid}/maps").read_text()
                ):
                    return process
        time.sleep(0.05)
    raise AssertionError("the train stage does not begin")
