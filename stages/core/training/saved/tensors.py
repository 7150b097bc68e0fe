"""The tensors in a model folder's files, and those that transformers would write.

Compared are their names, shapes and dtypes.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers.core_model_loading import revert_weight_conversion
from transformers.modeling_utils import remove_tied_weights_from_state_dict

from stages.core.program.errors import StageError

SAVED_DTYPE = "BF16"  # as files name it

Shapes = Mapping[str, tuple[int, ...]]


def stored(folder: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    """Returns (shape, dtype) of each tensor in the safetensors of `folder`.

    Only the headers of the files are read.
    """
    tensors = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - it is no mapping
                header = file.get_slice(name)
                tensors[name] = tuple(header.get_shape()), header.get_dtype()
    return tensors


def planned(model: Any) -> Shapes:
    """Returns the shape of each tensor that save_pretrained would write of `model`."""
    # Weights on the meta device have a shape and take no memory
    state = {
        name: torch.empty_like(weight, device="meta") for name, weight in model.state_dict().items()
    }
    untied = remove_tied_weights_from_state_dict(state, model)
    file_state = revert_weight_conversion(model, untied)
    return {name: tuple(weight.shape) for name, weight in file_state.items()}


def check_names(model: Any, folder: Path) -> None:
    """Raises StageError if the student would be saved under other names, or in other shapes, than
    `folder` has, from which it was read.
    """
    name = first_difference(planned(model), _shapes(stored(folder)), model)
    if name is not None:
        raise StageError(
            f"{folder}: {name}: would be saved under another name or in another shape than it has "
            "there; nothing was trained; give weights in bf16 as transformers itself names them"
        )


def check_saved(out: Path, folder: Path, model: Any) -> None:
    """Raises StageError unless the files in `out` have the names and shapes of those in `folder`,
    all in bf16.
    """
    saved = stored(out)
    shapes, base_shapes = _shapes(saved), _shapes(stored(folder))
    name = first_difference(shapes, base_shapes, model)
    if name is not None:
        raise StageError(
            f"{out}: {name}: saved with shape {shapes.get(name, 'none')}, "
            f"expected {base_shapes.get(name, 'none')} as in {folder}; nothing was kept"
        )
    for name, (_, dtype) in saved.items():
        if dtype != SAVED_DTYPE:
            raise StageError(
                f"{out}: {name}: saved as {dtype}, expected {SAVED_DTYPE}; nothing was kept"
            )


def first_difference(mine: Shapes, theirs: Shapes, model: Any) -> str | None:
    """Returns the first tensor of `model` that has another shape on either side, or is missing.

    Left out are tensors that another one stands for (tied heads), and tensors that the class does
    not read (image towers). Returns None if there is no difference.
    """
    tied = set(model.all_tied_weights_keys)
    unread = [re.compile(pattern) for pattern in model._keys_to_ignore_on_load_unexpected or ()]
    for name in sorted(mine.keys() | theirs.keys()):
        left_out = name in tied or any(pattern.search(name) for pattern in unread)
        if not left_out and mine.get(name) != theirs.get(name):
            return name
    return None


def _shapes(tensors: Mapping[str, tuple[tuple[int, ...], str]]) -> Shapes:
    return {name: shape for name, (shape, _) in tensors.items()}
