"""Loads a student, gives it a LoRA adapter, and proves which parameters are trained.

Exactly the parameters that should be trained are trained, or the stage ends with an error.
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

LORA_SETTINGS = ("rank", "alpha", "dropout", "target_modules")
# The base class of torch's convolutions, which torch exports under no public name
_CONVOLUTION = torch.nn.modules.conv._ConvNd


def load(folder: Path, attention: str, frozen: bool) -> Any:
    """Returns the student in `folder`, without running any code of the folder.

    It is in fp32, or in bf16 if it is `frozen` and the hardware multiplies bf16.

    Raises StageError if weights are missing, or would be saved under other names than they are
    read.
    """
    # A frozen weight has no updates that bf16 could round away, and takes half the memory in it
    dtype = torch.bfloat16 if frozen and hardware.bf16_supported() else torch.float32
    try:
        model, loading_info = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
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
    if missing_names := sorted(loading_info["missing_keys"]):
        raise StageError(
            f"{folder}: no weights for {missing_names[0]}, which would be random; "
            "give a folder that has them"
        )
    tensors.check_names(model, folder)
    return model


def check_kernels(folder: Path) -> None:
    """Has a machine without a GPU take transformers' reference path of linear attention.

    Raises StageError for a GPU that would take this path, on which a GPU is very slow.
    """
    from transformers.utils.import_utils import is_flash_linear_attention_available

    # Before any module of a model is imported: transformers binds kernels as it imports one
    hardware.hide_kernels()
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    layer_types = getattr(config.get_text_config(), "layer_types", None) or ()
    if "linear_attention" not in layer_types or not torch.cuda.is_available():
        return
    if not is_flash_linear_attention_available():
        raise StageError(
            f"{folder}: its linear attention would take more than ten times as long on this GPU: "
            "flash-linear-attention is not installed; install requirements.txt"
        )


def attach(model: Any, method: Method) -> Any:
    """Returns the student with its adapter, whose weights are all in fp32. For full fine-tuning it
    returns the student itself.

    peft puts no dropout before fused experts, because their input cannot be taken out of their
    product. It refuses a config that asks for it. So the linear layers alone get their dropout,
    after the adapter was made.
    """
    if method.lora is None:
        return model
    expert_names = [name for name, _ in fused_experts(model)]
    adapted = get_peft_model(model, lora_config(method.lora, expert_names))
    if expert_names:
        _add_dropout_to_linear_layers(adapted, method.lora["dropout"])
    # In bf16 small updates would be rounded away
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return adapted


def _add_dropout_to_linear_layers(adapted: Any, rate: float) -> None:
    for module in adapted.modules():
        dropouts = getattr(module, "lora_dropout", None)
        if dropouts is not None and isinstance(module.get_base_layer(), torch.nn.Linear):
            dropouts["default"] = torch.nn.Dropout(rate)


def lora_config(settings: Mapping[str, Any], expert_names: list[str]) -> LoraConfig:
    """Returns peft's config for `rank`, `alpha`, `dropout` and `target_modules`.

    `expert_names` are the names of fused experts. Raises StageError for other settings than these
    four.
    """
    if set(settings) != set(LORA_SETTINGS):
        expected = ", ".join(LORA_SETTINGS)
        raise StageError(f"methods.*.lora: {sorted(settings)}: expected {expected}")
    return LoraConfig(
        r=settings["rank"],
        lora_alpha=settings["alpha"],
        # see `attach`
        lora_dropout=0.0 if expert_names else settings["dropout"],
        target_modules=settings["target_modules"],
        target_parameters=expert_names or None,
        task_type="CAUSAL_LM",
    )


def fused_experts(model: Any) -> Iterator[tuple[str, torch.nn.Parameter]]:
    """Yields (name, weights) of each fused expert layer.

    Its weights are one tensor (experts, in, out) in place of a linear layer for each expert.
    """
    for module_name, module in model.named_modules():
        if isinstance(module, _CONVOLUTION):  # its weights have three dimensions too
            continue
        for weight_name, weight in module.named_parameters(recurse=False):
            if weight.ndim == 3:
                yield f"{module_name}.{weight_name}", weight


def expected_trainable(model: Any, method: Method) -> int:
    """Returns the number of parameters that must be trained.

    For full fine-tuning these are all parameters. For LoRA they are rank * (in + out) of every
    projection, and of each expert on its own. A projection is a linear layer other than the LM
    head, or a fused expert. Embeddings, short convolutions and routers are no projections, as in
    the paper's "all attention and MLP projections".

    Raises StageError for a matrix that is none of these.
    """
    if method.lora is None:
        return sum(parameter.numel() for parameter in model.parameters())
    _check_adaptable(model)
    # A is (rank, in) and B is (out, rank)
    head = model.get_output_embeddings()
    summed_sides = 0  # in + out, over all projections
    for module in model.modules():
        if isinstance(module, torch.nn.Linear) and module is not head:
            summed_sides += module.in_features + module.out_features
    for _, weight in fused_experts(model):
        experts, inputs, outputs = weight.shape
        summed_sides += experts * (inputs + outputs)
    return int(method.lora["rank"] * summed_sides)


def _check_adaptable(model: Any) -> None:
    """Raises StageError for a matrix in a module that adapters do not know."""
    known_classes = (torch.nn.Linear, torch.nn.Embedding, _CONVOLUTION)
    unknown_names = set()
    for module in model.modules():
        if not isinstance(module, known_classes) and _holds_matrix(module):
            unknown_names.add(type(module).__name__)
    if unknown_names:
        raise StageError(
            f"methods.*.lora: no adapter for the weights of {', '.join(sorted(unknown_names))}; "
            "use full fine-tuning"
        )


def _holds_matrix(module: torch.nn.Module) -> bool:
    """Whether `module` itself holds a matrix, as an unusual projection does.

    Biases, scales and a router's weights do not count.
    """
    if "router" in type(module).__name__.lower():
        return False
    parameters = module.named_parameters(recurse=False)
    return any(weight.ndim == 2 and "bias" not in name for name, weight in parameters)


def active_parameters(model: Any) -> int:
    """Returns the number of parameters that one token goes through.

    These are all parameters, but of fused experts only as many as the config chooses for a token.
    """
    chosen_experts = getattr(model.config.get_text_config(), "num_experts_per_tok", None)
    idle = 0
    if chosen_experts:
        for _, weight in fused_experts(model):
            experts = len(weight)  # all of one size
            idle += weight.numel() * (experts - chosen_experts) // experts
    return sum(parameter.numel() for parameter in model.parameters()) - idle


def check_trained(model: Any, expected: int) -> None:
    """Raises StageError unless exactly `expected` parameters are trained, all of them in fp32."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    count = sum(parameter.numel() for parameter in trained)
    if count != expected:
        raise StageError(
            f"methods: {count} parameters would be trained, {expected} expected; "
            "check target_modules"
        )
    if any(parameter.dtype != torch.float32 for parameter in trained):
        raise StageError(
            "methods: a trained weight is not in fp32; its updates would be rounded away"
        )
