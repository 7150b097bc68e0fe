"""Generation by a server that speaks OpenAI's protocol: vllm serve, SGLang, a vendor.

Each request is one call, so each has its own seed and is paid for once. Errors that may pass (429,
5xx, time-outs, broken connections, malformed answers) are tried again. The pause between two tries
is jittered, grows, and is no shorter than the server's Retry-After. An error about one request is
the outcome of that request. An error that every request would meet ends the stage in one line.
"""

import asyncio
import email.utils
import itertools
import os
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import openai
import tenacity

from stages.core import chat
from stages.core.asking.engines import Model, Output, Request, Sampling
from stages.core.asking.engines.options import OpenAISettings
from stages.core.program import command
from stages.core.program.errors import StageError

# Sampling fields that vLLM and SGLang take beyond the protocol. Where they are left out, these
# servers fill them in from the model.
BEYOND = ("top_k", "min_p", "repetition_penalty")
PASSING = (
    openai.APIConnectionError,
    openai.RateLimitError,
    openai.InternalServerError,
    openai.ConflictError,
)
# Errors about one request. Vendors' moderation answers with 403 too.
REFUSALS = (openai.BadRequestError, openai.UnprocessableEntityError, openai.PermissionDeniedError)
BROKEN_OFF = ("abort", "error")  # how servers end what they had under way when they shut down
LONGEST_QUOTE = 300  # characters of what a server wrote in a message
LONGEST = 3600.0  # seconds: a Retry-After beyond it is a mistake


class MalformedError(Exception):
    """The server answered, but not with an answer."""


class OpenAIEngine:
    """Holds no connection between two calls of `generate`."""

    def __init__(self, model: Model, settings: OpenAISettings) -> None:
        self.model, self.settings = model, settings
        # Requests given up since the last answer. Once they reach `concurrency`, the server counts
        # as gone.
        self.in_a_row = 0
        # A user's own server mostly needs no key, but the client needs one in any case
        self.key = os.environ.get(settings.key_variable) or "none"
        self.clock = tenacity.wait_random_exponential(multiplier=0.5, max=settings.longest_pause)

    def generate(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Output]]:
        """Yields (request, output) as they come.

        Raises StageError for an error that every request would meet, once the requests under way
        are answered. Raises it for requests that were given up too, after all others are answered
        or once the server seems gone.
        """
        with asyncio.Runner() as runner:
            stream = self._stream(requests)

            async def following() -> tuple[Request, Output] | None:
                return await anext(stream, None)

            while (answered := runner.run(following())) is not None:
                yield answered

    async def _stream(self, requests: Iterable[Request]) -> AsyncIterator[tuple[Request, Output]]:
        waiting, running = iter(requests), set[asyncio.Task[tuple[Request, Output]]]()
        ended, given_up = None, list[Output]()
        # Retries are ours: the client's own have no pause beyond 8 s and give up on a long
        # Retry-After
        async with openai.AsyncOpenAI(
            base_url=self.settings.base_url,
            api_key=self.key,
            timeout=self.settings.timeout,
            max_retries=0,
        ) as client:
            while True:
                room = 0 if ended or self._gone() else self.settings.concurrency - len(running)
                new = list(itertools.islice(waiting, room))
                running |= {asyncio.create_task(self._answer(client, request)) for request in new}
                if not running:
                    break
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    ended = ended or task.exception()
                    if task.exception() is None:
                        request, output = task.result()
                        given_up += [output] if output.finish_reason == "failed" else []
                        yield request, output
        if ended:
            raise ended
        if given_up and (self._gone() or not self.settings.skip_failed):
            raise self._error(
                f"{len(given_up)} requests had no answer after {self.settings.tries} tries",
                given_up[0].text,
            )

    def _gone(self) -> bool:
        return self.in_a_row >= self.settings.concurrency

    def _error(self, problem: str, reason: str) -> StageError:
        return StageError(
            f"{self.settings.base_url}: {problem} for {self.model.name}: {reason}; what was "
            f"answered is stored: mend it (the key is read from {self.settings.key_variable}) and "
            "run the stage again, or set inference.skip_failed"
        )

    async def _answer(self, client: Any, request: Request) -> tuple[Request, Output]:
        enough = (
            tenacity.stop_after_attempt(self.settings.tries),
            tenacity.stop_after_delay(self.settings.patience),
        )
        tries = tenacity.AsyncRetrying(
            stop=tenacity.stop_all(*enough),
            wait=self._pause,
            retry=tenacity.retry_if_exception(_passes),
            reraise=True,
        )
        try:
            output: Output = await tries(self._call, client, request)
        except REFUSALS as error:
            is_too_long = "context_length" in str(error.code) or "context length" in str(error)
            output = Output(self._quoted(str(error)), "too_long" if is_too_long else "refused")
        except (openai.OpenAIError, MalformedError, ValueError) as error:
            reason = self._quoted(f"{type(error).__name__}: {error}")
            if not _passes(error):
                raise self._error("no answer", reason) from error
            self.in_a_row += 1
            return request, Output(reason, "failed")
        self.in_a_row = 0
        return request, output

    def _quoted(self, text: str) -> str:
        """A server's words for a message: cut, and without the key, which some servers repeat."""
        if len(self.key) >= command.SECRET_LENGTH:
            text = text.replace(self.key, f"[{self.settings.key_variable}]")
        return text[:LONGEST_QUOTE]

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """Seconds until the next try: exponential with full jitter, after what the server asks for."""
        asked = retry_after(state.outcome.exception() if state.outcome else None)
        jitter = self.clock(state)
        return asked + min(jitter, 0.1 * asked) if asked else jitter

    async def _call(self, client: Any, request: Request) -> Output:
        sampling = request.sampling
        if not self.settings.beyond_protocol and (changed := _changed(sampling)):
            raise StageError(
                f"sampling.{changed}: a server without beyond_protocol cannot be asked for it; leave it out"
            )
        fields = {
            "model": self.model.name,
            "seed": request.seed,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "presence_penalty": sampling.presence_penalty,
            "frequency_penalty": sampling.frequency_penalty,
        }
        beyond = (
            {name: getattr(sampling, name) for name in BEYOND}
            if self.settings.beyond_protocol
            else {}
        )
        if beyond.get("top_k") == 0:
            beyond["top_k"] = -1  # off, in the word that both vLLM and SGLang take
        extra = beyond | self.settings.extra
        if self.settings.renders:
            turns = chat.messages(str(request.prompt), self.model.system)
            response = await client.chat.completions.create(
                messages=turns,
                max_completion_tokens=sampling.max_new_tokens,
                extra_body=extra,
                **fields,
            )
        else:
            special = (
                {"skip_special_tokens": not self.model.special}
                if self.settings.beyond_protocol
                else {}
            )
            response = await client.completions.create(
                prompt=list(request.prompt),
                max_tokens=sampling.max_new_tokens,
                extra_body=extra | special,
                **fields,
            )
        return _output(response)


