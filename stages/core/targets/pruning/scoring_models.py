"""What every model that scores tokens has: where it is, and what its scores are kept under."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from stages.core.machine import hardware
from stages.core.program.errors import StageError
from stages.core.students import sums

# Tokens of the longest window that a model reads at once, whatever it could read. It bounds the
# memory.
LONGEST_WINDOW = 8192
# Tokens of a batch with its padding. A text that is longer is a batch of its own.
BATCH_TOKENS = 4096

Item = TypeVar("Item")


@dataclass(frozen=True)
class ModelSource:
    """A folder, or with `revision` a model of the hub. `params_path` says who names it."""

    name: str
    revision: str | None
    params_path: str

    def fingerprint(self) -> str:
        """A hash of a folder's files, or the id and the revision of a model of the hub.

        Raises StageError where a folder is missing.
        """
        if self.revision is not None:
            return f"{self.name}@{self.revision}"
        folder = Path(self.name)
        if not folder.is_dir():
            raise StageError(
                f"{self.params_path}: {folder}: no such folder; give a revision for a model of the "
                "hub, or run `dvc repro` for a student"
            )
        recorded = folder / sums.NAME
        if recorded.exists():  # the models stage has written it
            return hashlib.sha256(recorded.read_bytes()).hexdigest()
        computed = sums.computed(folder, sums.names(folder))
        lines = (f"{computed[name]}  {name}\n" for name in sorted(computed))
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def dtype_name() -> str:
    """The precision that scoring models run in: bf16 where the hardware multiplies it."""
    return "bfloat16" if hardware.bf16_supported() else "float32"


def device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def window_of(config: Any) -> int:
    """The most tokens that a model with this config reads at once."""
    text_config = config.get_text_config()
    window = getattr(text_config, "max_position_embeddings", None) or LONGEST_WINDOW
    return min(int(window), LONGEST_WINDOW)


def batches(items: Iterable[Item], sizes: Sequence[int], most: int) -> list[list[Item]]:
    """`items` in batches of like size. `sizes` are in tokens.

    A batch has at most `most` tokens with its padding, or one item.
    """
    by_size = sorted(zip(sizes, range(len(sizes)), items, strict=True), key=lambda row: row[:2])
    all_batches: list[list[Item]] = []
    batch: list[Item] = []
    for size, _, item in by_size:
        # The last one is the longest: all others are padded to it
        if batch and size * (len(batch) + 1) > most:
            all_batches.append(batch)
            batch = []
        batch.append(item)
    if batch:
        all_batches.append(batch)
    return all_batches
