"""The tensors in a model folder's files, and those that transformers would write: names, shapes and
dtypes.
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

SAVED = "BF16"  # as files name it

Shapes = Mapping[str, tuple[int, ...]]


def stored(folder: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    """(shape, dtype) of each tensor in the safetensors of `folder`; only their headers are read."""
    tensors = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - it is no mapping
                part = file.get_slice(name)
                tensors[name] = tuple(part.get_shape()), part.get_dtype()
    return tensors


def planned(model: Any) -> Shapes:
    """The shape of each tensor that save_pretrained would write of `model`."""
    state = {
        name: torch.empty_like(weight, device="meta") for name, weight in model.state_dict().items()
    }
    named = revert_weight_conversion(model, remove_tied_weights_from_state_dict(state, model))
    return {name: tuple(weight.shape) for name, weight in named.items()}


def check_names(model: Any, folder: Path) -> None:
    """Raises StageError where the student, read from `folder`, would be saved under other names or
    in other shapes.
    """
    name = differing(
        planned(model), {name: shape for name, (shape, _) in stored(folder).items()}, model
    )
    if name is not None:
        raise StageError(
            f"{folder}: {name}: would be saved under another name or in another shape than it has there; nothing was "
            "trained; give weights in bf16 as transformers itself names them"
        )


def check_saved(out: Path, folder: Path, model: Any) -> None:
    """Raises StageError unless the files in `out` have the names and shapes of those in `folder`,
    all in bf16.
    """
    written, base = stored(out), stored(folder)
    name = differing(_shapes(written), _shapes(base), model)
    if name is not None:
        has, wanted = (f"{one[name][0]}" if name in one else "none" for one in (written, base))
        raise StageError(
            f"{out}: {name}: saved with shape {has}, expected {wanted} as in {folder}; nothing was kept"
        )
    for name, (_, dtype) in written.items():
        if dtype != SAVED:
            raise StageError(f"{out}: {name}: saved as {dtype}, expected {SAVED}; nothing was kept")


def differing(mine: Shapes, theirs: Shapes, model: Any) -> str | None:
    """The first tensor of `model` that has another shape, or is missing, on either side; None where
    there is none.

    Left out are what another tensor stands for (tied heads), and what the class does not read
    (image towers).
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
