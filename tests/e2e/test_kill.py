"""A stage that was killed at any moment ends with the same bytes. Only the calls that were under
way are paid for twice.
"""

import collections
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.core import records
from stages.core.asking.store import Store
from stages.core.records import Question, Response
from tests.conftest import Project
from tests.imports import ROOT
from tests.made import leftovers, question
from tests.servers import SCRIPT

QUESTIONS = [
    question(number, question=f"{number} + {number % 7} =", gold=str(number + number % 7))
    for number in range(300)
]
CONCURRENCY = 8
OUT = "data/test/responses/teacher.parquet"
ENV = os.environ | {"PYTHONPATH": str(ROOT), "CI": "true"}


@contextlib.contextmanager
def served(log: Path, port: int, delay: float) -> Iterator[subprocess.Popen[bytes]]:
    """Runs the scripted server as a process of its own."""
    options = ["--port", str(port), "--log", str(log), "--delay", str(delay)]
    server = subprocess.Popen([sys.executable, "-m", "tests.servers", *options], cwd=ROOT, env=ENV)
    try:
        for _ in range(200):
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port), timeout=1),
            ):
                break
            time.sleep(0.05)
        yield server
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def prepare(project: Project, inference: dict[str, Any]) -> Path:
    """A project whose teacher has this inference."""
    sampling = {"max_new_tokens": 99, "temperature": 0.5}
    teacher = {"model": "m", "samples": 3, "seed": 1, "sampling": sampling, "inference": inference}
    root = project(teachers={"teacher": teacher})
    records.write(
        root / "data/test/questions.parquet",
        sorted(QUESTIONS, key=lambda row: row.question_id),
        Question,
    )
    return root


def start(root: Path) -> subprocess.Popen[str]:
    """The stage, running."""
    command = [sys.executable, "-m", "stages.generate", "--profile", "test", "--teacher", "teacher"]
    return subprocess.Popen(command, cwd=root, env=ENV, stderr=subprocess.PIPE, text=True)


def finish(root: Path) -> bytes:
    """Runs the stage to its end and returns its out."""
    stage = start(root)
    _, complaint = stage.communicate()
    assert stage.returncode == 0, complaint
    return (root / OUT).read_bytes()


def undisturbed(root: Path, log: Path) -> tuple[bytes, int]:
    """(out, number of calls) of a run that nobody kills. Its store is removed afterwards."""
    contents = finish(root)
    calls = len(log.read_text().splitlines())
    shutil.rmtree(root / "data/store")
    (root / OUT).unlink()
    log.unlink()
    return contents, calls


def test_stage_killed_at_twenty_moments(project: Project, port: int, tmp_path: Path) -> None:
    log, rng = tmp_path / "calls", random.Random(0)
    root = prepare(
        project,
        {"engine": "openai", "base_url": f"http://127.0.0.1:{port}/v1", "concurrency": CONCURRENCY},
    )
    with served(log, port, delay=0.1):
        undisturbed_bytes, calls = undisturbed(root, log)
        for _ in range(20):
            stage = start(root)
            time.sleep(rng.uniform(0.0, 2.5))
            stage.send_signal(signal.SIGKILL)
            stage.communicate()
            assert not (root / OUT).exists() or (root / OUT).read_bytes() == undisturbed_bytes
        assert finish(root) == undisturbed_bytes
    paid = collections.Counter(log.read_text().splitlines())
    assert len(paid) == calls
    assert sum(paid.values()) <= calls + 20 * CONCURRENCY
    assert max(paid.values()) <= 21
    assert leftovers(root) == []


def test_server_killed(project: Project, port: int, tmp_path: Path) -> None:
    """The stage waits for a server that comes back, and ends with one line where it does not."""
    log = tmp_path / "calls"
    inference = {
        "engine": "openai",
        "base_url": f"http://127.0.0.1:{port}/v1",
        "concurrency": CONCURRENCY,
    }
    root = prepare(project, inference | {"longest_pause": 0.5, "tries": 4, "patience": 0})
    with served(log, port, delay=0.05):
        undisturbed_bytes, calls = undisturbed(root, log)
    for lives in (1.5, 1.5):
        with served(log, port, delay=0.05):
            stage = start(root)
            time.sleep(lives)
        _, complaint = stage.communicate()
        assert stage.returncode == 1
        assert complaint.count("\n") == 1
        assert "had no answer after 4 tries for m" in complaint
        assert "run the stage again" in complaint
        assert not (root / OUT).exists()
    # Patient now; these settings are in no answer's key
    root = prepare(project, inference | {"longest_pause": 1.0, "tries": 30})
    with served(log, port, delay=0.05):
        stage = start(root)
        time.sleep(1.5)
    with served(log, port, delay=0.05):
        _, complaint = stage.communicate()
        assert stage.returncode == 0, complaint
    assert (root / OUT).read_bytes() == undisturbed_bytes
    paid = collections.Counter(log.read_text().splitlines())
    assert len(paid) == calls
    assert sum(paid.values()) <= calls + 4 * CONCURRENCY


@pytest.fixture
def cluster(only_ray: None) -> Iterator[int]:
    """Starts two Ray nodes on this machine as a user does, each with room for one replica. Yields
    the head's port.
    """
    ray = str(Path(sys.executable).with_name("ray"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    env = ENV | {"RAY_memory_monitor_refresh_ms": "0"}
    small = ["--num-cpus", "1", "--object-store-memory", "100000000", "--disable-usage-stats"]
    head = [
        "--head",
        "--node-ip-address",
        "127.0.0.1",
        "--port",
        str(port),
        "--include-dashboard",
        "false",
    ]
    subprocess.run([ray, "stop", "--force"], env=env, capture_output=True, check=False)
    try:
        subprocess.run([ray, "start", *head, *small], env=env, check=True)
        join = ["--address", f"127.0.0.1:{port}", "--node-ip-address", "127.0.0.1", *small]
        subprocess.run([ray, "start", *join], env=env, check=True)
        yield port
    finally:
        subprocess.run([ray, "stop", "--force"], env=env, capture_output=True, check=False)


def replicas() -> dict[int, int]:
    """The processes of Ray's actors that hold an engine, each with the process of its node."""
    listed = subprocess.run(
        ["pgrep", "-f", "^ray::.*MapWorker"], capture_output=True, text=True, check=False
    )
    parents = {}
    for pid in listed.stdout.split():
        with contextlib.suppress(OSError):
            parents[int(pid)] = int(
                Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
            )
    return parents


def test_ray_worker_killed(project: Project, cluster: int, tmp_path: Path) -> None:
    scripted = {"engine": "scripted", **vars(SCRIPT)}
    local = prepare(project, scripted)
    undisturbed_bytes = finish(local)
    shutil.rmtree(local / "data/store")
    ray = {
        "engine": "ray",
        "run": scripted,
        "replicas": 2,
        "batch_size": 4,
        "address": f"127.0.0.1:{cluster}",
    }
    root = prepare(project, ray)
    stage = start(root)
    killed, nodes = set[int](), set[int]()
    while stage.poll() is None:
        node_by_worker = replicas()
        nodes.update(node_by_worker.values())
        if len(node_by_worker) == 2 and len(killed) < 2:  # one on each node
            worker = min(node_by_worker)
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
                killed.add(worker)
        time.sleep(0.1)
    _, complaint = stage.communicate()
    assert stage.returncode == 0, complaint
    assert len(nodes) == 2
    assert killed
    assert (root / OUT).read_bytes() == undisturbed_bytes
    with Store(root / "data/store") as store:
        assert len(store) == len(list(records.read(root / OUT, Response)))
