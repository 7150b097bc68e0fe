"""Packed batches: rows one after the other instead of padded, and attention over them for CPUs.

Packed rows leak into each other where attention ignores their borders, or where a linear-attention
layer carries its state over them (ms-swift #9618, TRL #3910). So no student is trained on packed
rows before its logits were compared with those of each row by itself.
"""

from typing import Any

import torch
from torch.nn import functional
from transformers import AttentionInterface
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from stages.core.machine import hardware
from stages.core.program.errors import StageError
from stages.core.training.settings import Training

ROWS = "rows"  # the name of our attention, in params.yaml and for transformers
LENGTHS = (37, 61, 23)  # tokens of the rows that are compared
# Largest difference that is rounding, as a share of the logits' standard deviation, by the dtype in
# which products are computed. SmolLM2 in bf16: up to 0.17 with AMX (`contamination` in
# metrics/default/train), whose products of other numbers of rows round otherwise, as a GPU's do.
# The difference is many times larger where attention crosses the borders.
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.4}
_UNSUPPORTED = ("sliding_window", "softcap", "s_aux")  # a window, a cap on scores, sinks


def row_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: Any,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """Returns causal attention over packed rows, row by row: nothing crosses their borders.

    query, key and value have the shape (1, heads, tokens, size), where key and value may have fewer
    heads. The result has the shape (1, tokens, heads, size). These are plain products, which were
    faster on a CPU than torch's fused attention, backward too.

    Raises NotImplementedError for a layer with a window, a cap on its scores, or sinks.
    """
    unsupported = [name for name in _UNSUPPORTED if settings.get(name) is not None]
    if unsupported:
        raise NotImplementedError(f"attention {ROWS} has no {unsupported[0]}")
    row_lengths = settings["cu_seq_lens_q"].diff().tolist()
    # (key heads, query heads of each, tokens, size)
    grouped_query = query.squeeze(0).unflatten(0, (key.shape[1], -1))
    query_rows = grouped_query.split(row_lengths, 2)
    key_rows = key.squeeze(0).split(row_lengths, 1)
    value_rows = value.squeeze(0).split(row_lengths, 1)
    outputs = []
    for query_row, key_row, value_row in zip(query_rows, key_rows, value_rows, strict=True):
        outputs.append(_attend(query_row, key_row, value_row, settings["scaling"]))
    return torch.cat(outputs, 2).flatten(0, 1).transpose(0, 1)[None].contiguous(), None


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
) -> torch.Tensor:
    """Returns the attention of one row, in the shape of query.

    query (groups, heads, tokens, size); key and value (groups, tokens, size), which the heads of a
    group share.
    """
    _, heads, length, _ = query.shape
    minus_infinity = torch.full(
        (length, length), float("-inf"), dtype=query.dtype, device=query.device
    )
    later_tokens = minus_infinity.triu(1)
    scores = torch.baddbmm(
        later_tokens.repeat(heads, 1), query.flatten(1, 2), key.transpose(1, 2), alpha=scale
    )
    # Sums are in fp32 inside softmax. A result in fp32, to be rounded for the product, takes more
    # memory and time.
    output = torch.bmm(functional.softmax(scores, -1), value)
    return output.unflatten(1, (heads, length))


AttentionInterface.register(ROWS, row_attention)


def decide(model: Any, training: Training) -> tuple[bool, float | None]:
    """Returns whether batches are packed, and the contamination that was measured.

    If they are not packed, the student gets an attention for padded batches.
    """
    if not training.packed:
        if training.attention == ROWS:
            raise StageError(
                f"students.*.training.attention: {ROWS} is for packed rows alone; set packed: true"
            )
        return False, None
    leak = contamination(model, training.attention)
    if leak is not None and leak <= TOLERANCE[_product_dtype(model)]:
        return True, leak
    model.set_attn_implementation("eager" if training.attention == ROWS else training.attention)
    return False, leak


@torch.no_grad()
def contamination(model: Any, attention: str) -> float | None:
    """Returns the largest difference between a row's logits when packed and by itself, over the
    standard deviation of the latter.

    It is measured on the device and in the precision of training. By itself a row is read with
    plain attention. The rows are fixed token ids, so that all arms of a student get the same
    verdict. Returns None if `attention` cannot read them at all.
    """
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    rows = _fixed_rows(model.get_input_embeddings().num_embeddings)
    collate = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)
    model.eval()
    try:
        packed_logits = _logits(model, collate([{"input_ids": row} for row in rows]))
    except (RuntimeError, ImportError):  # NotImplementedError is a RuntimeError
        packed_logits = None
    model.set_attn_implementation("eager")
    row_logits = [_logits(model, {"input_ids": torch.tensor([row])}) for row in rows]
    separate_logits = torch.cat(row_logits)
    model.set_attn_implementation(attention)
    model.train()
    if packed_logits is None:
        return None
    largest_difference = (packed_logits - separate_logits).abs().max()
    return float(largest_difference / separate_logits.std())


def _fixed_rows(vocabulary_size: int) -> list[list[int]]:
    """Returns rows of token ids that are the same in every run."""
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randint(vocabulary_size, (length,), generator=generator).tolist()
        for length in LENGTHS
    ]


def _product_dtype(model: Any) -> torch.dtype:
    """Returns the dtype in which the model's products are computed."""
    return torch.bfloat16 if hardware.bf16_supported() else model.dtype


def _logits(model: Any, batch: dict[str, Any]) -> torch.Tensor:
    """Returns the logits (tokens, words) of the first row of a batch, in fp32."""
    inputs = {}
    for name, value in batch.items():
        if name != "labels":
            inputs[name] = value.to(model.device) if torch.is_tensor(value) else value
    with torch.autocast(model.device.type, torch.bfloat16, enabled=hardware.bf16_supported()):
        logits: torch.Tensor = model(**inputs, use_cache=False).logits[0].float()
    return logits
