"""What goes wrong on a Ray cluster ends in one line. tests/e2e/test_kill.py runs the engine on two nodes."""

from pathlib import Path
from typing import Any

import pytest

from stages.core import engines
from stages.core.engines import Model, Request, Sampling
from stages.core.engines.ray import Settings
from stages.core.errors import StageError
from tests.servers import SCRIPT

RUN = {"engine": "scripted", **vars(SCRIPT)}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The engine on a cluster of its own."""
    import ray

    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "0")
    yield engines.load(Model("m"), {"engine": "ray", "run": RUN, "address": None, "batch_size": 2}, "inference")
    ray.shutdown()


def test_answers_are_those_of_the_replicas_engine_and_a_failing_one_is_named(engine: Any) -> None:
    asked = [Request(f"k{n}", f"{n} + 1 =", n, Sampling(9)) for n in range(5)]
    local = engines.load(Model("m"), RUN, "inference")
    assert dict(engine.generate(asked)) == dict(local.generate(asked))
    with pytest.raises(StageError, match=r"inference.run: a replica failed on Ray: .*cannot read question 'Why"):
        list(engine.generate([Request("k", "Why?", 0, Sampling(9))]))


def test_no_cluster_is_said_in_one_line(tmp_path: Path) -> None:
    complaint = r"no Ray cluster at 'auto': .* start one with `ray start --head`"
    with pytest.raises(StageError, match=complaint):
        engines.load(Model("m"), {"engine": "ray", "run": RUN}, "inference")


def test_settings_are_those_of_the_replicas() -> None:
    assert Settings(RUN).renders is True
    assert Settings(RUN).shape() == engines.settings(RUN, "x")[1].shape()
    with pytest.raises(StageError, match=r"run.engine: expected scripted, transformers or vllm"):
        Settings({"engine": "ray"})
