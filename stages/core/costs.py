"""What teachers and compressors cost: the model's tokens in and out, and seconds."""

from dataclasses import dataclass
from typing import Any


@dataclass
class Cost:
    """Sums over answers. Seconds are wall time of the machines that were used, start-up left out.

    Tokens stay None where a model has none, as a script or an extractive compressor.
    """

    answers: int = 0
    seconds: float = 0.0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    def add(self, prompt_tokens: int | None, completion_tokens: int | None, seconds: float) -> None:
        """Adds one answer's."""
        self.answers += 1
        self.seconds += seconds
        if prompt_tokens is not None:
            self.prompt_tokens = (self.prompt_tokens or 0) + prompt_tokens
        if completion_tokens is not None:
            self.completion_tokens = (self.completion_tokens or 0) + completion_tokens

    def summary(self) -> dict[str, Any]:
        """For a metrics file."""
        return {
            "answers": self.answers,
            "seconds": round(self.seconds, 6),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
        }
