"""Writing a trained student, and the proof that what was written is what was trained.

The proof has these parts:

- The files have the tensors of the folder that was read.
- Inference's class reads them back without a gap.
- Each weight is the trained one, rounded once.
- The logits on the first batch are those of the model that was trained.
- Merged weights are the base's plus the adapter's (merged.py).

Memory: beside the trained student, in bf16 by then, one more copy of it, on the same device.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from stages.core.machine import hardware
from stages.core.program.errors import StageError
from stages.core.training import adapters, shards
from stages.core.training.saved import merged, tensors

LENGTH = 256  # tokens of a row that are compared: their logits over 250,000 words take 0.25 GB
# Largest distance of logits that is rounding, see `logit_distance`. A few tokens cannot move it:
# where experts are chosen, rounding chooses others for some tokens. The value is our choice, with
# room for larger students: the miniatures' rounding is below 0.02
# (tests/core/training/test_saving.py).
TOLERANCE = 0.25


@dataclass(frozen=True)
class Reference:
    """The trained student's logits on the beginning of each row of the first batch."""

    rows: list[list[int]]  # token ids
    logits: list[torch.Tensor]  # (tokens, words) of each row


@torch.no_grad()
def reference_logits(trainer: Any, rows: Sequence[Sequence[int]]) -> Reference:
    """Returns the logits of the trainer's model as it was trained, in all processes alike.

    Each row is a batch by itself.
    """
    beginnings = [list(row[:LENGTH]) for row in rows]
    trainer.model.eval()
    logits = []
    for ids in beginnings:
        batch = trainer.data_collator([{"input_ids": ids, "labels": ids}])
        inputs = trainer._prepare_inputs(batch)
        inputs.pop("labels")
        with trainer.accelerator.autocast():
            logits.append(trainer.model(**inputs, use_cache=False).logits[0].float().cpu())
    shards.share_again(trainer.model)
    return Reference(beginnings, logits)


def save(model: Any, reference: Reference, tokenizer: Any, base: Path, out: Path) -> None:
    """Writes a plain Hugging Face folder in bf16 to `out`.

    Of a LoRA run these are the merged weights, and the adapter in adapter/. `base` is the folder
    that was trained from. Raises StageError if what was written is not what was trained.
    """
    adapted = merged.adapted_weights(model) if isinstance(model, PeftModel) else {}
    if adapted:
        _save_adapter(model, out / "adapter")
        model = model.float().merge_and_unload()  # summed in fp32, rounded once below
    model.config._name_or_path = ""
    model.config.use_cache = True  # for generation; checkpointing turns it off
    model.to(torch.bfloat16).save_pretrained(out)
    tokenizer.save_pretrained(out)

    tensors.check_saved(out, base, model)
    _check_merged(out, model, reference)
    if adapted:
        _check_adapter(out / "adapter", base, model.device, reference)
        merged.check(out, base, adapted, model)


def _save_adapter(model: PeftModel, folder: Path) -> None:
    """Writes the adapter, and checks that it reads back as it is."""
    for config in model.peft_config.values():
        # a set, which peft would write in another order each run
        config.target_modules = sorted(config.target_modules)
    model.save_pretrained(folder)
    _check_same(folder, get_peft_model_state_dict(model), load_file(folder / merged.ADAPTER))


def _check_merged(out: Path, model: Any, reference: Reference) -> None:
    """Raises StageError unless the folder, as the transformers engine reads it, is `model` with its
    logits.
    """
    read_model, loading_info = AutoModelForCausalLM.from_pretrained(
        out,
        dtype=torch.bfloat16,
        attn_implementation="eager",
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
    )
    lost_names = sorted(loading_info["missing_keys"] | loading_info["unexpected_keys"])
    if lost_names:
        raise _not_what_was_trained(out, lost_names[0])
    _check_same(out, model.state_dict(), read_model.to(model.device).state_dict())
    _check_logits(out, read_model, reference)


def _check_same(
    folder: Path, written: Mapping[str, torch.Tensor], read: Mapping[str, torch.Tensor]
) -> None:
    """Raises StageError unless what was read back has the values of what was written."""
    for name in sorted(written.keys() | read.keys()):
        if name not in written or name not in read or not _equal(written[name], read[name]):
            raise _not_what_was_trained(folder, name)


def _equal(written: torch.Tensor, read: torch.Tensor) -> bool:
    # a class may hold some of its weights in fp32
    return torch.equal(written.to(read.device, read.dtype), read)


def _not_what_was_trained(folder: Path, name: str) -> StageError:
    return StageError(f"{folder}: {name}: read back it is not what was trained; nothing was kept")


def _check_adapter(folder: Path, base: Path, device: torch.device, reference: Reference) -> None:
    """Raises StageError unless the untrained student with the adapter in `folder` has the trained
    one's logits.
    """
    untrained = adapters.load(base, "eager", frozen=True).to(device)
    _check_logits(folder, PeftModel.from_pretrained(untrained, folder), reference)


@torch.no_grad()
def _check_logits(folder: Path, model: Any, reference: Reference) -> None:
    """Raises StageError unless the model has the logits of `reference`, but for rounding."""
    model.eval()
    for ids, trained_logits in zip(reference.rows, reference.logits, strict=True):
        batch = torch.tensor([ids], device=model.device)
        with torch.autocast(model.device.type, torch.bfloat16, enabled=hardware.bf16_supported()):
            logits = model(input_ids=batch, use_cache=False).logits[0].float().cpu()
        distance = logit_distance(logits, trained_logits)
        if not distance <= TOLERANCE:
            raise StageError(
                f"{folder}: read back it is another student: its logits on the first batch are "
                f"{distance:.3f} of their spread from the trained one's, at most {TOLERANCE} is "
                "rounding; nothing was kept"
            )


def logit_distance(mine: torch.Tensor, theirs: torch.Tensor) -> float:
    """Returns how far logits (tokens, words) are from `theirs`.

    It is the median over tokens of a share: the root mean square over words of their difference,
    divided by the standard deviation of `theirs`.
    """
    root_mean_square = (mine - theirs).square().mean(1).sqrt()
    return float((root_mean_square / theirs.std(1)).median())
