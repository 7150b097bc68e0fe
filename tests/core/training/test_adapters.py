"""LoRA's adapters: every projection has one, fused experts too, and nothing else is trained."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, GptOssConfig, LlamaConfig, Qwen3_5TextConfig

from stages.core.program.errors import StageError
from stages.core.training import adapters, run
from tests.composing import students
from tests.made import LORA, LORA_PARAMETERS, PLAIN, SETTINGS, load

SMALL = {
    "vocab_size": 64,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}
GPT_OSS = GptOssConfig(
    **SMALL,
    num_hidden_layers=2,
    num_local_experts=3,
    num_experts_per_tok=2,
    head_dim=8,
    pad_token_id=0,
)
QWEN = Qwen3_5TextConfig(
    **SMALL,
    num_hidden_layers=2,
    layer_types=["linear_attention", "full_attention"],
    head_dim=8,
    linear_num_key_heads=2,
    linear_num_value_heads=2,
    linear_key_head_dim=8,
    linear_value_head_dim=8,
    pad_token_id=0,
)
# Rank 4 times (in + out). Attention: q, k, v, o. Of each of three experts: gate and up in one,
# down.
GPT_OSS_PARAMETERS = 2 * 4 * (2 * (16 + 16) + 2 * (16 + 8) + 3 * ((16 + 48) + (24 + 16)))
# Linear attention: qkv, z, b, a, out. Attention: q with its gate, k, v, o. Both: gate, up, down.
QWEN_PARAMETERS = 4 * (
    ((16 + 48) + (16 + 16) + 2 * (16 + 2) + (16 + 16))
    + ((16 + 32) + 2 * (16 + 8) + (16 + 16))
    + 2 * 3 * (16 + 24)
)


def made(config: Any) -> Any:
    """A model of random weights."""
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config, attn_implementation="eager")


@pytest.mark.parametrize(
    ("config", "count"),
    [(GPT_OSS, GPT_OSS_PARAMETERS), (QWEN, QWEN_PARAMETERS)],
    ids=["gpt_oss", "qwen3_5"],
)
def test_papers_odd_students_have_adapters_everywhere(config: Any, count: int) -> None:
    model = made(config)
    assert adapters.expected_trainable(model, LORA) == count
    adapters.check_trained(adapters.attach(model, LORA), count)


@pytest.mark.parametrize("name", students("paper"))
def test_papers_students_have_the_attention_that_params_name(name: str) -> None:
    declared = students("paper")[name]
    kind = {"qwen": QWEN, "gpto": GPT_OSS, "llam": LlamaConfig(**SMALL, num_hidden_layers=2)}[
        name[:4]
    ]
    attention = declared["training"]["attention"]
    model = AutoModelForCausalLM.from_config(kind, attn_implementation=attention)
    assert model.config._attn_implementation == attention


def test_of_experts_the_chosen_ones_are_active() -> None:
    expert = 16 * 48 + 24 * 16  # of an expert: gate and up in one, down
    all_parameters = sum(weight.numel() for weight in made(GPT_OSS).parameters())
    assert (
        adapters.active_parameters(made(GPT_OSS)) == all_parameters - 2 * expert
    )  # in each of two layers one of three
    assert adapters.active_parameters(made(QWEN)) == sum(
        weight.numel() for weight in made(QWEN).parameters()
    )


def test_dropout_is_before_linear_layers_where_experts_are_fused() -> None:
    method = dataclasses.replace(LORA, lora=SETTINGS | {"dropout": 0.05})
    adapted = adapters.attach(made(GPT_OSS), method)
    rates = [
        (type(module.get_base_layer()).__name__, getattr(module.lora_dropout["default"], "p", 0.0))
        for module in adapted.modules()
        if hasattr(module, "lora_dropout")
    ]
    assert {rate for kind, rate in rates if kind == "Linear"} == {0.05}
    assert {rate for kind, rate in rates if kind != "Linear"} == {0.0}
    assert len(rates) == 2 * (4 + 2)


def test_experts_learn_and_merge() -> None:
    adapted = adapters.attach(made(GPT_OSS), LORA)
    ids = torch.arange(12)[None]
    plain = adapted(ids).logits
    optimizer = torch.optim.SGD(
        [parameter for parameter in adapted.parameters() if parameter.requires_grad], lr=5.0
    )
    for _ in range(3):
        optimizer.zero_grad()
        adapted(ids, labels=ids).loss.backward()
        optimizer.step()
    grown = [
        name
        for name, parameter in adapted.named_parameters()
        if "experts" in name and "lora_B" in name and parameter.any()
    ]
    assert len(grown) == 2 * 2
    adapted.eval()
    learned = adapted(ids).logits
    assert (learned - plain).abs().max() > 0.1
    torch.testing.assert_close(
        adapted.merge_and_unload()(ids).logits, learned, rtol=1e-3, atol=1e-3
    )


def test_lora_refuses_weights_that_it_has_no_adapters_for(tiny: Path) -> None:
    class Odd(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(3, 4))

    model = load(tiny)
    assert adapters.expected_trainable(model, LORA) == LORA_PARAMETERS
    model.experts = Odd()
    with pytest.raises(StageError, match="no adapter for the weights of Odd; use full fine-tuning"):
        adapters.expected_trainable(model, LORA)


def test_weights_that_updates_would_be_lost_in_are_refused(tiny: Path) -> None:
    model = load(tiny).to(torch.bfloat16)
    with pytest.raises(StageError, match="not in fp32"):
        adapters.check_trained(model, sum(parameter.numel() for parameter in model.parameters()))


def test_code_in_a_students_folder_does_not_run(tiny: Path, tmp_path: Path) -> None:
    import json

    for path in tiny.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {
        "model_type": "strange",
        "auto_map": {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "evil.py").write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w').close()\nclass Config: pass\nclass Model: pass\n"
    )
    with pytest.raises(StageError, match="no weights that transformers can load"):
        adapters.load(tmp_path, "eager", frozen=False)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("config", "linear"), [(QWEN, True), (GPT_OSS, False)], ids=["qwen3_5", "gpt_oss"]
)
def test_reference_path_of_linear_attention_is_refused_on_a_gpu(
    config: Any, linear: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.save_pretrained(tmp_path)
    adapters.check_kernels(tmp_path)  # on a CPU there is no other path
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    if not linear:
        adapters.check_kernels(tmp_path)
        return
    with pytest.raises(
        StageError, match=r"flash-linear-attention is not installed; install requirements\.txt"
    ):
        adapters.check_kernels(tmp_path)
    monkeypatch.setattr(
        "transformers.utils.import_utils.is_flash_linear_attention_available", lambda: True
    )
    adapters.check_kernels(tmp_path)


def test_a_gpu_without_fast_linear_attention_is_told_before_anything_is_read(
    tmp_path: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    QWEN.save_pretrained(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(StageError, match="flash-linear-attention is not installed"):
        run.train(tmp_path, [], tokenizer, LORA, PLAIN, 0, tmp_path / "scratch")


def test_student_that_lacks_weights_is_refused(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny, tmp_path, dirs_exist_ok=True)
    weights = load_file(tiny / "model.safetensors")
    lost = "model.layers.1.mlp.down_proj.weight"
    del weights[lost]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(StageError, match=f"no weights for {lost}, which would be random"):
        adapters.load(tmp_path, "eager", frozen=False)
