"""What every family declares for a model, and how a model's folder is written."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.miniatures import tokenizer, weights
from tests.miniatures.tokenizer import Vocabulary
from tests.miniatures.weights import Tensors


@dataclass(frozen=True)
class Model:
    """One model of the hub: its JSON files, its tokenizer, and how its weights are stored."""

    config: Mapping[str, Any]  # config.json
    vocabulary: Vocabulary
    tokenizer: Mapping[str, Any]  # tokenizer_config.json
    generation: Mapping[str, Any] | None = None  # generation_config.json
    template: str | None = None  # chat_template.jinja
    special_tokens_map: Mapping[str, Any] | None = None
    texts: Mapping[str, str] = field(default_factory=dict)  # other files
    stored: Callable[[Tensors], Tensors] = dict  # the class's tensors -> those of the files
    beside: Callable[[Tensors], Mapping[str, Tensors]] = lambda _: {}  # further weight files
    pattern: str = "model-{:05}-of-{:05}.safetensors"
    shards: int = 2


def write(model: Model, out: Path, seed: int = 0) -> Path:
    """Write a model's folder and return it."""
    out.mkdir(parents=True)
    tokenizer.fast(model.vocabulary).save(str(out / "tokenizer.json"))
    files = {"config": model.config, "tokenizer_config": model.tokenizer}
    files |= {"generation_config": model.generation} if model.generation else {}
    files |= {"special_tokens_map": model.special_tokens_map} if model.special_tokens_map else {}
    for name, value in files.items():
        (out / f"{name}.json").write_text(json.dumps(value, indent=2))
    texts = dict(model.texts) | ({"chat_template.jinja": model.template} if model.template else {})
    for name, text in texts.items():
        (out / name).write_text(text)
    _weights(model, out, seed)
    return out


def _weights(model: Model, out: Path, seed: int) -> None:
    from safetensors.torch import save_file
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(out)
    vocabulary = model.vocabulary
    spoken = {
        *vocabulary.words,
        *vocabulary.plain.values(),
        vocabulary.special[model.tokenizer["eos_token"]],
    }
    marks = vocabulary.special.values()
    plain = weights.state(model.config["architectures"][0], config, spoken, marks, seed)
    stored = model.stored(plain)
    weights.write(stored, out, model.pattern, model.shards)
    for name, tensors in model.beside(stored).items():
        (out / name).parent.mkdir(exist_ok=True)
        save_file(tensors, out / name, metadata={"format": "pt"})
