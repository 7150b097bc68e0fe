"""Packages with kernels for GPUs alone, on a machine without one: linear attention is computed all
the same.

Each case is a process of its own: transformers binds the kernels once, as the module of a model is
imported.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from stages.core.machine import hardware
from tests.core.training.test_adapters import QWEN
from tests.imports import ROOT

PACKAGES = {  # with the functions of theirs that Qwen3.5 takes
    "fla": ("chunk_gated_delta_rule", "fused_recurrent_gated_delta_rule"),
    "causal_conv1d": ("causal_conv1d_fn", "causal_conv1d_update"),
}
TRAINED = """
adapters.check_kernels(folder)
model = adapters.load(folder, "eager", frozen=False)
model(input_ids=torch.tensor([[1, 2, 3]]), labels=torch.tensor([[1, 2, 3]])).loss.backward()
print("computed")
"""
GENERATED = """
settings = TransformersSettings(dtype="float32", attention="eager", batch_size=1)
tokenizer = types.SimpleNamespace(eos_token_id=0, decode=lambda ids, skip_special_tokens: "computed")
engine = TransformersEngine(Model(str(folder), tokenizer), settings)
print(next(engine.generate([Request("one", [1, 2, 3], 0, Sampling(4))]))[1].text)
"""
IMPORTS = """
import pathlib, sys, types
import torch
folder = pathlib.Path(sys.argv[1])
"""
TRAINING = "from stages.core.training import adapters"
ENGINE = """
from stages.core.asking.engines import Model, Request, Sampling
from stages.core.asking.engines.options import TransformersSettings
from stages.core.asking.engines.transformers import TransformersEngine
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages whose kernels find no GPU."""
    root = tmp_path_factory.mktemp("installed")
    for package, functions in PACKAGES.items():
        (root / package).mkdir()
        lines = (
            f"def {name}(*given, **named): raise RuntimeError('no GPU for {package}')"
            for name in functions
        )
        (root / package / "__init__.py").write_text("\n".join(lines))
    return root


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student with linear attention and random weights."""
    folder = tmp_path_factory.mktemp("student")
    AutoModelForCausalLM.from_config(QWEN).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    "script", [TRAINING + TRAINED, ENGINE + GENERATED], ids=["training", "engine"]
)
def test_kernels_for_gpus_are_left_alone_without_one(
    script: str, installed: Path, student: Path
) -> None:
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, (installed, ROOT))),
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, "-c", IMPORTS + script, student]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.stdout == "computed\n", done.stderr[-2000:]


def test_kernels_are_not_hidden_from_a_gpu(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(installed)
    for name in hardware.KERNELS:
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    hardware.hide_kernels()
    assert not set(hardware.KERNELS) & set(sys.modules)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in hardware.KERNELS:
        monkeypatch.setitem(
            sys.modules, name, "theirs"
        )  # so that what is hidden here is shown again afterwards
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    hardware.hide_kernels()
    assert [sys.modules[name] for name in hardware.KERNELS] == [None] * len(hardware.KERNELS)
