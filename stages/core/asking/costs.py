"""What teachers and compressors cost: the model's tokens in and out, and seconds."""

from dataclasses import dataclass
from typing import Any

from stages.core.asking.answers import STORED, Answer


@dataclass
class ModelCost:
    """Sums over answers.

    A model's seconds are wall time while it answered, without its start-up. An extractive
    compressor's seconds are those of one core. Tokens stay None where there is no model.
    """

    answers: int = 0
    seconds: float = 0.0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    def add(self, answer: Answer) -> None:
        """Adds what one answer cost. The cost of a request that was never answered is not known."""
        if answer.finish_reason not in STORED:
            return
        self.answers += 1
        self.seconds += answer.seconds
        if answer.prompt_tokens is not None:
            self.prompt_tokens = (self.prompt_tokens or 0) + answer.prompt_tokens
        if answer.completion_tokens is not None:
            self.completion_tokens = (self.completion_tokens or 0) + answer.completion_tokens

    def summary(self) -> dict[str, Any]:
        """The sums as a metrics file holds them. Seconds are rounded to microseconds."""
        return {
            "answers": self.answers,
            "seconds": round(self.seconds, 6),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
        }
