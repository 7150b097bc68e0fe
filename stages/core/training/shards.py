"""A student that several processes share (FSDP2, through accelerate).

Each process holds and updates a part of every weight. Together they do what one process does: a
step has the same examples, in the same order, and its loss is the mean over the tokens of all of
them. In one process nothing here does anything.

Precision: FSDP2 multiplies with the weights in bf16, gathered layer by layer. Trained weights are
in fp32 where they are kept and updated, and gradients are summed in fp32.

Memory of the host: rank 0 alone reads the weights, in the dtype that they are kept in, and sends
them layer by layer. The others begin with memory that is asked for but never written to.
transformers' own cpu_ram_efficient_loading reads all weights in every process and then writes as
many zeros (5.19's modeling_utils). At the end rank 0 has all weights.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, concatenate_datasets
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM

from stages.core.program.errors import StageError
from stages.core.training import adapters, process_group
from stages.core.training.settings import IGNORED, Method, Training

FILLER_TOKENS = 16  # of a row without labels


def padded(rows: Dataset, batch_size: int) -> Dataset:
    """Returns `rows`, and as many rows without labels as give all processes the same number of full
    batches.

    Without them accelerate fills up with the first rows, which would be trained on once more.
    """
    missing = -len(rows) % (batch_size * process_group.world_size())
    if not process_group.launched() or not missing:
        return rows
    ids = rows[0]["input_ids"][:FILLER_TOKENS]
    filler_row = {"input_ids": ids, "labels": [IGNORED] * len(ids)}
    fillers = Dataset.from_list([filler_row] * missing, features=rows.features)
    return concatenate_datasets([rows, fillers])


@dataclass(frozen=True)
class Outline:
    """What a process has to know of a student whose weights it does not read."""

    dtypes: list[torch.dtype]  # of each parameter, in the model's order
    buffers: list[torch.Tensor]
    generation_config: Any


def load(folder: Path, attention: str, frozen: bool) -> Any:
    """Returns the student with its weights in the first process.

    In the others it returns a student of the same shape, without weights.
    """
    if not process_group.launched():
        return adapters.load(folder, attention, frozen)
    is_first = process_group.rank() == 0
    model = adapters.load(folder, attention, frozen) if is_first else None
    outline = process_group.from_first(lambda: _outline(model))
    return model if is_first else _without_weights(folder, attention, outline)


def _outline(model: Any) -> Outline:
    dtypes = [weight.dtype for weight in model.parameters()]
    return Outline(dtypes, list(model.buffers()), model.generation_config)


def _without_weights(folder: Path, attention: str, outline: Outline) -> Any:
    """Returns a student whose memory is asked for but never written to."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    # On the meta device a weight has a shape and no memory
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(
            config, attn_implementation=attention, trust_remote_code=False
        )
    model = model.to_empty(device="cpu")
    model.tie_weights()
    for weight, dtype in zip(model.parameters(), outline.dtypes, strict=True):
        weight.data = torch.empty_like(weight, dtype=dtype)
    # accelerate sends no buffer that is not saved
    for buffer, sent_buffer in zip(model.buffers(), outline.buffers, strict=True):
        buffer.data = sent_buffer
    model.generation_config = outline.generation_config
    return model


def trainer_settings() -> dict[str, Any]:
    """Returns what TRL's config needs beside what one process needs."""
    if not process_group.launched():
        return {}
    # Gradients are shared out after every batch: kept whole until the step, they would take a whole
    # student's memory
    return {"accelerator_config": {"gradient_accumulation_kwargs": {"sync_each_batch": True}}}


def allow_sharding_on_cpus(arguments: Any) -> None:
    """Has accelerate shard without a GPU too. By itself it shards only on accelerators it knows.

    `arguments` are the trainer's, whose making has met the other processes. gloo does all that
    FSDP2 asks for.
    """
    if process_group.launched() and not torch.cuda.is_available():
        from accelerate import PartialState
        from accelerate.utils import DistributedType

        assert arguments.distributed_state is not None
        PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU


def set_precision(trainer: Any) -> None:
    """Has FSDP2 multiply in bf16 and sum in fp32.

    accelerate's own choice rounds the gradients' sums and the loss to bf16. Raises StageError for a
    student that would be gathered all at once.
    """
    if not process_group.launched():
        return
    from torch.distributed.fsdp import MixedPrecisionPolicy

    plugin = trainer.accelerator.state.fsdp_plugin
    plugin.transformer_cls_names_to_wrap = _layer_classes(trainer.model)
    if plugin.mixed_precision_policy is not None:
        plugin.mixed_precision_policy = MixedPrecisionPolicy(
            param_dtype=torch.bfloat16, reduce_dtype=torch.float32
        )


def _layer_classes(model: Any) -> list[str]:
    """Returns the names of the classes that transformers says not to split.

    transformers also names classes of image towers. Only classes that the model has are returned.
    """
    present = {type(module).__name__ for module in model.modules()}
    not_split = set(getattr(model, "_no_split_modules", None) or ())
    layers = sorted(present & not_split)
    if not layers:
        name = type(_bare(model)).__name__
        raise StageError(
            "students.*.training.processes: transformers does not say what the layers of "
            f"a {name} are"
        )
    return layers


def share_again(model: Any) -> None:
    """Has each process hold only its part once more.

    Without a backward pass the outermost weights stay gathered.
    """
    if process_group.launched():
        from torch.distributed.fsdp import FSDPModule

        # FSDP2 gives up a layer's weights after the forward pass, but keeps the outermost ones
        for module in model.modules():
            if isinstance(module, FSDPModule):
                module.reshard()


def gathered(model: Any, folder: Path, method: Method, training: Training) -> Any:
    """Returns the trained student as one process would have it, on rank 0's CPU.

    The other processes give their parts, and get None. What was frozen is read from `folder` again.
    """
    if not process_group.launched():
        return model
    trained_weights = _gather_trained_weights(model, method)
    if process_group.rank():
        return None
    student = adapters.attach(adapters.load(folder, training.attention, frozen=True), method)
    expected = {name for name, weight in student.named_parameters() if weight.requires_grad}
    assert set(trained_weights) == expected
    student.load_state_dict(trained_weights, strict=False, assign=True)
    student.tie_weights()
    # with the ids that the trainer set
    bare_student, bare_trained = _bare(student), _bare(model)
    bare_student.config = bare_trained.config
    bare_student.generation_config = bare_trained.generation_config
    return student


def _gather_trained_weights(model: Any, method: Method) -> dict[str, torch.Tensor]:
    """Returns all trained weights by name, in rank 0 on its CPU; the others get none.

    Full fine-tuning's weights are rounded to bf16, as they are saved, before they are gathered one
    by one. So no GPU holds a copy of them, and the host holds one.
    """
    dtype = torch.bfloat16 if method.lora is None else torch.float32
    weights = {}
    # All processes gather, and the first alone keeps what was gathered
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            full_weight = weight.detach().to(dtype).full_tensor()
            if process_group.rank() == 0:
                weights[name] = full_weight.cpu()
    return weights


def _bare(model: Any) -> Any:
    """Returns the model without its adapter."""
    return model.get_base_model() if isinstance(model, PeftModel) else model
