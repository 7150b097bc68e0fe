"""The proof that merged weights are the base's plus the adapter's, from the files alone, one tensor
at a time.

Hu et al., LoRA (arXiv 2106.09685), equation 3: W + alpha / rank * B A for each adapted weight;
every other tensor is the base's. Logits cannot show it: an adapter of usual size moves them less
than rounding does. Memory, on the host: the largest tensor a few times over in fp32.
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
    *(
        "use_rslora",
        "use_dora",
        "rank_pattern",
        "alpha_pattern",
        "fan_in_fan_out",
        "lora_bias",
        "modules_to_save",
    ),
    *("trainable_token_indices", "layer_replication"),
)
ROUNDING = 2**-8  # of bf16, as a share of the weight; at most half of the last digit's value
SUMS = 2**-20  # of fp32, as a share of the largest change: other hardware adds up in another order
FLOOR = 1e-7


@dataclass(frozen=True)
class Target:
    """The weight that an adapter changes, by its name in the plain model."""

    weight: str
    fused: bool = False  # experts in one tensor
    transposed: bool = False  # which is (experts, in, out)


def targets(model: PeftModel) -> dict[str, Target]:
    """What is adapted, by its name in the adapter's file. Raises StageError for an unknown kind of
    layer.
    """
    adapted = {}
    for name, module in model.named_modules():
        bare = name.removeprefix(_PREFIX).replace(".base_layer", "")
        if isinstance(module, ParamWrapper):
            transposed = bool(getattr(module.get_base_layer(), "is_transposed", False))
            adapted[name] = Target(f"{bare}.{module.parameter_name}", True, transposed)
        elif isinstance(module, Linear):
            adapted[name] = Target(f"{bare}.weight")
        elif isinstance(module, LoraLayer):
            raise StageError(
                f"methods.*.lora: {bare}: no proof for a merged {type(module).__name__}; leave it out"
            )
    return adapted


def check(out: Path, base: Path, adapted: Mapping[str, Target], model: Any) -> None:
    """Raises StageError unless the weights in `out` are those in `base` plus the adapter in
    out/adapter.

    `adapted` is what `targets` returned before `model` was merged.
    """
    factors = load_file(out / "adapter" / ADAPTER)
    rank, scale = _scaling(out / "adapter")
    saved, before = _paths(out), _paths(base)
    others = saved.keys() & before.keys()
    for stem, target in adapted.items():
        down, up = (factors.pop(f"{stem}.lora_{side}.weight").float() for side in "AB")
        change = _product(down, up, rank, target).mul_(scale)
        for name, part in revert_weight_conversion(model, {target.weight: change}).items():
            if name not in others:
                raise _refused(out, name)
            others.remove(name)
            _check_sum(out, name, _read(saved, name), _read(before, name), part)
    if factors:
        raise _refused(out / "adapter", min(factors))
    for name in sorted(others):
        weight = _read(saved, name)
        if not torch.equal(
            weight, _read(before, name).to(weight.dtype)
        ):  # the base's may be in fp32
            raise StageError(
                f"{out}: {name}: it is not adapted and differs from {base}'s; nothing was kept"
            )


def _scaling(folder: Path) -> tuple[int, float]:
    """Rank and alpha / rank of the adapter in `folder`. Raises StageError for settings that change
    the sum.
    """
    config = json.loads((folder / CONFIG).read_text())
    unproven = [name for name in _OTHER_SUMS if config.get(name)]
    if unproven or config["bias"] != "none":
        raise StageError(
            f"{folder}: {(*unproven, 'bias')[0]}: no proof for weights merged with it; leave it out"
        )
    return config["r"], config["lora_alpha"] / config["r"]


def _product(down: torch.Tensor, up: torch.Tensor, rank: int, target: Target) -> torch.Tensor:
    """B A in the layout of the target: down is (rank, in), up (out, rank), of fused experts rank *
    experts for rank.
    """
    if not target.fused:
        return up @ down
    experts = len(down) // rank
    down, up = down.reshape(experts, rank, -1), up.reshape(len(up), rank, experts)
    return torch.einsum("ore,eri->eio" if target.transposed else "ore,eri->eoi", up, down)


def _check_sum(
    out: Path, name: str, saved: torch.Tensor, before: torch.Tensor, change: torch.Tensor
) -> None:
    """Raises StageError unless saved = before + change but for rounding."""
    if not saved.shape == before.shape == change.shape:
        raise _refused(out, name)
    # A frozen student in fp32 is read in bf16 where the hardware multiplies that
    bases = (before,) if before.dtype == torch.bfloat16 else (before.to(torch.bfloat16), before)
    if not any(_rounded(saved, base.float() + change, change) for base in bases):
        raise _refused(out, name)


def _rounded(saved: torch.Tensor, wanted: torch.Tensor, change: torch.Tensor) -> bool:
    """Whether `saved` is `wanted`, which is overwritten, but for rounding."""
    bound = wanted.abs().mul_(ROUNDING).add_(FLOOR + SUMS * float(change.abs().max()))
    return bool((wanted.sub_(saved.float()).abs_() <= bound).all())


def _refused(folder: Path, name: str) -> StageError:
    return StageError(
        f"{folder}: {name}: it is not the base's plus alpha / rank * B A of adapter/; nothing was kept"
    )


def _paths(folder: Path) -> dict[str, Path]:
    """The file of each tensor in `folder`."""
    paths: dict[str, Path] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            paths |= dict.fromkeys(file.keys(), path)
    return paths


def _read(paths: Mapping[str, Path], name: str) -> torch.Tensor:
    with safe_open(paths[name], framework="pt") as file:
        tensor: torch.Tensor = file.get_tensor(name)
    return tensor
