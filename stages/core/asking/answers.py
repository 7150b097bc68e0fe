"""An answer as stages get it: with its reasoning set apart, and how it is found again."""

from dataclasses import dataclass

from stages.core import chat
from stages.core.asking.engines import Output
from stages.core.asking.store import StoredAnswer

# Finish reasons that another try would not change. An answer with any other finish reason is not
# stored, so the next run of the stage asks for it again.
STORED = ("stop", "length", "content_filter", "tool_calls")


@dataclass(frozen=True)
class AnswerHandle:
    """How the answer to a request is found again. `opened`: its prompt opened the think block."""

    key: str
    seed: int
    opened: bool


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer with its reasoning set apart.

    Tokens are the model's own. They are None where it has none or did not answer.
    """

    reasoning: str
    text: str
    finish_reason: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0


def finish_reason(output: Output, limit: int) -> str:
    """How an output ended. `context`: it was cut short of the token limit, by the model's window."""
    token_count = output.completion_tokens
    if output.finish_reason == "length" and token_count and token_count < limit:
        return "context"
    return output.finish_reason


def unanswered(output: Output) -> Answer:
    """The answer to a refused request: empty texts, and the token counts of what was cut."""
    return Answer(
        reasoning="",
        text="",
        finish_reason=output.finish_reason,
        prompt_tokens=output.prompt_tokens,
        completion_tokens=output.completion_tokens,
    )


def read(stored: StoredAnswer, output_format: str, opened: bool) -> Answer:
    """A stored answer, its reasoning set apart by its server or by the marks of `output_format`."""
    if stored.reasoning is None:
        reasoning, text = chat.split(stored.text, output_format, opened)
    else:
        reasoning, text = stored.reasoning.strip(), stored.text.strip()
    return Answer(
        reasoning=reasoning,
        text=text,
        finish_reason=stored.finish_reason,
        prompt_tokens=stored.prompt_tokens,
        completion_tokens=stored.completion_tokens,
        seconds=stored.seconds,
    )
