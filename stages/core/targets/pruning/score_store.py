"""The store of scores: what scoring models were run for.

It is in a folder of the store of answers, so that no interruption of a stage loses it. A line holds
the scores of all tokens of one text, so that another ratio, another unit, and another criterion
that reads the same scores run no model.
"""

import base64
import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stages.core.asking import store_lines
from stages.core.asking.shards import Shards

FOLDER = "scores"  # below the store's folder
# Scores are kept as float16. So they have three digits, and differences that come from the size of
# a batch mostly vanish.
TYPE = np.dtype("<f2")
LARGEST = float(np.finfo(TYPE).max)

Scores = npt.NDArray[np.float16]  # (tokens)


def key(model: str, *parts: str) -> str:
    """The key of a text's scores: a hash of the model's fingerprint and of what it reads."""
    digest = hashlib.sha256(json.dumps([model, *parts]).encode()).hexdigest()
    return digest[: store_lines.KEY_LENGTH]


def rounded(values: npt.ArrayLike) -> Scores:
    """`values` in the precision in which scores are kept."""
    return np.clip(np.asarray(values, dtype=np.float64), -LARGEST, LARGEST).astype(TYPE)


class ScoreStore:
    """The scores in the shards of `<store>/scores`. Close it, or use it as a context manager."""

    def __init__(self, store_folder: Path) -> None:
        self._shards = Shards(store_folder / FOLDER)

    def __enter__(self) -> "ScoreStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._shards)

    def close(self) -> None:
        """Makes durable what was added."""
        self._shards.close()

    def find(self, key: str) -> dict[str, Scores] | None:
        """The scores of a text by their names, None where there are none."""
        for content in self._shards.contents(key):
            arrays = {}
            for name, encoded in content.items():
                arrays[name] = np.frombuffer(base64.b64decode(encoded), TYPE)
            return arrays
        return None

    def add(self, key: str, scores: dict[str, Scores]) -> None:
        """Appends the scores of a text."""
        content = {}
        for name, values in scores.items():
            content[name] = base64.b64encode(values.astype(TYPE).tobytes()).decode()
        self._shards.append(key, content)
