"""Asking a model: prompts are rendered, answers come from the store or are paid for once and kept
there.

Teachers and LLM compressors ask through the same `Asker`. What was asked can be looked up
afterwards in any order and without the model, so a stage's out is written from the store alone and
does not show how often it was interrupted.
"""

import dataclasses
import functools
import itertools
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.core import chat, tokens
from stages.core.asking import engines, store
from stages.core.asking.engines import Request, Sampling
from stages.core.asking.reuse import StoredAnswers
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.program.files import fingerprint
from stages.core.program.params import NotEmpty, Options

# Ends that another try would not change; what has another one is asked again when the stage is run
# again
STORED = ("stop", "length", "content_filter", "tool_calls")
ANY_DAY = "2026-01-01"  # for prompts that are counted alone
# Marks of a turn in the templates of the usual families, for models whose tokenizer only a server
# has
SPECIAL = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|</?s>|\[/?INST\]|</?(?:start_of|end_of)_turn>|<\uff5c[^<>\s]{1,40}\uff5c>"
)


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """A model, how it is served (`inference`, see engines) and how it is spoken to."""

    inference: dict[str, Any]
    # a Hugging Face folder, with `revision` the id of a model on the hub, or a server's name for it
    model: str = ""
    revision: str | None = None
    tokenizer: str | None = (
        None  # a folder or the hub id of a tokenizer, where `model` is a server's name
    )
    prompt_template: str | None = None  # None: the tokenizer's own, with `template_arguments`
    template_arguments: Options = field(default_factory=dict)  # only its template knows their names
    date: str | None = None  # what a template that writes today's date gets, "2026-01-31"
    system: NotEmpty | None = (
        None  # its system message; None: what its template or its server writes by itself
    )
    output: str = "think"  # how it sets its reasoning apart: think tags, or harmony (gpt-oss)
    opened: bool = (
        False  # its prompt opens the think block, and a server that renders it does not show it
    )
    sampling: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.output not in chat.FORMATS:
            raise StageError(
                f"output: {self.output!r} is unknown; known: {', '.join(chat.FORMATS)}"
            )
        chat.check_template(self.prompt_template, self.date)


def settings(config: LanguageModel, place: str) -> tuple[Any, Sampling]:
    """The settings of the model's engine, and its sampling. `place` is where `config` is in the
    params.

    Raises StageError for what is wrong with them; nothing is loaded.
    """
    name, served = engines.settings(config.inference, f"{place}.inference")
    scripted = {"max_new_tokens": 1} if name == "scripted" else {}  # it knows no limit
    sampling = params.section(Sampling, config.sampling or scripted, f"{place}.sampling")
    if (
        not config.model
        and not scripted
        and config.inference.get("run", {}).get("engine") != "scripted"
    ):
        raise StageError(
            f"params.yaml: {place}.model: missing; name a folder, a model of the hub or a server's"
        )
    if config.system and config.prompt_template and not served.renders:
        raise StageError(
            f"params.yaml: {place}.system: prompt_template is all of the prompt; write it there"
        )
    if served.renders and config.template_arguments:
        raise StageError(
            f"params.yaml: {place}.template_arguments: the server renders its template itself; send them to it as "
            "inference.extra.chat_template_kwargs"
        )
    if served.renders and config.date:
        raise StageError(
            f"params.yaml: {place}.date: the server renders its template itself, by its own clock; fix it there, or "
            "set inference.api: completions, which sends prompts that are rendered here"
        )
    return served, sampling


@dataclass(frozen=True)
class AnswerHandle:
    """A request as it is found again: `opened` says that its prompt opened the think block."""

    key: str
    seed: int
    opened: bool


@dataclass(frozen=True)
class Answer:
    """An answer with its reasoning set apart. Tokens are the model's own, None where it has none or
    did not answer.
    """

    reasoning: str
    text: str
    finish_reason: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0


