"""The proof that merged weights are the base's plus the adapter's, from the files alone, one tensor
at a time.

Each adapted weight must be W + alpha / rank * B A (Hu et al., LoRA, arXiv 2106.09685, equation 3),
and every other tensor must be the base's. Logits cannot show it: an adapter of usual size moves
them less than rounding does. Memory, on the host: the largest tensor a few times over in fp32.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import Linear, LoraLayer
from peft.tuners.lora.layer import ParamWrapper
from safetensors import safe_open
from safetensors.torch import load_file
from transformers.core_model_loading import revert_weight_conversion

from stages.core.program.errors import StageError

ADAPTER, CONFIG = "adapter_model.safetensors", "adapter_config.json"  # peft's names
_PREFIX = "base_model.model."
# Settings of peft's config with which a merged weight is another sum than the one above
_OTHER_SUMS = (
    "use_rslora",
    "use_dora",
    "rank_pattern",
    "alpha_pattern",
    "fan_in_fan_out",
    "lora_bias",
    "modules_to_save",
    "trainable_token_indices",
    "layer_replication",
)
ROUNDING = 2**-8  # of bf16, as a share of the weight; at most half of the last digit's value
SUMS = 2**-20  # of fp32, as a share of the largest change: other hardware adds in another order
FLOOR = 1e-7  # difference that is rounding whatever the weight


@dataclass(frozen=True)
class AdaptedWeight:
    """A weight that an adapter changes, by its name in the plain model."""

    name: str
    fused: bool = False  # experts in one tensor
    transposed: bool = False  # the experts' tensor is (experts, in, out), else (experts, out, in)


def adapted_weights(model: PeftModel) -> dict[str, AdaptedWeight]:
    """Returns what is adapted, by the layer's name in the adapter's file.

    Raises StageError for an unknown kind of layer.
    """
    adapted = {}
    for layer_name, module in model.named_modules():
        plain_name = layer_name.removeprefix(_PREFIX).replace(".base_layer", "")
        if isinstance(module, ParamWrapper):
            transposed = bool(getattr(module.get_base_layer(), "is_transposed", False))
            weight_name = f"{plain_name}.{module.parameter_name}"
            adapted[layer_name] = AdaptedWeight(weight_name, True, transposed)
        elif isinstance(module, Linear):
            adapted[layer_name] = AdaptedWeight(f"{plain_name}.weight")
        elif isinstance(module, LoraLayer):
            kind = type(module).__name__
            raise StageError(
                f"methods.*.lora: {plain_name}: no proof for a merged {kind}; leave it out"
            )
    return adapted


def check(out: Path, base: Path, adapted: Mapping[str, AdaptedWeight], model: Any) -> None:
    """Raises StageError unless the weights in `out` are those in `base` plus the adapter in
    out/adapter.

    `adapted` is what `adapted_weights` returned before `model` was merged.
    """
    factors = load_file(out / "adapter" / ADAPTER)
    rank, scale = _scaling(out / "adapter")
    merged_paths, base_paths = _paths_by_tensor(out), _paths_by_tensor(base)
    unchecked = merged_paths.keys() & base_paths.keys()
    for layer_name, weight in adapted.items():
        down = factors.pop(f"{layer_name}.lora_A.weight").float()
        up = factors.pop(f"{layer_name}.lora_B.weight").float()
        change = _product(down, up, rank, weight).mul_(scale)
        # The files may hold one weight of the model in several tensors
        for name, part in revert_weight_conversion(model, {weight.name: change}).items():
            if name not in unchecked:
                raise _other_sum(out, name)
            unchecked.remove(name)
            _check_sum(out, name, _read(merged_paths, name), _read(base_paths, name), part)
    if factors:
        raise _other_sum(out / "adapter", min(factors))
    for name in sorted(unchecked):
        merged_tensor, base_tensor = _read(merged_paths, name), _read(base_paths, name)
        # the base's may be in fp32
        if not torch.equal(merged_tensor, base_tensor.to(merged_tensor.dtype)):
            raise StageError(
                f"{out}: {name}: it is not adapted and differs from {base}'s; nothing was kept"
            )


def _scaling(folder: Path) -> tuple[int, float]:
    """Returns rank and alpha / rank of the adapter in `folder`.

    Raises StageError for settings that change the sum.
    """
    config = json.loads((folder / CONFIG).read_text())
    unproven = [name for name in _OTHER_SUMS if config.get(name)]
    if config["bias"] != "none":
        unproven.append("bias")
    if unproven:
        raise StageError(
            f"{folder}: {unproven[0]}: no proof for weights merged with it; leave it out"
        )
    return config["r"], config["lora_alpha"] / config["r"]


def _product(
    down: torch.Tensor, up: torch.Tensor, rank: int, weight: AdaptedWeight
) -> torch.Tensor:
    """Returns B A in the layout of the adapted weight.

    down is A, (rank, in), and up is B, (out, rank). Of fused experts they have rank * experts in
    place of rank.
    """
    if not weight.fused:
        return up @ down
    experts = len(down) // rank
    down = down.reshape(experts, rank, -1)
    up = up.reshape(len(up), rank, experts)
    return torch.einsum("ore,eri->eio" if weight.transposed else "ore,eri->eoi", up, down)


def _check_sum(
    out: Path, name: str, merged: torch.Tensor, base: torch.Tensor, change: torch.Tensor
) -> None:
    """Raises StageError unless merged = base + change but for rounding."""
    if not merged.shape == base.shape == change.shape:
        raise _other_sum(out, name)
    # A frozen student in fp32 is read in bf16 where the hardware multiplies bf16
    rounded_base = base.to(torch.bfloat16)
    bases = [base] if base.dtype == torch.bfloat16 else [rounded_base, base]
    if not any(_equal_but_rounding(merged, each.float() + change, change) for each in bases):
        raise _other_sum(out, name)


def _equal_but_rounding(merged: torch.Tensor, expected: torch.Tensor, change: torch.Tensor) -> bool:
    """Whether `merged` is `expected`, which is overwritten, but for rounding."""
    sum_rounding = FLOOR + SUMS * float(change.abs().max())
    bound = expected.abs().mul_(ROUNDING).add_(sum_rounding)
    return bool((expected.sub_(merged.float()).abs_() <= bound).all())


def _other_sum(folder: Path, name: str) -> StageError:
    return StageError(
        f"{folder}: {name}: it is not the base's plus alpha / rank * B A of adapter/; "
        "nothing was kept"
    )


def _paths_by_tensor(folder: Path) -> dict[str, Path]:
    """Returns the file of each tensor in `folder`, by the tensor's name."""
    paths: dict[str, Path] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            paths |= dict.fromkeys(file.keys(), path)
    return paths


def _read(paths: Mapping[str, Path], name: str) -> torch.Tensor:
    with safe_open(paths[name], framework="pt") as file:
        tensor: torch.Tensor = file.get_tensor(name)
    return tensor
