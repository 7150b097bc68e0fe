"""Writing a trained student, and the proof that what was written is what was trained.

The files have the tensors of the folder that was read; inference's class reads them back without a gap; each weight is
the trained one, rounded once; and what the student says about the first batch is what it said before it was taken apart.
Memory: beside the trained student, in bf16 by then, one more copy of it, on the device that it lies on.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from stages.core import machine
from stages.core.errors import StageError
from stages.core.training import adapters, tensors

LENGTH = 256  # tokens of a row that are compared: their logits over 250,000 words take 0.25 GB
# Largest difference that is rounding: the median over tokens of the root mean square over words, as a share of their
# standard deviation. Two measures that a token or two cannot move: where experts are chosen, rounding chooses others.
TOLERANCE = 0.1


@dataclass(frozen=True)
class Said:
    """What the trained student says about the first batch: logits, (tokens, words), of the beginning of each row."""

    rows: list[list[int]]
    logits: list[torch.Tensor]


@torch.no_grad()
def said(trainer: Any, rows: Sequence[Sequence[int]]) -> Said:
    """What the trainer's model says as it was trained, in all processes alike; each row goes through it by itself."""
    cut = [list(row[:LENGTH]) for row in rows]
    trainer.model.eval()
    logits = []
    for row in cut:
        inputs = trainer._prepare_inputs(trainer.data_collator([{"input_ids": row, "labels": row}]))
        inputs.pop("labels")
        with trainer.accelerator.autocast():
            logits.append(trainer.model(**inputs, use_cache=False).logits[0].float().cpu())
    return Said(cut, logits)


def save(model: Any, wanted: Said, tokenizer: Any, base: Path, out: Path) -> None:
    """Write a plain Hugging Face folder in bf16; of a LoRA run the merged weights, and the adapter in adapter/.

    `base` is the folder that was trained from. Raises StageError where what was written is not what was trained.
    """
    alone = isinstance(model, PeftModel)
    if alone:
        for config in model.peft_config.values():  # a set, which peft would write in another order each run
            config.target_modules = sorted(config.target_modules)
        model.save_pretrained(out / "adapter")
        model = model.float().merge_and_unload()  # summed in fp32, rounded once below
    model.config._name_or_path = ""
    model.config.use_cache = True  # for generation; checkpointing turns it off
    model.to(torch.bfloat16).save_pretrained(out)
    tokenizer.save_pretrained(out)
    tensors.check_saved(out, base, model)
    _check_merged(out, model, wanted)
    if alone:
        _check_adapter(out / "adapter", base, model.device, wanted)


def _check_merged(out: Path, model: Any, wanted: Said) -> None:
    """Raises StageError unless the folder, as the transformers engine reads it, is `model`, and says what is wanted."""
    back, loading = AutoModelForCausalLM.from_pretrained(
        out,
        dtype=torch.bfloat16,
        attn_implementation="eager",
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
    )
    lost = sorted(loading["missing_keys"] | loading["unexpected_keys"])
    mine, theirs = model.state_dict(), back.to(model.device).state_dict()
    changed = (name for name in mine if name not in theirs or not _same(mine[name], theirs[name]))
    if name := next(itertools.chain(lost, changed), None):
        raise StageError(f"{out}: {name}: read back it is not what was trained; nothing was kept")
    _check_said(out, back, wanted)


def _same(mine: torch.Tensor, theirs: torch.Tensor) -> bool:
    return torch.equal(mine.to(theirs.dtype), theirs)  # a class may hold some of its weights in fp32


def _check_adapter(folder: Path, base: Path, device: torch.device, wanted: Said) -> None:
    """Raises StageError unless the student that was trained from, with the adapter in `folder`, says what is wanted."""
    plain = adapters.load(base, "eager", frozen=True).to(device)
    _check_said(folder, PeftModel.from_pretrained(plain, folder), wanted)


@torch.no_grad()
def _check_said(folder: Path, model: Any, wanted: Said) -> None:
    model.eval()
    for row, logits in zip(wanted.rows, wanted.logits, strict=True):
        with torch.autocast(model.device.type, torch.bfloat16, enabled=machine.bf16_supported()):
            given = model(input_ids=torch.tensor([row], device=model.device), use_cache=False).logits[0].float().cpu()
        apart = distance(given, logits)
        if not apart <= TOLERANCE:
            raise StageError(
                f"{folder}: read back it is another student: its logits on the first batch are {apart:.3f} of their "
                f"spread from the trained one's, at most {TOLERANCE} is rounding; nothing was kept"
            )


def distance(mine: torch.Tensor, theirs: torch.Tensor) -> float:
    """How far logits are from `theirs`, see TOLERANCE."""
    return float(((mine - theirs).square().mean(1).sqrt() / theirs.std(1)).median())
