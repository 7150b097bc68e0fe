"""A miniature's weights: seeded, with the file and tensor names of the hub, and quantised where
the hub's weights are.
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

# The first channel of a token's row in the embeddings
SPOKEN = 3.0  # of a token that is written often
MARK = 1.5  # of a special token
SILENT = -3.0  # of an id without a token
SPREAD = 0.3  # standard deviation of the other channels
FP4_SCALE = 121  # 2 ** (121 - 127): MXFP4's numbers, up to 6, become weights of up to 0.1
FP8_LARGEST = 448.0
Tensors = dict[str, torch.Tensor]


def state(
    architecture: str, config: Any, spoken: Collection[int], marks: Collection[int], seed: int
) -> Tensors:
    """The bf16 weights of a transformers class under its own names.

    A model with them writes tokens that exist, and few special ones.
    """
    import transformers

    torch.manual_seed(seed)
    model = getattr(transformers, architecture)(config).to(torch.bfloat16)
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    for name in tensors:
        if name.endswith(("embed_tokens.weight", "lm_head.weight")):
            tensors[name] = _speaking(tensors[name], spoken, marks)
    if config.get_text_config().tie_word_embeddings:
        tensors.pop("lm_head.weight")
    return tensors


def _speaking(table: torch.Tensor, spoken: Collection[int], marks: Collection[int]) -> torch.Tensor:
    """Embeddings that point along the first channel for tokens, less so for special tokens, and
    against it for ids without a token.

    A real model never writes an id without a token. One with random weights would write little
    else.
    """
    rows = torch.randn(table.shape) * SPREAD
    rows[:, 0] = SILENT
    rows[list(marks), 0] = MARK
    rows[list(spoken), 0] = SPOKEN
    return rows.to(table.dtype)


def mxfp4(tensors: Tensors) -> Tensors:
    """The same tensors with fused experts as MXFP4.

    Of 32 weights it stores 16 bytes in `_blocks` and one exponent in `_scales`. The layout follows
    transformers/integrations/mxfp4.py (dequantize) and vllm/model_executor/models/gpt_oss.py, which
    both read (experts, out, in / 32, 16).
    """
    quantised = {}
    for name, tensor in tensors.items():
        if not name.endswith(("experts.gate_up_proj", "experts.down_proj")):
            quantised[name] = tensor
            continue
        experts, inner, outer = tensor.shape
        shape = (experts, outer, inner // 32)
        quantised[f"{name}_blocks"] = torch.randint(0, 256, (*shape, 16), dtype=torch.uint8)
        quantised[f"{name}_scales"] = torch.full(shape, FP4_SCALE, dtype=torch.uint8)
    return quantised


def fp8(tensors: Tensors, inside: str) -> Tensors:
    """The same tensors with the projections of the layers `inside` as FP8.

    Each projection has one scale for itself and one for its input. The layout follows FP8Linear in
    transformers/integrations/finegrained_fp8.py with `weight_block_size` null and a static
    activation scheme, and huggingface/transformers pull request 42715.
    """
    quantised = {}
    for name, tensor in tensors.items():
        if inside not in name or not name.endswith("_proj.weight"):
            quantised[name] = tensor
            continue
        scale = tensor.float().abs().max() / FP8_LARGEST
        quantised[name] = (tensor.float() / scale).to(torch.float8_e4m3fn)
        quantised[f"{name}_scale_inv"] = scale.to(torch.bfloat16)
        quantised[f"{name.removesuffix('.weight')}.activation_scale"] = torch.tensor(
            0.1, dtype=torch.bfloat16
        )
    return quantised


def write(tensors: Tensors, folder: Path, pattern: str, shards: int) -> None:
    """Write safetensors files with about equal numbers of tensors, and the index of their names.

    `pattern` gives a file's name from its number and the number of files.
    """
    names = sorted(tensors)
    tensors_a_file = -(-len(names) // shards)
    files: dict[str, str] = {}
    for shard in range(shards):
        inside, file = (
            names[shard * tensors_a_file : (shard + 1) * tensors_a_file],
            pattern.format(shard + 1, shards),
        )
        save_file(
            {name: tensors[name] for name in inside}, folder / file, metadata={"format": "pt"}
        )
        files |= dict.fromkeys(inside, file)
    total = sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": files}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2))
