"""Generation by a server that speaks OpenAI's protocol: vllm serve, SGLang, a vendor.

Each request is one call, so each has its own seed and is paid for once. Errors that may pass (429,
5xx, time-outs, broken connections, malformed answers) are tried again. The pause between two tries
is jittered, grows, and is no shorter than the server's Retry-After. An error about one request is
the outcome of that request. An error that every request would meet ends the stage in one line.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import openai
import tenacity

from stages.core import chat
from stages.core.asking.engines import Model, Output, Request, Sampling
from stages.core.asking.engines import openai_responses as responses
from stages.core.asking.engines.options import OpenAISettings
from stages.core.program import command
from stages.core.program.errors import StageError

# Sampling fields that vLLM and SGLang take beyond the protocol. Where they are left out, these
# servers fill them in from the model.
BEYOND = ("top_k", "min_p", "repetition_penalty")
LONGEST_QUOTE = 300  # characters of what a server wrote in a message


class OpenAIEngine:
    """Holds no connection between two calls of `generate`."""

    def __init__(self, model: Model, settings: OpenAISettings) -> None:
        self.model = model
        self.settings = settings
        # Requests given up since the last answer. Once they reach `concurrency`, the server counts
        # as gone.
        self.failed_in_a_row = 0
        # A user's own server mostly needs no key, but the client needs one in any case
        self.key = os.environ.get(settings.key_variable) or "none"
        self.jitter = tenacity.wait_random_exponential(multiplier=0.5, max=settings.longest_pause)

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
        waiting = iter(requests)
        running = set[asyncio.Task[tuple[Request, Output]]]()
        fatal_error: BaseException | None = None
        given_up: list[Output] = []
        # Retries are ours: the client's own have no pause beyond 8 s and give up on a long
        # Retry-After
        async with openai.AsyncOpenAI(
            base_url=self.settings.base_url,
            api_key=self.key,
            timeout=self.settings.timeout,
            max_retries=0,
        ) as client:
            while True:
                # Without room nothing new is asked, and what is under way is answered
                room = self.settings.concurrency - len(running)
                if fatal_error or self._gone():
                    room = 0
                for request in itertools.islice(waiting, room):
                    running.add(asyncio.create_task(self._answer(client, request)))
                if not running:
                    break
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    fatal_error = fatal_error or task.exception()
                    if task.exception() is None:
                        request, output = task.result()
                        if output.finish_reason == "failed":
                            given_up.append(output)
                        yield request, output
        if fatal_error:
            raise fatal_error
        if given_up and (self._gone() or not self.settings.skip_failed):
            raise self._error(
                f"{len(given_up)} requests had no answer after {self.settings.tries} tries",
                given_up[0].text,
            )

    def _gone(self) -> bool:
        return self.failed_in_a_row >= self.settings.concurrency

    def _error(self, problem: str, reason: str) -> StageError:
        return StageError(
            f"{self.settings.base_url}: {problem} for {self.model.name}: {reason}; what was "
            f"answered is stored: mend it (the key is read from {self.settings.key_variable}) and "
            "run the stage again, or set inference.skip_failed"
        )

    async def _answer(self, client: Any, request: Request) -> tuple[Request, Output]:
        # Both must be reached: tries that fail at once do not give a server time to come back
        stop = tenacity.stop_all(
            tenacity.stop_after_attempt(self.settings.tries),
            tenacity.stop_after_delay(self.settings.patience),
        )
        tries = tenacity.AsyncRetrying(
            stop=stop,
            wait=self._pause,
            retry=tenacity.retry_if_exception(responses.passes),
            reraise=True,
        )
        try:
            output: Output = await tries(self._call, client, request)
        except responses.REFUSALS as error:
            is_too_long = "context_length" in str(error.code) or "context length" in str(error)
            output = Output(self._quoted(str(error)), "too_long" if is_too_long else "refused")
        except (openai.OpenAIError, responses.MalformedError, ValueError) as error:
            reason = self._quoted(f"{type(error).__name__}: {error}")
            if not responses.passes(error):
                raise self._error("no answer", reason) from error
            self.failed_in_a_row += 1
            return request, Output(reason, "failed")
        self.failed_in_a_row = 0
        return request, output

    def _quoted(self, text: str) -> str:
        """A server's words for a message: cut, and without the key, which some servers repeat."""
        if len(self.key) >= command.SECRET_LENGTH:
            text = text.replace(self.key, f"[{self.settings.key_variable}]")
        return text[:LONGEST_QUOTE]

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """Seconds until the next try: exponential with full jitter, after what the server asks."""
        error = state.outcome.exception() if state.outcome else None
        server_seconds = responses.retry_after(error)
        jitter = self.jitter(state)
        if not server_seconds:
            return jitter
        # A little later than the server says, so that not all requests come back at once
        return server_seconds + min(jitter, 0.1 * server_seconds)

    async def _call(self, client: Any, request: Request) -> Output:
        sampling = request.sampling
        fields = {
            "model": self.model.name,
            "seed": request.seed,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "presence_penalty": sampling.presence_penalty,
            "frequency_penalty": sampling.frequency_penalty,
        }
        extra = self._beyond(sampling) | self.settings.extra
        if self.settings.renders:
            turns = chat.messages(str(request.prompt), self.model.system, self.model.examples)
            response = await client.chat.completions.create(
                messages=turns,
                max_completion_tokens=sampling.max_new_tokens,
                extra_body=extra,
                **fields,
            )
        else:
            if self.settings.beyond_protocol:
                extra["skip_special_tokens"] = not self.model.special
            response = await client.completions.create(
                prompt=list(request.prompt),
                max_tokens=sampling.max_new_tokens,
                extra_body=extra,
                **fields,
            )
        return responses.output(response)

    def _beyond(self, sampling: Sampling) -> dict[str, Any]:
        """The sampling fields beyond the protocol, as this server takes them.

        Raises StageError where the server takes none and one is not at its default.
        """
        if self.settings.beyond_protocol:
            fields = {field_name: getattr(sampling, field_name) for field_name in BEYOND}
            if fields["top_k"] == 0:
                fields["top_k"] = -1  # off, in the word that both vLLM and SGLang take
            return fields
        changed_field = _changed(sampling)
        if changed_field:
            raise StageError(
                f"sampling.{changed_field}: a server without beyond_protocol cannot be asked for "
                "it; leave it out"
            )
        return {}


def _changed(sampling: Sampling) -> str | None:
    """The first field beyond the protocol that differs from its default, None where none does."""
    default = Sampling(max_new_tokens=1)
    for field_name in BEYOND:
        if getattr(sampling, field_name) != getattr(default, field_name):
            return field_name
    return None
