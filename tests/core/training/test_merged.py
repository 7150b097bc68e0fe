"""Merged weights are the base's plus the adapter's: faults that move the logits less than rounding
are refused.
"""

import copy
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file

from stages.core import tokens
from stages.core.program.errors import StageError
from stages.core.training import adapters
from stages.core.training.saved import merged, saving
from tests.core.training.students import student
from tests.made import LORA

ROW = list(range(20, 60))
USUAL = 0.002  # of the weights of B after a usual run: logits move by about 0.01 of their spread
COMPLAINT = r"model\.layers\.\d\.\S+: it is not the base's plus alpha / rank \* B A of adapter/; nothing was kept"


@dataclasses.dataclass(frozen=True)
class Adapted:
    """A student with an adapter of usual size, and its logits."""

    base: Path
    model: Any
    wanted: saving.Reference

    def save(self, out: Path) -> Path:
        """The folder that was written of it."""
        saving.save(copy.deepcopy(self.model), self.wanted, tokens.load(self.base), self.base, out)
        return out


def adapted(base: Path) -> Adapted:
    """The student in `base` with an adapter."""
    model = adapters.attach(adapters.load(base, "eager", frozen=True), LORA)
    torch.manual_seed(0)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(0, USUAL)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits = model.eval()(input_ids=torch.tensor([ROW]), use_cache=False).logits[0].float()
    return Adapted(base, model, saving.Reference([ROW], [logits]))


@pytest.fixture(
    scope="module", params=["qwen08b", "gptoss20b"]
)  # linear layers alone; fused experts, one of them square
def usual(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Adapted:
    """A student of the paper with an adapter."""
    return adapted(student(request.param, tmp_path_factory.mktemp(request.param)))


def layers(model: Any) -> list[Any]:
    """What is adapted, in the model's order."""
    return [module for module in model.modules() if isinstance(module, LoraLayer)]


def drop(some: list[Any]) -> None:
    """Loses the changes of some layers."""
    for layer in some:
        layer.lora_B["default"].weight.data.zero_()


def double(model: Any) -> None:
    """Merges with twice the scale."""
    for layer in layers(model):
        layer.scaling["default"] *= 2


def mixed(model: Any) -> None:
    """Merges the changes of experts, or of outputs, in another order."""
    weight = layers(model)[-1].lora_B["default"].weight
    weight.data = weight.data.flip(1 if type(layers(model)[-1]).__name__ == "ParamWrapper" else 0)


FAULTS: dict[str, Callable[[Any], Any]] = {
    "every third lost": lambda model: drop(layers(model)[::3]),
    "the last lost": lambda model: drop(layers(model)[-1:]),
    "twice the scale": double,
    "mixed up": mixed,
}


def merging(monkeypatch: pytest.MonkeyPatch, merge: Callable[[Any], Any]) -> None:
    """Has peft merge in another way."""
    monkeypatch.setattr(PeftModel, "merge_and_unload", merge, raising=False)


def test_right_sums_are_taken(usual: Adapted, tmp_path: Path) -> None:
    out = usual.save(tmp_path / "out")
    weights, before = (load_file(folder / "model.safetensors") for folder in (out, usual.base))
    changed = {name for name in weights if not torch.equal(weights[name], before[name])}
    assert changed == {weight.name for weight in merged.adapted_weights(usual.model).values()}


def test_adapter_that_was_not_merged_is_refused(
    usual: Adapted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merging(monkeypatch, lambda self: self.unload())
    with pytest.raises(StageError, match=COMPLAINT):
        usual.save(tmp_path / "out")


@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_sums_are_refused(
    fault: str, usual: Adapted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def merge(self: Any) -> Any:
        FAULTS[fault](self)
        return self.base_model.merge_and_unload()

    merging(monkeypatch, merge)
    with pytest.raises(StageError, match=COMPLAINT):
        usual.save(tmp_path / "out")


def test_weight_that_is_not_adapted_and_changed_is_refused(
    usual: Adapted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def merge(self: Any) -> Any:
        model = self.base_model.merge_and_unload()
        model.get_input_embeddings().weight.data[7] *= 1.01
        return model

    merging(monkeypatch, merge)
    with pytest.raises(
        StageError,
        match=r"embed_tokens\.weight: it is not adapted and differs from .*mine's; nothing",
    ):
        usual.save(tmp_path / "out")


def test_base_in_fp32_is_compared_to_its_rounding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = student("llama8b", tmp_path)
    for path in base.glob("*.safetensors"):
        wide = {name: weight.float() * (1 + 1e-3) for name, weight in load_file(path).items()}
        save_file(wide, path, metadata={"format": "pt"})
    usual = adapted(base)
    usual.save(tmp_path / "out")
    merging(monkeypatch, lambda self: self.unload())
    with pytest.raises(StageError, match=COMPLAINT):
        usual.save(tmp_path / "other")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"use_rslora": True}, "use_rslora: no proof for weights merged with it"),
        ({"alpha_pattern": {"q_proj": 4}}, "alpha_pattern: no proof"),
        ({"bias": "all"}, "bias: no proof"),
    ],
)
def test_adapter_of_another_sum_is_refused(
    changes: dict[str, Any],
    complaint: str,
    usual: Adapted,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save = PeftModel.save_pretrained

    def saved(self: Any, folder: Path) -> None:
        save(self, folder)
        config = json.loads((folder / merged.CONFIG).read_text())
        (folder / merged.CONFIG).write_text(json.dumps(config | changes))

    monkeypatch.setattr(PeftModel, "save_pretrained", saved)
    with pytest.raises(StageError, match=complaint):
        merged.check(
            _written(usual, tmp_path / "out"),
            usual.base,
            merged.adapted_weights(usual.model),
            usual.model,
        )


def _written(usual: Adapted, out: Path) -> Path:
    usual.model.save_pretrained(out / "adapter")
    return out
