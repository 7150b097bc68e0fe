"""Bytes that weights, keys and values, and training take, compared with the memory that there is.

An entry for GPUs is compared with one GPU, and any other entry with this machine.
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
# Bytes of activations that a layer keeps for a token, without checkpointing, for each of its hidden
# and inner values. Measured on Qwen3.5-0.8B: its 24 layers of 1,024 and 3,584 keep 5.3 MiB a token
ACTIVATION_BYTES = 5.3 * 2**20 / (24 * (1_024 + 3_584))
# Bytes of a parameter's optimizer states
STATE_BYTES = {
    "adamw_torch_8bit": 2,
    "adamw_8bit": 2,
    "adamw_bnb_8bit": 2,
    "paged_adamw_8bit": 2,
    "adamw_torch_4bit": 1,
}
ADAM_STATE_BYTES = 8  # two states in fp32; no other optimizer has more


@dataclass(frozen=True)
class Room:
    """The memory that there is, in GB."""

    gpu: float  # of one GPU
    machine: float  # for entries that ask for no GPU

    def of(self, on_gpus: bool) -> tuple[float, str]:
        """The GB that an entry has, and what they are of."""
        if on_gpus:
            return self.gpu, f"a GPU of {self.gpu:g} GB"
        return self.machine, "this machine"


def engine_of(inference: Mapping[str, Any]) -> Mapping[str, Any]:
    """The section of the engine that holds the model: for replicas, the engine that each runs."""
    section: Mapping[str, Any] = inference.get("run", inference)
    return section


def asks_gpus(inference: Mapping[str, Any]) -> bool:
    """Whether an inference section is for GPUs: one of vLLM is, and replicas with GPUs are."""
    return inference["engine"] == "vllm" or bool(inference.get("gpus", 0) > 0)


def skeleton(folder: Path) -> Any:
    """The model of a folder with tensors that have shapes and take no memory."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def parameters(model: Any) -> int:
    """How many parameters a model has; shared ones count once."""
    return int(sum(weight.numel() for weight in model.parameters()))


def of_a_token(config: Any) -> int:
    """Bytes of keys and values, in bf16, that each further token of a long sequence adds.

    Only layers of full attention grow: layers of linear attention hold a state of fixed size, and
    layers with a sliding window hold at most the window.
    """
    layer_types = getattr(config, "layer_types", None)
    if not layer_types:
        layer_types = ["full_attention"] * config.num_hidden_layers
    growing_layers = sum(str(layer_type) == "full_attention" for layer_type in layer_types)
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head_size = getattr(config, "head_dim", None)
    if not head_size:
        head_size = config.hidden_size // config.num_attention_heads
    return 2 * 2 * int(heads) * int(head_size) * growing_layers  # a key and a value of two bytes


def check_serving(
    folder: Path,
    weights: int,
    inference: Mapping[str, Any],
    room: Room,
    report: Report,
    subject: str,
) -> None:
    """Adds whether the model fits the memory that its entry asks for.

    `weights` are the bytes of its weights. Beside them the keys and values of at least one sequence
    of the largest length must fit.
    """
    from transformers import AutoConfig

    with report.errors_of(subject, "serving"):
        config = AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        ).get_text_config()
        engine = engine_of(inference)
        _check_gpu_split(inference, config, report, subject)
        options = engine.get("options", {})
        split = gpus.of_inference(engine)
        max_length = options.get("max_model_len") or getattr(config, "max_position_embeddings", 0)
        sequence_gb = of_a_token(config) * max_length / GB
        device_gb, device = room.of(asks_gpus(inference))
        share = options.get("gpu_memory_utilization", 0.9) if engine["engine"] == "vllm" else 1.0
        free_gb = device_gb * share * split - weights / GB
        fits = free_gb >= sequence_gb
        if fits and sequence_gb:
            outcome = f"room for {counted(math.floor(free_gb / sequence_gb), 'such sequence')}"
        else:
            outcome = f"{sequence_gb - free_gb:,.1f} GB short"
        report.judge(
            fits,
            subject,
            "serving",
            f"{split} x {device}{_of_replicas(inference, split)}: {weights / GB:,.1f} GB of "
            f"weights; keys and values of a sequence of {max_length:,} tokens "
            f"{sequence_gb:,.2f} GB, {outcome}",
            "raise tensor_parallel_size, lower max_model_len, or take larger GPUs (GPU_GB)",
        )


