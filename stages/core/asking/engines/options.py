"""Settings of the engines whose libraries take seconds to import.

So params are checked without these libraries.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from stages.core.program.complaints import quoted
from stages.core.program.errors import StageError
from stages.core.program.params import LARGEST_COUNT, Amount, NotEmpty, Options

KEYS = "OPENAI_API_KEY"
DTYPES = ("bfloat16", "float16", "float32")
Attention = Literal[
    "eager", "sdpa", "flash_attention_2", "flash_attention_3", "flash_attention_4", "flex_attention"
]
# The fields that the engine itself sets in each call
OURS = {
    "frequency_penalty",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "model",
    "n",
    "presence_penalty",
    "prompt",
    "seed",
    "stream",
    "temperature",
    "top_p",
}


@dataclass(frozen=True)
class OpenAISettings:
    """Where the server is and how it is asked.

    `api` chat sends messages, completions the ids of prompts rendered here. `extra` is sent as it
    is: reasoning_effort, chat_template_kwargs. `beyond_protocol: false` leaves out top_k, min_p and
    repetition_penalty, for vendors that refuse them. The key is read from the environment alone.

    Answers are stored as those of `server`, or of `base_url` where there is none. So give `server`
    where one server's address changes.
    """

    base_url: str
    server: NotEmpty | None = None
    api: str = "chat"
    concurrency: Annotated[int, Field(le=LARGEST_COUNT)] = 64  # calls at a time
    timeout: Annotated[float, Field(gt=0)] = 1800.0  # seconds for one try
    tries: Annotated[int, Field(le=LARGEST_COUNT)] = 10  # at least, and
    # seconds at least, before a request is given up: as long as a server takes to come back
    patience: Amount = 900.0
    longest_pause: Annotated[float, Field(gt=0)] = 60.0  # seconds, unless a server asks for more
    # Go on without the requests that were given up; else the stage ends with an error
    skip_failed: bool = False
    key_variable: Annotated[str, Field(pattern=r"^\w+$")] = KEYS
    beyond_protocol: bool = True
    extra: Options = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.api not in ("chat", "completions"):
            raise StageError(f"api: {self.api!r} is unknown; known: chat, completions")
        if min(self.concurrency, self.tries) < 1:
            raise StageError("expected concurrency and tries of 1 or more")
        if not _is_url(self.base_url):
            raise StageError(
                f"base_url: {quoted(self.base_url)}: expected an address like "
                "http://machine:8000/v1"
            )
        # Beyond these, what a server takes is known to itself alone
        if set_by_engine := sorted(OURS & self.extra.keys()):
            raise StageError(f"extra.{set_by_engine[0]}: set elsewhere; leave it out of extra")

    @property
    def renders(self) -> bool:
        """Whether prompts go in as messages."""
        return self.api == "chat"

    def shape(self) -> dict[str, Any]:
        """The settings that shape an answer's text."""
        # Two servers that serve one name may have different weights under it
        server = self.server or self.base_url.rstrip("/")
        return {
            "api": self.api,
            "extra": self.extra,
            "beyond_protocol": self.beyond_protocol,
            "server": server,
        }


@dataclass(frozen=True)
class TransformersSettings:
    """How a model is served by transformers; it goes to the GPU where there is one."""

    dtype: str = "bfloat16"
    batch_size: Annotated[int, Field(le=LARGEST_COUNT)] = 48
    attention: Attention = "sdpa"
    renders = False

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise StageError(
                f"dtype: {quoted(self.dtype)} is unknown; expected bfloat16, float16 or float32"
            )
        if self.batch_size < 1:
            raise StageError(f"batch_size: {self.batch_size}, expected 1 or more")

    def shape(self) -> dict[str, Any]:
        """The settings that shape an answer's text."""
        return {"dtype": self.dtype}


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
