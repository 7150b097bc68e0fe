"""What goes wrong on a Ray cluster ends in one line. tests/e2e/test_kill.py runs the engine on two
nodes.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stages.core.asking import engines
from stages.core.asking.engines import Model, Request, Sampling
from stages.core.asking.engines.ray import RaySettings
from stages.core.program.errors import StageError
from tests.imports import ROOT
from tests.servers import SCRIPT

pytestmark = pytest.mark.usefixtures("only_ray")
RUN = {"engine": "scripted", **vars(SCRIPT)}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The engine on a cluster of its own."""
    import ray

    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "0")
    yield engines.load(
        Model("m"), {"engine": "ray", "run": RUN, "address": None, "batch_size": 2}, "inference"
    )
    ray.shutdown()


def test_answers_are_those_of_the_replicas_engine_and_a_failing_one_is_named(engine: Any) -> None:
    asked = [Request(f"k{n}", f"{n} + 1 =", n, Sampling(9)) for n in range(5)]
    local = engines.load(Model("m"), RUN, "inference")
    assert dict(engine.generate(asked)) == dict(local.generate(asked))
    with pytest.raises(
        StageError, match=r"inference.run: a replica failed on Ray: .*cannot read question 'Why"
    ):
        list(engine.generate([Request("k", "Why?", 0, Sampling(9))]))


LISTENING = """
import psutil
from stages.core.asking import engines
from stages.core.asking.engines import Model, Request, Sampling
from tests.core.asking.test_ray import RUN

loaded = engines.load(Model("m"), {"engine": "ray", "run": RUN, "address": None}, "inference")
list(loaded.generate([Request("k", "1 + 1 =", 0, Sampling(9))]))
for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
    for connection in process.net_connections("inet"):
        if connection.status == "LISTEN":
            print(process.name(), connection.laddr.ip)
"""


def test_cluster_of_its_own_listens_on_loopback_alone() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    env |= {"PYTHONPATH": str(ROOT), "RAY_memory_monitor_refresh_ms": "0"}
    done = subprocess.run(
        [sys.executable, "-c", LISTENING], env=env, capture_output=True, text=True, check=True
    )
    places = [line.split() for line in done.stdout.splitlines()]
    assert {"gcs_server", "raylet"} <= {place[0] for place in places}
    assert {place[-1].removeprefix("::ffff:") for place in places} == {"127.0.0.1"}


def test_no_cluster_is_said_in_one_line(tmp_path: Path) -> None:
    complaint = r"no Ray cluster at 'auto': .* start one with `ray start --head`"
    with pytest.raises(StageError, match=complaint):
        engines.load(Model("m"), {"engine": "ray", "run": RUN}, "inference")


def test_settings_are_those_of_the_replicas() -> None:
    assert RaySettings(RUN).renders is True
    assert RaySettings(RUN).shape() == engines.settings(RUN, "x")[1].shape()
    with pytest.raises(StageError, match=r"run.engine: expected scripted, transformers or vllm"):
        RaySettings({"engine": "ray"})
