"""What the quick tests share: a tiny student with random weights, params.yaml in a folder of its
own, and settings.
"""

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml

os.environ["HF_HUB_OFFLINE"] = "1"  # nothing here may reach for a hub
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["RAY_AUTH_MODE"] = (
    "disabled"  # a cluster of one test would leave a token that guards the next one's
)
hypothesis.settings.register_profile(
    "quick", max_examples=60, deadline=None, derandomize=True, database=None
)
hypothesis.settings.load_profile("quick")

Project = Callable[..., Path]
Miniature = Callable[[str], Path]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a two-layer Llama with random weights and a tokenizer whose tokens are bytes."""
    import torch

    from stages.models import random_weights
    from tests.made import TINY

    torch.set_num_threads(1)  # more only get into each other's way at this size
    folder = tmp_path_factory.mktemp("models") / "tiny"
    random_weights(TINY, folder)
    return folder


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
    def made(model_id: str) -> Path:
        return build(model_id, root / model_id.rpartition("/")[2])

    return made


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Makes the test's folder the current one and writes params.yaml there: profile `test` and the
    sections given.
    """

    def made(**sections: Any) -> Path:
        monkeypatch.chdir(tmp_path)
        path, now = tmp_path / "params.yaml", time.time_ns()
        path.write_text(yaml.safe_dump({"profile": "test"} | sections))
        os.utime(
            path, ns=(now, now)
        )  # finer than the file system's own clock: params are cached by this time
        return tmp_path

    return made
