"""Rows of a batch one after the other instead of padded: whether a student keeps them apart, and
attention for CPUs.

Packed rows leak into each other where attention ignores their borders, or where a linear-attention
layer carries its state over them (ms-swift #9618, TRL #3910). So no student is trained on them
before its logits were compared.
"""

from typing import Any

import torch
from torch.nn import functional
from transformers import AttentionInterface
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from stages.core.machine import hardware
from stages.core.program.errors import StageError
from stages.core.training.settings import Training

ROWS = "rows"
LENGTHS = (37, 61, 23)  # of the rows that are compared
# Largest difference that is rounding, as a share of the logits' standard deviation, by what
# products are made in. SmolLM2 in bf16: up to 0.17 with AMX (`contamination` in
# metrics/default/train), whose products of other numbers of rows round otherwise, as a GPU's do;
# many times more where attention crosses the borders.
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.4}


def rows(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: Any,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention over packed rows, row by row: nothing is computed across their borders.

    query, key and value have the shape (1, heads, tokens, size), with as many or fewer heads of
    keys; the result (1, tokens, heads, size). Plain products: on a CPU they were faster, backward
    too, than torch's fused attention. Raises NotImplementedError for a layer with a window, a cap
    on its scores, or sinks.
    """
    if odd := [
        name for name in ("sliding_window", "softcap", "s_aux") if settings.get(name) is not None
    ]:
        raise NotImplementedError(f"attention {ROWS} has no {odd[0]}")
    sizes = settings["cu_seq_lens_q"].diff().tolist()
    grouped = query.squeeze(0).unflatten(0, (key.shape[1], -1))
    cut = zip(
        grouped.split(sizes, 2),
        key.squeeze(0).split(sizes, 1),
        value.squeeze(0).split(sizes, 1),
        strict=True,
    )
    parts = [_attend(one, two, three, settings["scaling"]) for one, two, three in cut]
    return torch.cat(parts, 2).flatten(0, 1).transpose(0, 1)[None].contiguous(), None


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
) -> torch.Tensor:
    """One row: query (groups, heads, tokens, size), whose heads share the group's key and value;
    and like it out.
    """
    _, many, size, _ = query.shape
    ahead = torch.full((size, size), float("-inf"), dtype=query.dtype, device=query.device).triu(1)
    scores = torch.baddbmm(
        ahead.repeat(many, 1), query.flatten(1, 2), key.transpose(1, 2), alpha=scale
    )
    # Sums in fp32 inside; a result in fp32, to be rounded for the product, takes more memory and
    # time
    out = torch.bmm(functional.softmax(scores, -1), value)
    return out.unflatten(1, (many, size))


AttentionInterface.register(ROWS, rows)


def allowed(model: Any, training: Training) -> tuple[bool, float | None]:
    """(whether batches are packed, what was measured); without packing the student gets the
    attention for it.
    """
    if not training.packed:
        if training.attention == ROWS:
            raise StageError(
                f"students.*.training.attention: {ROWS} is for packed rows alone; set packed: true"
            )
        return False, None
    leak = contamination(model, training.attention)
    if leak is not None and leak <= TOLERANCE[_products(model)]:
        return True, leak
    model.set_attn_implementation("eager" if training.attention == ROWS else training.attention)
    return False, leak


@torch.no_grad()
def contamination(model: Any, attention: str) -> float | None:
    """Largest difference between a row's logits packed and by itself, over the standard deviation
    of the latter.

    On the device and in the precision of training. By itself a row is read with plain attention.
    The rows are fixed token ids, so that all arms of a student get the same verdict. None where
    `attention` cannot read them at all.
    """
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    draw = torch.Generator().manual_seed(0)
    words = model.get_input_embeddings().num_embeddings
    made = [torch.randint(words, (length,), generator=draw).tolist() for length in LENGTHS]
    collate = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)
    model.eval()
    try:
        packed = _logits(model, collate([{"input_ids": row} for row in made]))
    except (RuntimeError, ImportError):  # NotImplementedError is a RuntimeError
        packed = None
    model.set_attn_implementation("eager")
    alone = torch.cat([_logits(model, {"input_ids": torch.tensor([row])}) for row in made])
    model.set_attn_implementation(attention)
    model.train()
    return None if packed is None else float((packed - alone).abs().max() / alone.std())


def _products(model: Any) -> torch.dtype:
    """What the model's products are made in."""
    return torch.bfloat16 if hardware.bf16_supported() else model.dtype


def _logits(model: Any, batch: dict[str, Any]) -> torch.Tensor:
    inputs = {
        name: one.to(model.device) if torch.is_tensor(one) else one for name, one in batch.items()
    }
    inputs.pop("labels", None)
    with torch.autocast(model.device.type, torch.bfloat16, enabled=hardware.bf16_supported()):
        found: torch.Tensor = model(**inputs, use_cache=False).logits[0].float()
    return found
