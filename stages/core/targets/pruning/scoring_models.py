"""What every model that scores tokens has: where it is, and what its scores are kept under."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from stages.core import tokens
from stages.core.machine import hardware
from stages.core.program.errors import StageError
from stages.core.students import sums
from stages.core.targets.pruning.windows import Window

# Tokens of the longest window that a model reads at once, whatever it could read. It bounds the
# memory.
LONGEST_WINDOW = 8192
# Tokens of a batch with its padding. A text that is longer is a batch of its own. A GPU needs many
# tokens to be busy, and a CPU's cache holds few.
CPU_BATCH_TOKENS = 2048
GPU_BATCH_TOKENS = 16384

Item = TypeVar("Item")


@dataclass(frozen=True)
class ModelSource:
    """A folder, or with `revision` a model of the hub. `params_path` says who names it."""

    name: str
    revision: str | None
    params_path: str

    @property
    def options(self) -> dict[str, Any]:
        """What transformers' from_pretrained gets beside the name."""
        return {
            "revision": self.revision,
            "local_files_only": self.revision is None,
            "trust_remote_code": False,
        }

    def unreadable(self, what: str, error: Exception) -> StageError:
        """The error of a model that transformers cannot load."""
        return StageError(
            f"{self.params_path}: {self.name}: no {what} that transformers can load: "
            f"{tokens.reason(error)}"
        )

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


def default_batch_tokens() -> int:
    """The tokens of a batch on this machine."""
    return GPU_BATCH_TOKENS if torch.cuda.is_available() else CPU_BATCH_TOKENS


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


def run(
    windows: Sequence[Sequence[Window]],
    score: Callable[[Sequence[Window]], Sequence[torch.Tensor]],
    batch_tokens: int,
) -> Iterator[tuple[int, torch.Tensor]]:
    """Yields (index, scores) of each text as soon as all of its windows are scored.

    `windows` are those of each text. `score` gives, for a batch of them, the scores of the scored
    tokens of each, with the tokens on the first axis.
    """
    all_windows: list[tuple[int, Window]] = []
    for index, text_windows in enumerate(windows):
        all_windows.extend((index, window) for window in text_windows)
    parts: list[dict[int, torch.Tensor]] = [{} for _ in windows]  # by the window's start
    sizes = [len(window.ids) for _, window in all_windows]
    for batch in batches(all_windows, sizes, batch_tokens):
        scores = score([window for _, window in batch])
        for (index, window), window_scores in zip(batch, scores, strict=True):
            parts[index][window.start] = window_scores
            if len(parts[index]) == len(windows[index]):
                yield index, torch.cat([parts[index][start] for start in sorted(parts[index])])
                parts[index] = {}
