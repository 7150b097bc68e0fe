"""A student that several processes share (FSDP2, through accelerate): each holds and updates a part
of every weight.

What they do together is what one does: a step has the same examples, in the same order, and its
loss is the mean over the tokens of all of them. In one process nothing here does anything. What
FSDP2 multiplies with is the weights in bf16, gathered layer by layer; trained weights are in fp32
where they are kept and updated, and gradients are summed in fp32.

Memory of the host: rank 0 alone reads the weights, in the type that they are kept in, and sends
them layer by layer. The others begin with memory that is asked for but never written to;
transformers' own cpu_ram_efficient_loading reads all weights in every process and then writes as
many zeros (5.19's modeling_utils). At the end rank 0 has all weights.
"""

from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, concatenate_datasets
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM

from stages.core.program.errors import StageError
from stages.core.training import adapters, launch
from stages.core.training.settings import IGNORED, Method, Training


def padded(rows: Dataset, batch: int) -> Dataset:
    """`rows`, and so many without labels that all processes get as many full batches.

    Without them accelerate fills up with the first rows, which would be trained on once more.
    """
    missing = -len(rows) % (batch * launch.world())
    if not launch.launched() or not missing:
        return rows
    ids = rows[0]["input_ids"][:16]
    nothing = {"input_ids": ids, "labels": [IGNORED] * len(ids)}
    return concatenate_datasets(
        [rows, Dataset.from_list([nothing] * missing, features=rows.features)]
    )


def load(folder: Path, attention: str, frozen: bool) -> Any:
    """The student with its weights in the first process, and in the others one of its shape,
    without.
    """
    if not launch.launched():
        return adapters.load(folder, attention, frozen)
    model = adapters.load(folder, attention, frozen) if launch.rank() == 0 else None
    kinds, buffers, generation = launch.first(lambda: _described(model))
    if model is None:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(
                config, attn_implementation=attention, trust_remote_code=False
            )
        model = model.to_empty(device="cpu")
        model.tie_weights()
        for weight, kind in zip(model.parameters(), kinds, strict=True):
            weight.data = torch.empty_like(weight, dtype=kind)
        for buffer, given in zip(model.buffers(), buffers, strict=True):
            buffer.data = given  # accelerate sends no buffer that is not saved
        model.generation_config = generation
    return model


def _described(model: Any) -> tuple[list[torch.dtype], list[torch.Tensor], Any]:
    kinds = [weight.dtype for weight in model.parameters()]
    return kinds, list(model.buffers()), model.generation_config


def settings() -> dict[str, Any]:
    """What TRL's config needs beside what one process does."""
    if not launch.launched():
        return {}
    # Gradients are shared out after every batch: kept whole until the step, they would take a whole
    # student's memory
    return {"accelerator_config": {"gradient_accumulation_kwargs": {"sync_each_batch": True}}}


def begin(arguments: Any) -> None:
    """Has accelerate shard where there is no GPU too: it does so only with what it knows as an
    accelerator.

    `arguments` are the trainer's, whose making has met the other processes; gloo does all that
    FSDP2 asks for.
    """
    if launch.launched() and not torch.cuda.is_available():
        from accelerate import PartialState
        from accelerate.utils import DistributedType

        assert arguments.distributed_state is not None
        PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU


def precision(trainer: Any) -> None:
    """Multiplies in bf16 and sums in fp32; accelerate's own choice rounds the gradients' sums and
    the loss to bf16.

    Raises StageError for a student that would be gathered all at once.
    """
    if not launch.launched():
        return
    from torch.distributed.fsdp import MixedPrecisionPolicy

    plugin = trainer.accelerator.state.fsdp_plugin
    plugin.transformer_cls_names_to_wrap = _layers(trainer.model)
    if plugin.mixed_precision_policy is not None:
        plugin.mixed_precision_policy = MixedPrecisionPolicy(
            param_dtype=torch.bfloat16, reduce_dtype=torch.float32
        )


def _layers(model: Any) -> list[str]:
    """The classes that transformers says not to split, those that the model has: it also names
    image towers'.
    """
    present = {type(module).__name__ for module in model.modules()}
    layers = sorted(present & set(getattr(model, "_no_split_modules", None) or ()))
    if not layers:
        name = type(_bare(model)).__name__
        raise StageError(
            f"students.*.training.processes: transformers does not say what the layers of a {name} are"
        )
    return layers


def share_again(model: Any) -> None:
    """Has each process hold its part alone once more: without a backward pass the outermost weights
    stay gathered.
    """
    if launch.launched():
        from torch.distributed.fsdp import FSDPModule

        for module in model.modules():
            if isinstance(module, FSDPModule):
                module.reshard()


def whole(model: Any, folder: Path, method: Method, training: Training) -> Any:
    """The trained student as one process would have it, on rank 0's CPU; None in the others, which
    give their parts.

    What was frozen is read from `folder` again. Full fine-tuning's weights are rounded to bf16, as
    they are saved, before they are gathered one by one: no GPU, and the host once, holds a copy of
    them.
    """
    if not launch.launched():
        return model
    kept = torch.bfloat16 if method.lora is None else torch.float32
    found = {}
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            one = weight.detach().to(kept).full_tensor()
            if launch.rank() == 0:
                found[name] = one.cpu()
    if launch.rank():
        return None
    plain = adapters.attach(adapters.load(folder, training.attention, frozen=True), method)
    assert set(found) == {name for name, weight in plain.named_parameters() if weight.requires_grad}
    plain.load_state_dict(found, strict=False, assign=True)
    plain.tie_weights()
    bare, trained = _bare(plain), _bare(model)
    bare.config, bare.generation_config = (
        trained.config,
        trained.generation_config,
    )  # with the ids that the trainer set
    return plain


def _bare(model: Any) -> Any:
    return model.get_base_model() if isinstance(model, PeftModel) else model
