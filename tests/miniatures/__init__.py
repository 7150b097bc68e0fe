"""Folders as the hub would give them for each model of the paper profile, only smaller.

Where a layout is not certain, it follows the code that loads it; each module says which. The ids of
special tokens are written down a second time on purpose: the profile's ids are checked against
them.
"""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from tests.miniatures import family, gpt_oss, llama, mistral, qwen, smollm2
from tests.miniatures.family import Model

MODELS: dict[str, Model] = (
    qwen.MODELS | gpt_oss.MODELS | llama.MODELS | mistral.MODELS | smollm2.MODELS
)


def build(model_id: str, out: Path, seed: int = 0) -> Path:
    """Write the folder of one model of the hub and return it.

    A process makes each model once and copies it from then on: a large vocabulary takes seconds.
    """
    shutil.copytree(_original(model_id, seed), out)
    return out


@functools.cache
def _original(model_id: str, seed: int) -> Path:
    """The model's folder that `build` copies. It is removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="miniature-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return family.write(MODELS[model_id], folder / "model", seed)
