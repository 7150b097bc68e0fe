"""The paper profile with a miniature in place of each model, and data sets of our own rows."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import miniatures
from tests.conftest import Miniature
from tests.hub import folders
from tests.imports import ROOT
from tools.preflight.__main__ import params_of

PAPER: dict[str, Any] = yaml.safe_load((ROOT / "conf/profile/paper.yaml").read_text())


@pytest.fixture(scope="session")
def models(miniature: Miniature) -> dict[str, Path]:
    """The folder of each model's miniature, by its id on the hub. No test changes them."""
    return {model_id: miniature(model_id) for model_id in miniatures.MODELS}


@pytest.fixture(scope="session")
def paper(models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The profile's params, whose models and data sets are folders."""
    overrides = list(folders.overrides(tmp_path_factory.mktemp("sets"), PAPER["questions"]["sets"]))
    for kind in ("teachers", "compressors"):
        for name, entry in PAPER[kind].items():
            overrides += [
                f"{kind}.{name}.model={models[entry['model']]}",
                f"{kind}.{name}.revision=null",
            ]
    for name, entry in PAPER["students"].items():
        at = f"students.{name}.source"
        overrides += [f"{at}.kind=folder", f"+{at}.path={models[entry['source']['repo']]}"]
    # miniatures have four heads
    return params_of(
        "paper", [*overrides, "teachers.qwen397b.inference.options.tensor_parallel_size=4"]
    )
