"""Folders as the hub would give them for each model of the paper profile, cut down in size alone."""

from pathlib import Path

from tests.miniatures import family, gpt_oss, llama, mistral, qwen
from tests.miniatures.family import Model

MODELS: dict[str, Model] = qwen.MODELS | gpt_oss.MODELS | llama.MODELS | mistral.MODELS


def build(model_id: str, out: Path, seed: int = 0) -> Path:
    """Write the folder of one model of the hub and return it."""
    return family.write(MODELS[model_id], out, seed)
