"""Bytes that weights, keys and values, and training take, against what a GPU, or without one this
machine, has.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core.training.settings import Method, Training
from tools import gpus
from tools.preflight.lines import Report, counted

GB = 1e9
# Of activations that a layer keeps for a token, without checkpointing, for each of its hidden and inner values:
# 5.3 MiB a token of Qwen3.5-0.8B's 24 layers of 1,024 and 3,584, which was measured
KEPT = 5.3 * 2**20 / (24 * (1_024 + 3_584))
STATES = {
    "adamw_torch_8bit": 2,
    "adamw_8bit": 2,
    "adamw_bnb_8bit": 2,
    "paged_adamw_8bit": 2,
    "adamw_torch_4bit": 1,
}
ADAM = 8  # bytes of a parameter's states, two in fp32; no other optimizer has more


@dataclass(frozen=True)
class Room:
    """Memory in GB: of one GPU, and of this machine, for entries that ask for no GPU."""

    gpu: float
    machine: float

    def of(self, on_gpus: bool) -> tuple[float, str]:
        """The room, and whose it is."""
        return (
            (self.gpu, f"a GPU of {self.gpu:g} GB") if on_gpus else (self.machine, "this machine")
        )


def engine_of(inference: Mapping[str, Any]) -> Mapping[str, Any]:
    """The section of the engine that holds the model: of replicas, that of each."""
    section: Mapping[str, Any] = inference.get("run", inference)
    return section


def asks_gpus(inference: Mapping[str, Any]) -> bool:
    """Whether an inference section is for GPUs: vLLM's is, and replicas that are given some."""
    return inference["engine"] == "vllm" or bool(inference.get("gpus", 0) > 0)


def skeleton(folder: Path) -> Any:
    """The model's class with tensors that have shapes and no memory."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def parameters(model: Any) -> int:
    """How many a model has; shared ones count once."""
    return int(sum(weight.numel() for weight in model.parameters()))


def of_a_token(config: Any) -> int:
    """Bytes of keys and values, in bf16, that each further token of a long sequence adds.

    Layers of linear attention hold a state of fixed size, those with a sliding window at most the
    window's.
    """
    kinds = getattr(config, "layer_types", None) or ["full_attention"] * config.num_hidden_layers
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return 2 * 2 * int(heads) * int(size) * sum(str(kind) == "full_attention" for kind in kinds)


def check_serving(
    folder: Path,
    weights: int,
    inference: Mapping[str, Any],
    room: Room,
    report: Report,
    subject: str,
) -> None:
    """Adds whether weights, and keys and values of at least one longest sequence, fit what the
    entry asks for.
    """
    from transformers import AutoConfig

    with report.errors_of(subject, "serving"):
        config = AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        ).get_text_config()
        engine = engine_of(inference)
        _check_split(inference, config, report, subject)
        options, split = engine.get("options", {}), gpus.of_inference(engine)
        longest = options.get("max_model_len") or getattr(config, "max_position_embeddings", 0)
        sequence = of_a_token(config) * longest / GB
        size, whose = room.of(asks_gpus(inference))
        share = options.get("gpu_memory_utilization", 0.9) if engine["engine"] == "vllm" else 1.0
        left = size * share * split - weights / GB
        fits = left >= sequence
        held = (
            f"room for {counted(math.floor(left / sequence), 'such sequence')}"
            if fits and sequence
            else f"{sequence - left:,.1f} GB short"
        )
        report.judge(
            fits,
            subject,
            "serving",
            f"{split} x {whose}{_total(inference, split)}: {weights / GB:,.1f} GB of weights; keys and values of a "
            f"sequence of {longest:,} tokens {sequence:,.2f} GB, {held}",
            "raise tensor_parallel_size, lower max_model_len, or take larger GPUs (GPU_GB)",
        )


def _total(inference: Mapping[str, Any], split: int) -> str:
    """Of replicas, how many there are and what they take together."""
    replicas = inference.get("replicas", 1) if "run" in inference else 1
    if replicas == 1 or not asks_gpus(inference):
        return ""
    return f" for each of {replicas} replicas, {replicas * split} GPUs in total"


def _check_split(inference: Mapping[str, Any], config: Any, report: Report, subject: str) -> None:
    """Adds errors where a replica is given other GPUs than it is split over, or heads that cannot
    be split so.
    """
    engine, given = engine_of(inference), inference.get("gpus", 0)
    split = gpus.of_inference(engine)
    if "run" in inference and engine["engine"] == "vllm" and math.ceil(given) != split:
        finding = f"gpus of a replica are {given:g}, and tensor_parallel_size x pipeline_parallel_size are {split}"
        report.error(subject, "GPUs", finding, f"inference.gpus: {split}")
    wide = (
        engine.get("options", {}).get("tensor_parallel_size", 1)
        if engine["engine"] == "vllm"
        else 1
    )
    if config.num_attention_heads % wide:
        finding = f"{config.num_attention_heads} attention heads cannot be shared among tensor_parallel_size {wide}"
        report.error(subject, "GPUs", finding, "take a tensor_parallel_size that divides the heads")


def training(
    model: Any, method: Method, how: Training, longest: int, trainable: int, frozen: int
) -> dict[str, float]:
    """GB of each part that a process of a cell takes for its longest rows, of `longest` tokens
    each.

    `frozen`: bytes of a weight that LoRA leaves alone. Weights, gradients and states are shared by
    the processes.
    """
    config = model.config.get_text_config()
    shared = {
        "weights": frozen * parameters(model) + 4 * trainable
        if method.lora
        else 4 * parameters(model),
        "gradients and states": trainable * (4 + STATES.get(method.optimizer, ADAM)),
    }
    parts = {name: size / how.processes for name, size in shared.items()}
    if how.processes > 1:
        parts["gathered"] = 4.0 * largest(
            model
        )  # a layer, or the embeddings, lies unshared while it is used
    row, layers = longest * method.batch_size, config.num_hidden_layers
    layer = KEPT * (config.hidden_size + _inner(config))
    parts["activations"] = row * (
        layer + 4 * layers * config.hidden_size if how.checkpointing else layer * layers
    )
    if how.attention == "eager":  # keeps a square of each row's length
        squares = 6.0 * config.num_attention_heads * longest**2 * method.batch_size
        parts["attention"] = squares * (1 if how.checkpointing else layers)
    return {name: size / GB for name, size in parts.items()}


def checkpoint(method: Method, trainable: int) -> int:
    """Bytes of a checkpoint to go on from: what is trained, in fp32, and the optimizer's states."""
    return trainable * (4 + STATES.get(method.optimizer, ADAM))


def _inner(config: Any) -> int:
    """Inner values of an MLP that a token goes through; of experts, of those chosen for it."""
    chosen = getattr(config, "num_experts_per_tok", None)
    if chosen:
        return int(
            chosen * (getattr(config, "moe_intermediate_size", None) or config.intermediate_size)
        )
    return int(config.intermediate_size)


def largest(model: Any) -> int:
    """Parameters of the largest block that FSDP gathers: a layer, or what lies outside of the
    layers.
    """
    import torch

    count = model.config.get_text_config().num_hidden_layers
    lists = (
        module
        for module in model.modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == count
    )
    blocks = [block for modules in lists for block in modules]
    inside = {id(weight) for block in blocks for weight in block.parameters()}
    outside = sum(weight.numel() for weight in model.parameters() if id(weight) not in inside)
    return int(max(outside, *(parameters(block) for block in blocks)))