def _output(response: Any) -> Output:
    """The first choice of a response. Raises MalformedError where it is missing or incomplete."""
    try:
        choice, usage = response.choices[0], response.usage
        message = getattr(choice, "message", None)
        text = choice.text if message is None else message.content or ""
        # vLLM's and OpenRouter's name for the reasoning, then DeepSeek's and SGLang's
        apart = getattr(message, "reasoning", None) or getattr(message, "reasoning_content", None)
        spent, written = (usage.prompt_tokens, usage.completion_tokens) if usage else (None, None)
        output = Output(text, choice.finish_reason, spent, written, apart)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise MalformedError(f"a response without a choice: {response}") from error
    if not all(isinstance(part, str) for part in (text, output.finish_reason, apart or "")):
        raise MalformedError(f"a choice without text or end: {choice}")
    if output.finish_reason in BROKEN_OFF:
        raise MalformedError(f"an answer that ended with {output.finish_reason!r}")
    return output


def _passes(error: BaseException) -> bool:
    """Whether another try may go well. It may not where a 429 says that the account is empty."""
    if isinstance(error, openai.APIStatusError) and error.code == "insufficient_quota":
        return False
    if isinstance(error, openai.APIStatusError) and error.status_code in (408, 413):
        return error.status_code == 408
    # A body that is no JSON comes as a ValueError, one of another shape as
    # APIResponseValidationError
    return isinstance(
        error, (*PASSING, openai.APIResponseValidationError, MalformedError, ValueError)
    )


def retry_after(error: BaseException | None) -> float:
    """The seconds that the server asks to wait, 0 where it does not ask.

    The header holds seconds or a date (RFC 9110).
    """
    if not isinstance(error, openai.APIStatusError):
        return 0.0
    value = error.response.headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        date = email.utils.parsedate_tz(value)
        seconds = email.utils.mktime_tz(date) - time.time() if date else 0.0
    return min(max(seconds, 0.0), LONGEST)


def _changed(sampling: Sampling) -> str | None:
    """The first field beyond the protocol that differs from its default, None where none does."""
    default = Sampling(1)
    return next(
        (name for name in BEYOND if getattr(sampling, name) != getattr(default, name)), None
    )
