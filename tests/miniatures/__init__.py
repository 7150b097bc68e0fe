"""Folders as the hub would give them for each model of the paper profile, cut down in size alone.

What is not certain of a layout is looked up in the code that loads it; each module says where. Ids
of special tokens are written down a second time on purpose: the profile's are checked against them.
"""

from pathlib import Path

from tests.miniatures import family, gpt_oss, llama, mistral, qwen, smollm2
from tests.miniatures.family import Model

MODELS: dict[str, Model] = (
    qwen.MODELS | gpt_oss.MODELS | llama.MODELS | mistral.MODELS | smollm2.MODELS
)


def build(model_id: str, out: Path, seed: int = 0) -> Path:
    """Write the folder of one model of the hub and return it."""
    return family.write(MODELS[model_id], out, seed)
