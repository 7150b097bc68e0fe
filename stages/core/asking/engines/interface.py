"""What every engine takes and gives: requests with their sampling go in, outputs come out.

Every sampling field is set by the caller. Nothing comes from a model's generation_config.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Protocol

from pydantic import Field

from stages.core.program import params
from stages.core.program.errors import StageError

Penalty = Annotated[float, Field(ge=-2, le=2)]  # the range of OpenAI's protocol and of vLLM


@dataclass(frozen=True)
class Sampling:
    """How to continue a prompt.

    It has every field that vLLM, OpenAI's protocol or transformers could fill in by themselves.
    Temperature 0 is greedy. These values change nothing: top_p 1, top_k 0, min_p 0,
    repetition_penalty 1, and 0 for the other penalties.
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
        """The fields that shape an answer's text: all but the token limit."""
        fields = asdict(self)
        del fields["max_new_tokens"]
        return fields


@dataclass(frozen=True)
class Request:
    """A prompt to continue.

    `prompt` holds token ids. For engines that render prompts themselves it is the user's message.
    """

    key: str  # the caller's name for the request
    prompt: Sequence[int] | str
    seed: int  # of this request's draws alone, whatever else is answered beside it
    sampling: Sampling
    earlier: str = ""  # the caller's former name for the request, where it had another one


@dataclass(frozen=True)
class Output:
    """What followed a prompt.

    Where the engine or its server set the reasoning apart, `text` is the answer alone.

    `finish_reason` is one of these, else the server's own word:

    - stop: the answer ended by itself.
    - length: it was cut at the token limit.
    - too_long, refused, failed: it was never answered, and `text` says why.

    Completion tokens are counted as the limit counts them, so the EOS is among them.
    """

    text: str
    finish_reason: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning: str | None = None


@dataclass(frozen=True)
class Model:
    """The model that an engine loads.

    `name` is a folder, the id of a model on the hub (then with `revision`), or a server's name for
    the model. `tokenizer` is None where only the server has one.
    """

    name: str
    tokenizer: Any = None
    revision: str | None = None
    # Whether special tokens stay in the text: some formats mark the reasoning with such tokens
    special: bool = False
    # For engines that render prompts themselves: the system message, and examples as turns of the
    # user and the model
    system: str | None = None
    examples: Sequence[tuple[str, str]] = ()


class Engine(Protocol):
    """Continues prompts.

    It draws them from `requests` when it has room, so there may be any number of them.
    """

    def generate(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Output]]:
        """Yields (request, output) for every request, in any order, as soon as it is answered."""
        ...


class Swapping(Engine, Protocol):
    """An engine that can take the weights of another checkpoint. All that serve students can."""

    def swap(self, model: Model) -> None:
        """Takes the weights of `model`, whose config and tokenizer equal the loaded one's."""
        ...


def derived_seed(seed: int, question_id: str, sample: int) -> int:
    """A separate seed for each sample of each question, the same on every machine.

    It is 63 bits of a hash, because vLLM takes no more.
    """
    digest = hashlib.sha256(f"{seed}/{question_id}/{sample}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
