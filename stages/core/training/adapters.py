"""Loading a student, its LoRA adapter, and proof that exactly the parameters are trained that
should be.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM

from stages.core import tokens
from stages.core.machine import hardware
from stages.core.program.errors import StageError
from stages.core.training.saved import tensors
from stages.core.training.settings import Method

SETTINGS = ("rank", "alpha", "dropout", "target_modules")


def load(folder: Path, attention: str, frozen: bool) -> Any:
    """The student in fp32, or bf16 if `frozen` and the hardware multiplies that; runs no code of
    the folder.

    Raises StageError for weights that are not all there, or would be saved under other names than
    they are read.
    """
    try:
        model, loading = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.bfloat16 if frozen and hardware.bf16_supported() else torch.float32,
            attn_implementation=attention,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise StageError(
            f"{folder}: no weights that transformers can load: {tokens.reason(error)}"
        ) from error
    if missing := sorted(loading["missing_keys"]):
        raise StageError(
            f"{folder}: no weights for {missing[0]}, which would be random; give a folder that has them"
        )
    tensors.check_names(model, folder)
    return model


def check_kernels(folder: Path) -> None:
    """Leaves a machine without a GPU transformers' reference path of linear attention, on which a
    GPU is very slow.

    Raises StageError for a GPU that would take it.
    """
    from transformers.utils.import_utils import is_flash_linear_attention_available

    hardware.hide_kernels()
    config = AutoConfig.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    ).get_text_config()
    linear = "linear_attention" in (getattr(config, "layer_types", None) or ())
    if linear and torch.cuda.is_available() and not is_flash_linear_attention_available():
        raise StageError(
            f"{folder}: its linear attention would take more than ten times as long on this GPU: "
            "flash-linear-attention is not installed; install requirements.txt"
        )


def attach(model: Any, method: Method) -> Any:
    """The student with its adapter, all of whose weights are in fp32; for full fine-tuning the
    student itself.

    peft puts no dropout before fused experts (the input cannot be taken out of their product), and
    refuses a config that asks for it: there the linear layers alone get theirs, after the adapter
    was made.
    """
    if method.lora is None:
        return model
    experts = [name for name, _ in fused(model)]
    adapted = get_peft_model(model, lora_config(method.lora, experts))
    for module in adapted.modules():
        dropouts = getattr(module, "lora_dropout", None)
        if (
            dropouts is not None
            and experts
            and isinstance(module.get_base_layer(), torch.nn.Linear)
        ):
            dropouts["default"] = torch.nn.Dropout(method.lora["dropout"])
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return adapted


def lora_config(settings: Mapping[str, Any], experts: list[str]) -> LoraConfig:
    """peft's config for `rank`, `alpha`, `dropout` and `target_modules`. Raises StageError for
    other names.
    """
    if set(settings) != set(SETTINGS):
        raise StageError(f"methods.*.lora: {sorted(settings)}: expected {', '.join(SETTINGS)}")
    return LoraConfig(
        r=settings["rank"],
        lora_alpha=settings["alpha"],
        lora_dropout=0.0 if experts else settings["dropout"],
        target_modules=settings["target_modules"],
        target_parameters=experts or None,
        task_type="CAUSAL_LM",
    )


def fused(model: Any) -> Iterator[tuple[str, torch.nn.Parameter]]:
    """(name, weights) of fused experts: one tensor (experts, in, out) in place of a linear layer
    for each.
    """
    for name, module in model.named_modules():
        if not isinstance(module, torch.nn.modules.conv._ConvNd):
            own = module.named_parameters(recurse=False)
            yield from ((f"{name}.{inner}", weight) for inner, weight in own if weight.ndim == 3)


def expected_trainable(model: Any, method: Method) -> int:
    """Parameters that must be trained: all, or for LoRA rank * (in + out) of every projection, of
    each expert apart.

    A projection is a linear layer but the LM head, or a fused expert. Embeddings, short
    convolutions and routers are none, as in the paper's "all attention and MLP projections". Raises
    StageError for a matrix that is none of these.
    """
    if method.lora is None:
        return sum(parameter.numel() for parameter in model.parameters())
    plain = (torch.nn.Linear, torch.nn.Embedding, torch.nn.modules.conv._ConvNd)
    odd = {
        type(module).__name__
        for module in model.modules()
        if not isinstance(module, plain) and _matrix(module)
    }
    if odd:
        raise StageError(
            f"methods.*.lora: no adapter for the weights of {', '.join(sorted(odd))}; use full fine-tuning"
        )
    head = model.get_output_embeddings()
    layers = (
        module
        for module in model.modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    )
    sides = sum(layer.in_features + layer.out_features for layer in layers)
    sides += sum(
        weight.shape[0] * (weight.shape[1] + weight.shape[2]) for _, weight in fused(model)
    )
    return int(method.lora["rank"] * sides)


def active(model: Any) -> int:
    """Parameters that one token goes through: all, but of fused experts as many as the config has
    chosen for it.
    """
    config = model.config.get_text_config()
    chosen = getattr(config, "num_experts_per_tok", None)
    idle = (
        sum(weight.numel() * (len(weight) - chosen) // len(weight) for _, weight in fused(model))
        if chosen
        else 0
    )
    return sum(parameter.numel() for parameter in model.parameters()) - idle


def _matrix(module: torch.nn.Module) -> bool:
    """Whether `module` itself holds a matrix, as odd projections do, and not only biases, scales
    and a routing.
    """
    if "router" in type(module).__name__.lower():
        return False
    own = module.named_parameters(recurse=False)
    return any(weight.ndim == 2 and "bias" not in name for name, weight in own)


def check_trained(model: Any, wanted: int) -> None:
    """Raises StageError unless exactly `wanted` parameters are trained, all of them in fp32."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    found = sum(parameter.numel() for parameter in trained)
    if found != wanted:
        raise StageError(
            f"methods: {found} parameters would be trained, {wanted} expected; check target_modules"
        )
    if any(parameter.dtype != torch.float32 for parameter in trained):
        raise StageError(
            "methods: a trained weight is not in fp32; its updates would be rounded away"
        )
