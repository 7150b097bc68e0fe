"""What servers of OpenAI's protocol answer: outputs, and errors that may pass or stay.

openai.py asks the servers.
"""

import email.utils
import time
from typing import Any

import openai

from stages.core.asking.engines.interface import Output


class MalformedError(Exception):
    """The server answered, but not with an answer."""


# Errors after which another try may go well
PASSING = (
    openai.APIConnectionError,
    openai.RateLimitError,
    openai.InternalServerError,
    openai.ConflictError,
    # A body that is no JSON comes as a ValueError, one of another shape as
    # APIResponseValidationError
    openai.APIResponseValidationError,
    ValueError,
    MalformedError,
)
# Errors about one request. Vendors' moderation answers with 403 too.
REFUSALS = (openai.BadRequestError, openai.UnprocessableEntityError, openai.PermissionDeniedError)
BROKEN_OFF = ("abort", "error")  # how servers end what they had under way when they shut down
LONGEST_WAIT = 3600.0  # seconds: a Retry-After beyond it is a mistake


def output(response: Any) -> Output:
    """The first choice of a response. Raises MalformedError where it is missing or incomplete."""
    try:
        choice, usage = response.choices[0], response.usage
        message = getattr(choice, "message", None)
        text = choice.text if message is None else message.content or ""
        # vLLM's and OpenRouter's name for the reasoning, then DeepSeek's and SGLang's
        reasoning = getattr(message, "reasoning", None) or getattr(
            message, "reasoning_content", None
        )
        answered = Output(
            text=text,
            finish_reason=choice.finish_reason,
            prompt_tokens=usage.prompt_tokens if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
            reasoning=reasoning,
        )
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise MalformedError(f"a response without a choice: {response}") from error
    # Nothing checked the types yet: the client takes whatever JSON the server sent
    parts = (answered.text, answered.finish_reason, answered.reasoning or "")
    if not all(isinstance(part, str) for part in parts):
        raise MalformedError(f"a choice without text or end: {choice}")
    if answered.finish_reason in BROKEN_OFF:
        raise MalformedError(f"an answer that ended with {answered.finish_reason!r}")
    return answered


def passes(error: BaseException) -> bool:
    """Whether another try may go well. It may not where a 429 says that the account is empty."""
    if isinstance(error, openai.APIStatusError) and error.code == "insufficient_quota":
        return False
    if isinstance(error, openai.APIStatusError) and error.status_code in (408, 413):
        return error.status_code == 408  # a time-out; 413 is a request that is too large
    return isinstance(error, PASSING)


def retry_after(error: BaseException | None) -> float:
    """The seconds that the server asks to wait, 0 where it does not ask.

    The header holds seconds or a date (RFC 9110).
    """
    if not isinstance(error, openai.APIStatusError):
        return 0.0
    header = error.response.headers.get("retry-after", "")
    try:
        seconds = float(header)
    except ValueError:
        date = email.utils.parsedate_tz(header)
        seconds = email.utils.mktime_tz(date) - time.time() if date else 0.0
    return min(max(seconds, 0.0), LONGEST_WAIT)
