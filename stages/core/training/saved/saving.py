"""Writing a trained student, and the proof that what was written is what was trained.

The files have the tensors of the folder that was read; inference's class reads them back without a
gap; each weight is the trained one, rounded once; the logits on the first batch are those of the
model that was trained; and merged weights are the base's plus the adapter's (merged.py). Memory:
beside the trained student, in bf16 by then, one more copy of it, on the device that it lies on.
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
# Largest difference that is rounding: the median over tokens of the root mean square over words, as
# a share of their standard deviation, which a few tokens cannot move: where experts are chosen,
# rounding chooses others for some. Our choice, with room for larger students: the miniatures'
# rounding is below 0.02 (tests/core/training/test_saving.py).
TOLERANCE = 0.25


@dataclass(frozen=True)
class Reference:
    """The trained student's logits on the first batch, (tokens, words) of the beginning of each
    row.
    """

    rows: list[list[int]]
    logits: list[torch.Tensor]


@torch.no_grad()
def reference(trainer: Any, rows: Sequence[Sequence[int]]) -> Reference:
    """The logits of the trainer's model as it was trained, in all processes alike; each row is a
    batch by itself.
    """
    cut = [list(row[:LENGTH]) for row in rows]
    trainer.model.eval()
    logits = []
    for row in cut:
        inputs = trainer._prepare_inputs(trainer.data_collator([{"input_ids": row, "labels": row}]))
        inputs.pop("labels")
        with trainer.accelerator.autocast():
            logits.append(trainer.model(**inputs, use_cache=False).logits[0].float().cpu())
    shards.share_again(trainer.model)
    return Reference(cut, logits)


def save(model: Any, wanted: Reference, tokenizer: Any, base: Path, out: Path) -> None:
    """Write a plain Hugging Face folder in bf16; of a LoRA run the merged weights, and the adapter
    in adapter/.

    `base` is the folder that was trained from. Raises StageError where what was written is not what
    was trained.
    """
    adapted = merged.targets(model) if isinstance(model, PeftModel) else {}
    if adapted:
        for (
            config
        ) in model.peft_config.values():  # a set, which peft would write in another order each run
            config.target_modules = sorted(config.target_modules)
        model.save_pretrained(out / "adapter")
        _check_same(
            out / "adapter",
            get_peft_model_state_dict(model),
            load_file(out / "adapter" / merged.ADAPTER),
        )
        model = model.float().merge_and_unload()  # summed in fp32, rounded once below
    model.config._name_or_path = ""
    model.config.use_cache = True  # for generation; checkpointing turns it off
    model.to(torch.bfloat16).save_pretrained(out)
    tokenizer.save_pretrained(out)
    tensors.check_saved(out, base, model)
    _check_merged(out, model, wanted)
    if adapted:
        _check_adapter(out / "adapter", base, model.device, wanted)
        merged.check(out, base, adapted, model)


def _check_merged(out: Path, model: Any, wanted: Reference) -> None:
    """Raises StageError unless the folder, as the transformers engine reads it, is `model` with its
    logits.
    """
    back, loading = AutoModelForCausalLM.from_pretrained(
        out,
        dtype=torch.bfloat16,
        attn_implementation="eager",
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
    )
    if lost := sorted(loading["missing_keys"] | loading["unexpected_keys"]):
        raise _other(out, lost[0])
    _check_same(out, model.state_dict(), back.to(model.device).state_dict())
    _check_logits(out, back, wanted)


def _check_same(
    folder: Path, mine: Mapping[str, torch.Tensor], theirs: Mapping[str, torch.Tensor]
) -> None:
    """Raises StageError unless what was read back has the values of what was written."""
    for name in sorted(mine.keys() | theirs.keys()):
        if name not in mine or name not in theirs or not _equal(mine[name], theirs[name]):
            raise _other(folder, name)


def _equal(mine: torch.Tensor, theirs: torch.Tensor) -> bool:
    return torch.equal(
        mine.to(theirs.device, theirs.dtype), theirs
    )  # a class may hold some of its weights in fp32


def _other(folder: Path, name: str) -> StageError:
    return StageError(f"{folder}: {name}: read back it is not what was trained; nothing was kept")


def _check_adapter(folder: Path, base: Path, device: torch.device, wanted: Reference) -> None:
    """Raises StageError unless the untrained student with the adapter in `folder` has the trained
    one's logits.
    """
    plain = adapters.load(base, "eager", frozen=True).to(device)
    _check_logits(folder, PeftModel.from_pretrained(plain, folder), wanted)


@torch.no_grad()
def _check_logits(folder: Path, model: Any, wanted: Reference) -> None:
    model.eval()
    for row, logits in zip(wanted.rows, wanted.logits, strict=True):
        with torch.autocast(model.device.type, torch.bfloat16, enabled=hardware.bf16_supported()):
            given = (
                model(input_ids=torch.tensor([row], device=model.device), use_cache=False)
                .logits[0]
                .float()
                .cpu()
            )
        apart = distance(given, logits)
        if not apart <= TOLERANCE:
            raise StageError(
                f"{folder}: read back it is another student: its logits on the first batch are {apart:.3f} of their "
                f"spread from the trained one's, at most {TOLERANCE} is rounding; nothing was kept"
            )


def distance(mine: torch.Tensor, theirs: torch.Tensor) -> float:
    """How far logits are from `theirs`, see TOLERANCE."""
    return float(((mine - theirs).square().mean(1).sqrt() / theirs.std(1)).median())
