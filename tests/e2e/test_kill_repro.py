"""`dvc repro` as a whole, killed at random moments, ends as an undisturbed run does.

KILLS is the number of kills (6), and KILL_SEED determines the moments. Both are printed, so that
the same moments can be tried again.
"""

import contextlib
import csv
import functools
import hashlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.project import Project
from tests.made import leftovers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]

KILLS = int(os.environ.get("KILLS", "6"))
SEED = int(os.environ.get("KILL_SEED", str(random.SystemRandom().randrange(10**6))))
LONGEST = 40.0  # seconds until a kill; a run on two cores takes two to three of them
# (signal, whether the whole process group gets it, as from a terminal, or dvc alone, as from a
# supervisor)
WAYS = list(itertools.product((signal.SIGKILL, signal.SIGTERM, signal.SIGINT), (True, False)))
MADE = (
    "data/smoke",
    "data/store",
    "data/scratch",
    "metrics/smoke",
    "plots/smoke",
    ".dvc/cache",
    ".dvc/tmp",
    "dvc.lock",
)


def start(project: Project) -> subprocess.Popen[str]:
    """`dvc repro` in a process group of its own, which a SIGINT reaches though the tests run in the
    background.
    """
    streams = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
        "start_new_session": True,
    }
    listen = functools.partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(
        ["dvc", "repro"], cwd=project.root, env=project.env, preexec_fn=listen, **streams
    )


def end(process: subprocess.Popen[str], number: signal.Signals, group: bool) -> None:
    """Sends the signal, and waits for the end of dvc and of all that holds its output."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number) if group else process.send_signal(number)
    if number == signal.SIGINT and not group:
        # dvc ignores it while a stage runs: what the README's table says to do then
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=3)
            return
        process.terminate()
    process.communicate(timeout=60)


def left(project: Project) -> list[str]:
    """The command lines of processes that are left a while after a kill."""
    for _ in range(50):
        if not project.processes():
            break
        time.sleep(0.1)
    return [" ".join(process.cmdline()) for process in project.processes()]


def mend(project: Project) -> None:
    """Does what the README's table says where a kill hit DVC while it wrote a file of its own."""
    project.run("python", "-m", "tools.lock")
    rwlock = project.root / ".dvc/tmp/rwlock"
    with contextlib.suppress(FileNotFoundError):
        try:
            json.loads(rwlock.read_text() or "{}")
        except ValueError:
            rwlock.unlink()


def digests(root: Path, folder: str) -> dict[str, str]:
    """A hash of every file below a folder; half-written ones beside outs are left out."""
    files = [
        path for path in (root / folder).rglob("*") if path.is_file() and "partial" not in str(path)
    ]
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def without_costs(value: Any) -> Any:
    """A nest of JSON without the seconds and the memory that differ from run to run."""
    if isinstance(value, dict):
        kept = (name for name in value if "second" not in name and name != "peak_memory_gb")
        return {name: without_costs(value[name]) for name in kept}
    return [without_costs(inner) for inner in value] if isinstance(value, list) else value


def metrics(root: Path) -> dict[str, Any]:
    """Every metric but seconds and memory."""
    values: dict[str, Any] = {}
    for path in sorted((root / "metrics/smoke").rglob("*.*")):
        if path.parent.name == "timing":
            continue
        if path.suffix == ".json":
            value = without_costs(json.loads(path.read_text()))
        else:
            value = [without_costs(row) for row in csv.DictReader(path.open())]
        values[str(path.relative_to(root))] = value
    return values


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[Project]:
    """A project in which nothing has run; nothing goes on in it afterwards."""
    project = Project(tmp_path / "killed")
    project.compose("smoke")
    yield project
    for process in project.processes():  # of a test that failed
        process.kill()


def test_killed_repro_ends_as_an_undisturbed_one(smoked: Project, killed: Project) -> None:
    print(f"KILLS={KILLS} KILL_SEED={SEED}")
    rng, undisturbed = random.Random(SEED), digests(smoked.root, "data/smoke")
    ways = [way for _ in range(-(-KILLS // len(WAYS))) for way in rng.sample(WAYS, len(WAYS))]
    for number, group in ways[:KILLS]:
        moment = rng.uniform(0.5, LONGEST)
        process = start(killed)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=moment)
        done = process.poll() is not None
        print(
            f"{number.name} to {'the group' if group else 'dvc alone'} after {moment:.1f} s",
            "(at its end)" * done,
        )
        end(process, number, group)
        assert left(killed) == []
        assert digests(killed.root, "data/smoke").items() <= undisturbed.items()
        mend(killed)
        if done:  # nothing is left to kill
            for name in MADE:
                path = killed.root / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    killed.repro()
    assert digests(killed.root, "data/smoke") == undisturbed
    assert leftovers(killed.root) == []
    assert metrics(killed.root) == metrics(smoked.root)
    assert killed.repro() == set()
