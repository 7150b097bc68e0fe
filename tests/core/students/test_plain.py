"""A student's folder becomes text alone in bf16, with the weights that it had; what is plain keeps
its bytes.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, Mxfp4Config

from stages.core.program.errors import StageError
from stages.core.students import plain
from stages.core.training.saved import tensors
from tests.miniatures import build
from tests.miniatures.weights import fp8

FP4 = {sign * value * 2.0**-6 for sign in (1, -1) for value in (0, 0.5, 1, 1.5, 2, 3, 4, 6)}


def written(model_id: str, root: Path) -> tuple[Path, Path]:
    """A model's folder, and what is made of it."""
    before, after = build(model_id, root / "before"), build(model_id, root / "after")
    plain.write(after, "students.mine.source")
    return before, after


@torch.inference_mode()
def logits(folder: Path, **options: Any) -> torch.Tensor:
    """What a folder's model says about a fixed text."""
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", **options
    )
    values: torch.Tensor = model.eval()(torch.arange(40, 60)[None]).logits
    return values


@pytest.mark.parametrize("model_id", ["Qwen/Qwen3.5-0.8B-Base", "Qwen/Qwen3.5-9B-Base"])
def test_of_a_model_with_eyes_the_text_is_left_under_the_names_of_its_class(
    model_id: str, tmp_path: Path
) -> None:
    before, after = written(model_id, tmp_path)
    config = json.loads((after / "config.json").read_text())
    assert config["architectures"] == ["Qwen3_5ForCausalLM"]
    assert config["model_type"] == "qwen3_5_text"
    kept = tensors.stored(after)
    assert {name.partition(".layers.")[0] for name in kept} <= {
        "model",
        "model.embed_tokens.weight",
        "model.norm.weight",
        "lm_head.weight",
    }
    assert ("lm_head.weight" in kept) == (model_id == "Qwen/Qwen3.5-9B-Base")
    assert {dtype for _, dtype in kept.values()} == {"BF16"}
    assert torch.equal(logits(after), logits(before))
    assert {path.name for path in after.iterdir()} == {
        *(path.name for path in before.iterdir() if ".safetensors" not in path.name),
        "model.safetensors",
    }


def test_quantised_experts_become_bf16_once(tmp_path: Path) -> None:
    before, after = written("openai/gpt-oss-20b", tmp_path)
    assert "quantization_config" not in json.loads((after / "config.json").read_text())
    model = AutoModelForCausalLM.from_pretrained(after, dtype=torch.float32)
    assert {weight.dtype for weight in model.parameters()} == {
        torch.float32
    }  # as full fine-tuning reads them
    for name, weight in model.named_parameters():
        if name.endswith(("gate_up_proj", "down_proj")):
            assert set(weight.unique().tolist()) <= FP4
    assert {dtype for _, dtype in tensors.stored(after).values()} == {"BF16"}
    whole = logits(before, quantization_config=Mxfp4Config(dequantize=True))
    torch.testing.assert_close(logits(after), whole, rtol=0.02, atol=0.02)
    assert (after / "generation_config.json").read_text() == (
        before / "generation_config.json"
    ).read_text()


def test_eight_bit_weights_become_bf16(tmp_path: Path) -> None:
    folder = build("meta-llama/Llama-3.1-8B", tmp_path / "before")
    for path in folder.glob("*.safetensors"):
        save_file(fp8(load_file(path), ".layers."), path, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    quantised = {"quant_method": "fp8", "activation_scheme": "static", "weight_block_size": None}
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": quantised}))
    plain.write(folder, "students.mine.source")
    other = build("meta-llama/Llama-3.1-8B", tmp_path / "other")
    assert tensors.stored(folder) == tensors.stored(other)
    torch.testing.assert_close(
        logits(folder), logits(other), rtol=0.1, atol=0.1
    )  # FP8 keeps three bits


def test_model_without_a_language_model_of_its_own_is_refused(tmp_path: Path) -> None:
    folder = build("mistralai/Ministral-3-14B-Instruct-2512", tmp_path / "before")
    with pytest.raises(
        StageError, match="source: transformers has no language model for a Mistral3Config"
    ):
        plain.write(folder, "students.mine.source")


def test_plain_folder_keeps_its_bytes(tmp_path: Path) -> None:
    before, after = written("meta-llama/Llama-3.1-8B", tmp_path)
    names = sorted(path.name for path in before.iterdir())
    assert names == sorted(path.name for path in after.iterdir())
    assert all((before / name).read_bytes() == (after / name).read_bytes() for name in names)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"quant_method": "gptq", "bits": 4},
            r"source: its weights are quantised \(GPTQConfig\), and transformers",
        ),
        (
            {"quant_method": "ours"},
            r"source: its weights are quantised \(Unknown quantization type, got ours",
        ),
        (
            {"quant_method": "mxfp4"},
            r"source: no weights for model\.layers\.0\.mlp\.experts\.down_proj and 3 others",
        ),
    ],
)
def test_what_cannot_be_made_plain_is_refused_in_a_line(
    changes: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    folder = build("openai/gpt-oss-20b", tmp_path / "before")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": changes}))
    if changes["quant_method"] == "mxfp4":  # of the experts there is nothing
        for path in folder.glob("*.safetensors"):
            kept = {
                name: tensor
                for name, tensor in load_file(path).items()
                if "_proj_" not in name or "bias" in name
            }
            save_file(kept, path, metadata={"format": "pt"})
    with pytest.raises(StageError, match=complaint) as caught:
        plain.write(folder, "students.mine.source")
    assert "\n" not in str(caught.value)
