"""Engines that continue prompts: one interface, and `load`, which opens a model behind it.

An engine takes token ids and gives token ids, because the ids of a prompt are what training and inference
must agree on. Every sampling field is set by the caller; nothing comes from a model's generation_config.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from stages.core.errors import StageError


@dataclass(frozen=True)
class Sampling:
    """How to continue a prompt. Temperature 0 is greedy; top_p 1 keeps the whole distribution."""

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1 or self.temperature < 0 or not 0 < self.top_p <= 1:
            raise StageError(f"sampling: {self}: expected max_new_tokens >= 1, temperature >= 0, 0 < top_p <= 1")


@dataclass(frozen=True)
class Request:
    """One prompt to continue, as token ids, and the seed of its draws."""

    prompt: Sequence[int]
    seed: int


def derived_seed(seed: int, question_id: str, sample: int) -> int:
    """A seed of its own for every sample: 63 bits (what vLLM takes) of a hash, the same on every machine."""
    digest = hashlib.sha256(f"{seed}/{question_id}/{sample}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@dataclass(frozen=True)
class Output:
    """What followed: token ids without the EOS, and `stop` (ended by itself) or `length` (cut at the limit)."""

    tokens: list[int]
    finish_reason: str


@dataclass(frozen=True)
class Inference:
    """How a model is served: `engine` transformers or vllm; `options` go to the vLLM engine as they are."""

    engine: str
    dtype: str = "bfloat16"
    batch_size: int = 48
    attention: str = "sdpa"
    options: dict[str, Any] = field(default_factory=dict)


class Engine(Protocol):
    """Continues prompts. Outputs come in any order, each with its request's place."""

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[tuple[int, Output]]:
        """Yields (place in `requests`, output) for every request."""
        ...


def load(folder: Path, eos_token_id: int, config: Inference, revision: str | None = None) -> Engine:
    """The model in `folder` behind the engine that `config` names. Raises StageError for an unknown one.

    With a `revision`, `folder` is the id of a model on the hub.
    """
    if config.engine == "transformers":
        from stages.core.engines.transformers import TransformersEngine

        return TransformersEngine(folder, eos_token_id, config, revision)
    if config.engine == "vllm":
        from stages.core.engines.vllm import VllmEngine

        return VllmEngine(folder, eos_token_id, config, revision)
    raise StageError(f"inference.engine: {config.engine!r} is unknown; known: transformers, vllm")