def _of_replicas(inference: Mapping[str, Any], split: int) -> str:
    """How many replicas there are and how many GPUs they take together; empty for a single one."""
    replicas = inference.get("replicas", 1) if "run" in inference else 1
    if replicas == 1 or not asks_gpus(inference):
        return ""
    return f" for each of {replicas} replicas, {replicas * split} GPUs in total"


def _check_gpu_split(
    inference: Mapping[str, Any], config: Any, report: Report, subject: str
) -> None:
    """Adds an error where a replica has another number of GPUs than it is split over.

    Adds one too where the attention heads cannot be split so.
    """
    engine = engine_of(inference)
    if engine["engine"] != "vllm":
        return
    replica_gpus = inference.get("gpus", 0)
    split = gpus.of_inference(engine)
    if "run" in inference and math.ceil(replica_gpus) != split:
        finding = (
            f"gpus of a replica are {replica_gpus:g}, and "
            f"tensor_parallel_size x pipeline_parallel_size are {split}"
        )
        report.error(subject, "GPUs", finding, f"inference.gpus: {split}")
    tensor_parallel = engine.get("options", {}).get("tensor_parallel_size", 1)
    if config.num_attention_heads % tensor_parallel:
        finding = (
            f"{config.num_attention_heads} attention heads cannot be shared among "
            f"tensor_parallel_size {tensor_parallel}"
        )
        report.error(subject, "GPUs", finding, "take a tensor_parallel_size that divides the heads")


def of_training(
    model: Any,
    method: Method,
    training: Training,
    *,
    max_tokens: int,
    trainable: int,
    frozen_bytes: int,
) -> dict[str, float]:
    """GB of each part that one process takes for a batch of the longest rows, by the part's name.

    A longest row has `max_tokens` tokens. `trainable` counts the trained parameters, and a weight
    that LoRA leaves alone takes `frozen_bytes`. Weights, gradients and optimizer states are sharded
    over the processes.
    """
    config = model.config.get_text_config()
    weight_bytes = 4 * parameters(model)
    if method.lora:
        weight_bytes = frozen_bytes * parameters(model) + 4 * trainable
    parts = {
        "weights": weight_bytes / training.processes,
        "gradients and states": checkpoint(method, trainable) / training.processes,
    }
    if training.processes > 1:
        # A layer, or the embeddings, lies unsharded while it is used
        parts["gathered"] = 4.0 * largest(model)

    batch_tokens = max_tokens * method.batch_size
    layers = config.num_hidden_layers
    layer_bytes = ACTIVATION_BYTES * (config.hidden_size + _inner(config))
    if training.checkpointing:
        # One layer at a time, and what each layer was given, in fp32
        parts["activations"] = batch_tokens * (layer_bytes + 4 * layers * config.hidden_size)
    else:
        parts["activations"] = batch_tokens * (layer_bytes * layers)
    if training.attention == "eager":  # keeps a square of each row's length
        squares = 6.0 * config.num_attention_heads * max_tokens**2 * method.batch_size
        parts["attention"] = squares * (1 if training.checkpointing else layers)
    return {name: size / GB for name, size in parts.items()}


def checkpoint(method: Method, trainable: int) -> int:
    """Bytes of a checkpoint to resume from: what is trained, in fp32, and the optimizer's states.

    Gradients take as much as the trained weights.
    """
    return trainable * (4 + STATE_BYTES.get(method.optimizer, ADAM_STATE_BYTES))


def _inner(config: Any) -> int:
    """Inner values of an MLP for one token; with experts, those of the experts chosen for it."""
    chosen_experts = getattr(config, "num_experts_per_tok", None)
    if chosen_experts:
        expert_size = getattr(config, "moe_intermediate_size", None) or config.intermediate_size
        return int(chosen_experts * expert_size)
    return int(config.intermediate_size)


def largest(model: Any) -> int:
    """Parameters of the largest block that FSDP gathers: a layer, or all outside of the layers."""
    import torch

    layer_count = model.config.get_text_config().num_hidden_layers
    blocks: list[Any] = []
    for module in model.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == layer_count:
            blocks += module
    # By identity: comparing tensors compares their values
    ids_inside = set[int]()
    for block in blocks:
        ids_inside.update(map(id, block.parameters()))
    outside = 0
    for weight in model.parameters():
        if id(weight) not in ids_inside:
            outside += weight.numel()
    block_sizes = [parameters(block) for block in blocks]
    block_sizes.append(outside)
    return max(block_sizes)
