"""LoRA's products in one function: peft's own outputs and gradients, and where it keeps out."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from peft.helpers import disable_input_dtype_casting

from stages.core.training import lora
from tests.made import load

LINEAR = {
    "r": 4,
    "lora_alpha": 8,
    "target_modules": "all-linear",
    "task_type": "CAUSAL_LM",
    "init_lora_weights": False,
}


def adapted(folder: Path, **settings: Any) -> Any:
    """The tiny student with an adapter that already says something."""
    torch.manual_seed(0)
    return get_peft_model(load(folder), LoraConfig(**LINEAR | settings))


def hastened(model: Any) -> list[str]:
    """Names of the layers whose forward was replaced."""
    lora.use_lora_product(model)
    return [name for name, layer in model.named_modules() if "forward" in vars(layer)]


@pytest.mark.parametrize("frozen", [False, True], ids=["fp32", "bf16"])
@pytest.mark.parametrize("checkpointing", [False, True], ids=["", "checkpointing"])
def test_losses_and_gradients_are_those_of_peft(
    tiny: Path, frozen: bool, checkpointing: bool
) -> None:
    """As training has them: what is frozen in fp32, or in bf16 under autocast, and the adapter in
    fp32.
    """
    ids = torch.arange(60).view(2, 30)
    results = []
    for ours in (False, True):
        model = adapted(tiny)
        for weight in model.parameters():
            weight.data = (
                weight.data.bfloat16() if frozen and not weight.requires_grad else weight.data
            )
        if ours:
            assert len(hastened(model)) == 14  # seven projections in two layers
        if checkpointing:
            model.enable_input_require_grads()
            model.gradient_checkpointing_enable()
        model.train()
        with (
            torch.autocast("cpu", torch.bfloat16, enabled=frozen),
            disable_input_dtype_casting(model),
        ):
            loss = model(ids, labels=ids).loss
        loss.backward()
        grown = {
            name: weight.grad
            for name, weight in model.named_parameters()
            if weight.grad is not None
        }
        results.append((float(loss.detach()), grown))
    (peft_loss, peft_grown), (loss, grown) = results
    near = 0.06 if frozen else 1e-5  # of the gradients' norm; sums are rounded in another order
    assert loss == pytest.approx(peft_loss, rel=near)
    assert len(grown) == 28
    for name, expected in peft_grown.items():
        assert (grown[name] - expected).norm() < near * expected.norm(), name


def test_a_hastened_adapter_merges(tiny: Path) -> None:
    model = adapted(tiny)
    hastened(model)
    ids = torch.arange(20)[None]
    logits = model(ids).logits
    torch.testing.assert_close(model.merge_and_unload()(ids).logits, logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "settings", [{"lora_dropout": 0.1}, {"use_dora": True}, {"lora_bias": True}]
)
def test_other_adapters_are_left_to_peft(tiny: Path, settings: dict[str, Any]) -> None:
    assert hastened(adapted(tiny, **settings)) == []