class Asker:
    """One model and the store of its answers, which only one process at a time adds to for the same
    model and place.
    """

    def __init__(
        self,
        config: LanguageModel,
        answers: store.Store,
        place: str,
        revision: str | None = None,
        load: Callable[..., engines.Engine] = engines.load,
    ) -> None:
        """`place` is where `config` is in the params, for errors; `revision` stands for the model's
        weights.

        Without `revision` it is the config's, or a fingerprint, which looks at the ends of large
        files alone. `load` is called as `engines.load`, when something is asked that has no answer.
        """
        self.load = load
        self.config, self.store, self.params_path = config, answers, place
        served, self.sampling = settings(config, place)
        self.renders: bool = served.renders
        self.tokenizer = self._tokenizer()
        self.revision = revision or config.revision or fingerprint(Path(config.model))
        # Servers that render prompts decide by themselves what they leave out
        self.special = (
            config.output != "think" and not self.renders
        )  # whether texts keep their special tokens
        self.shape, self.earlier = self._shapes(served.shape())
        self.refused: dict[
            str, engines.Output
        ] = {}  # by key: what will not be answered, asked again next time

    def _shapes(self, served: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What of the settings shapes a stored text, now and as keys held it until November 2026."""
        asked: dict[str, Any] = {"template": self.config.template_arguments}
        if self.config.system and self.renders:  # else it is in the prompt's ids
            asked["system"] = self.config.system
        shape = served | asked | ({"special": True} if self.special else {})
        return shape, {name: value for name, value in served.items() if name != "server"} | asked

    def _tokenizer(self) -> Any:
        if self.config.tokenizer:
            folder = Path(self.config.tokenizer)
            return tokens.load(folder, None if folder.is_dir() else self.config.revision or "main")
        return None if self.renders else tokens.load(Path(self.config.model), self.config.revision)

    @functools.cached_property
    def version(self) -> str:
        """What answers now."""
        return engines.version(self.config.inference)

    @property
    def name(self) -> str:
        """The model, as records name it."""
        return self.config.model or str(self.config.inference["engine"])

    def request(
        self, message: str, seed: int, sample: int, sampling: Sampling | None = None
    ) -> tuple[AnswerHandle, Request]:
        """The request that asks `message`, and how its answer is found again.

        `sampling` may be another than the model's own, but for its token limit.
        """
        sampling = sampling or self.sampling
        template, arguments = self.config.prompt_template, self.config.template_arguments
        opened, prompt = self.config.opened, message
        asked: list[int] | str = message
        if not self.renders:
            prompt = chat.prompt(
                self.tokenizer, template, message, arguments, self.config.system, self.config.date
            )
            asked, opened = tokens.ids(self.tokenizer, prompt), opened or chat.opens(prompt)
        elif template is not None:
            asked = chat.prompt(None, template, message)
        key, earlier = (
            store.key(self.name, self.revision, asked, sampling.shape() | shape, seed, sample)
            for shape in (self.shape, self.earlier)
        )
        return AnswerHandle(key, seed, opened), Request(
            key, asked, seed, sampling, earlier if earlier != key else ""
        )

    def prompt_tokens(self, request: Request) -> int | None:
        """The length of a request's prompt, None where only a server knows it."""
        if not isinstance(request.prompt, str):
            return len(request.prompt)
        if not self.tokenizer:
            return None
        template = (
            None if self.tokenizer.chat_template else "{question}"
        )  # as the server will render it
        system = self.config.system
        rendered = chat.prompt(
            self.tokenizer, template, request.prompt, system=system, date=ANY_DAY
        )
        return tokens.count(self.tokenizer, rendered)

    def plain(self, text: str) -> str:
        """`text` with a space in what would be read as special tokens, so that it cannot end its
        turn.
        """
        return SPECIAL.sub(
            lambda mark: f"{mark[0][0]} {mark[0][1:]}", chat.plain(self.tokenizer, text)
        )

    def ask(self, requests: Iterable[Request], what: str, total: int | None = None) -> None:
        """Sees to it that each request has its answer in the store; the model is loaded only where
        one is missing.

        Requests of an iterator are held in memory where they have keys of an earlier form:
        `reuse.RepeatableRequests` is for many.
        """
        limit = self.sampling.max_new_tokens
        if self.shape != self.earlier and isinstance(requests, Iterator):
            requests = list(requests)
        watched = command.progress(requests, what, total=total, unit="answer")
        with self.store.alone(f"{self.name} for {self.params_path}"):
            held = StoredAnswers(
                self.store, self.params_path, self.name, self.version, self.special
            )
            if self.shape != self.earlier:
                held.check(requests, limit)
            missing = (request for request in watched if not held.has(request, limit))
            if (first := next(missing, None)) is not None:
                for key, answer in self._timed(itertools.chain([first], missing)):
                    self.store.add(key, answer)
        held.warn()

    @functools.cached_property
    def engine(self) -> engines.Engine:
        """The model, loaded when something is asked for the first time."""
        known = self.tokenizer, self.config.revision, self.special, self.config.system
        model = engines.Model(self.config.model, *known)
        return self.load(model, self.config.inference, f"{self.params_path}.inference")

    def _timed(self, requests: Iterable[Request]) -> Iterator[tuple[str, store.StoredAnswer]]:
        """Yields (key, answer) for what is answered; an answer's seconds are those since the one
        before it.
        """
        engine, began = self.engine, time.perf_counter()
        for request, output in engine.generate(requests):
            if (reason := self._ended(output)) not in STORED:
                self.refused[request.key] = dataclasses.replace(output, finish_reason=reason)
                continue
            seconds, began = time.perf_counter() - began, time.perf_counter()
            yield (
                request.key,
                store.StoredAnswer(
                    self.name,
                    output.text,
                    output.reasoning,
                    output.finish_reason,
                    output.prompt_tokens,
                    output.completion_tokens,
                    self.sampling.max_new_tokens,
                    round(seconds, 6),
                    self.version,
                ),
            )

    def _ended(self, output: engines.Output) -> str:
        """How an output ended; one that is cut short of the limit was cut by the model's context:
        `context`.
        """
        used, limit = output.completion_tokens, self.sampling.max_new_tokens
        return (
            "context"
            if output.finish_reason == "length" and used and used < limit
            else output.finish_reason
        )

    def _form(self, found: store.StoredAnswer) -> str:
        """A server that reads the channels itself and found no reasoning leaves plain text."""
        plain = self.renders and "<|" not in found.text and found.finish_reason == "stop"
        return "think" if plain else self.config.output

    def stored(self, asked: AnswerHandle) -> store.StoredAnswer | None:
        """All that was written to what `ask` has asked, None where it was refused."""
        found = self.store.find(asked.key, self.sampling.max_new_tokens)
        if found is None and asked.key not in self.refused:
            raise StageError(
                f"{self.params_path}: the store lost an answer while the stage ran; run the stage again"
            )
        return found

    def answer(self, asked: AnswerHandle) -> Answer:
        """The answer to what `ask` has asked. What was refused is empty; what the context cut has
        its tokens.
        """
        found = self.stored(asked)
        if found is None:
            refused = self.refused[asked.key]
            return Answer(
                "", "", refused.finish_reason, refused.prompt_tokens, refused.completion_tokens
            )
        if found.reasoning is None:
            reasoning, text = chat.split(found.text, self._form(found), asked.opened)
        else:
            reasoning, text = found.reasoning.strip(), found.text.strip()
        lengths = (found.prompt_tokens, found.completion_tokens)
        return Answer(reasoning, text, found.finish_reason, *lengths, found.seconds)
