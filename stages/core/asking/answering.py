"""Asking a model: prompts are rendered, answers come from the store or are paid for once.

Teachers and LLM compressors ask through the same `Asker`. An answer can be looked up afterwards, in
any order and without the model. So a stage writes its out from the store alone, and the out does
not show how often the stage was interrupted.
"""

import dataclasses
import functools
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from stages.core import chat, tokens
from stages.core.asking import answers, engines, store
from stages.core.asking.answers import STORED, Answer, AnswerHandle
from stages.core.asking.engines import Request, Sampling
from stages.core.asking.language_model import LanguageModel, model_settings
from stages.core.asking.reuse import StoredAnswers
from stages.core.asking.turn_marks import TURN_MARKS
from stages.core.program import command
from stages.core.program.errors import StageError
from stages.core.program.files import fingerprint

ANY_DAY = "2026-01-01"  # for prompts that are only counted


class Asker:
    """One model and the store of its answers.

    Of several processes that ask the same model for the same entry of the params, only one at a
    time adds answers.
    """

    def __init__(
        self,
        config: LanguageModel,
        answer_store: store.Store,
        params_path: str,
        revision: str | None = None,
        load: Callable[..., engines.Engine] = engines.load,
        examples: chat.Turns = (),
    ) -> None:
        """`params_path` says where `config` is in the params, for errors.

        `examples` are turns that come before each request.

        `revision` stands for the model's weights. Its default is the config's revision, else a
        fingerprint of the folder, which reads only the ends of large files. `load` is called as
        `engines.load`, once something is asked that has no answer.
        """
        self.load = load
        self.config, self.store, self.params_path = config, answer_store, params_path
        engine_settings, self.sampling = model_settings(config, params_path)
        self.renders: bool = engine_settings.renders
        self.tokenizer = self._tokenizer()
        # Their special tokens end no turn
        self.examples = [(self.plain(question), self.plain(reply)) for question, reply in examples]
        self.revision = revision or config.revision or fingerprint(Path(config.model))
        # Whether texts keep their special tokens. Servers that render prompts decide by themselves
        # which tokens they leave out.
        self.special = config.output != "think" and not self.renders
        self.shape, self.earlier = self._shapes(engine_settings.shape())
        # By key: outputs of requests that were not answered. The next run asks them again.
        self.refused: dict[str, engines.Output] = {}

    def _shapes(self, engine_shape: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The settings that shape a stored text: as keys hold them now, and until November 2026."""
        prompt_shape: dict[str, Any] = {"template": self.config.template_arguments}
        if self.config.system and self.renders:  # else the system message is in the prompt's ids
            prompt_shape["system"] = self.config.system
        if self.examples and self.renders:
            prompt_shape["examples"] = self.examples
        shape = engine_shape | prompt_shape
        if self.special:
            shape["special"] = True
        engine_without_server = dict(engine_shape)
        engine_without_server.pop("server", None)
        return shape, engine_without_server | prompt_shape

    def _tokenizer(self) -> Any:
        if self.config.tokenizer:
            folder = Path(self.config.tokenizer)
            return tokens.load(folder, None if folder.is_dir() else self.config.revision or "main")
        return None if self.renders else tokens.load(Path(self.config.model), self.config.revision)

    @functools.cached_property
    def version(self) -> str:
        """The engine that would answer now, with its version."""
        return engines.version(self.config.inference)

    @property
    def name(self) -> str:
        """The model, as records name it."""
        return self.config.model or str(self.config.inference["engine"])

    def request(
        self, message: str, seed: int, sample: int, sampling: Sampling | None = None
    ) -> tuple[AnswerHandle, Request]:
        """The request that asks `message`, and the handle by which its answer is found again.

        `sampling` may differ from the model's own, except in its token limit.
        """
        sampling = sampling or self.sampling
        prompt, opened = self._prompt(message)
        key, earlier = (
            store.key(self.name, self.revision, prompt, sampling.shape() | shape, seed, sample)
            for shape in (self.shape, self.earlier)
        )
        if earlier == key:
            earlier = ""
        return AnswerHandle(key, seed, opened), Request(key, prompt, seed, sampling, earlier)

    def _prompt(self, message: str) -> tuple[list[int] | str, bool]:
        """What the engine is sent, ids or a text, and whether that opens the think block."""
        config = self.config
        if self.renders:
            if config.prompt_template is None:
                return message, config.opened
            return chat.prompt(None, config.prompt_template, message), config.opened
        rendered = chat.prompt(
            self.tokenizer,
            config.prompt_template,
            message,
            config.template_arguments,
            config.system,
            config.date,
            self.examples,
        )
        return tokens.ids(self.tokenizer, rendered), config.opened or chat.opens(rendered)

    def prompt_tokens(self, request: Request) -> int | None:
        """The length of a request's prompt in tokens, None where only a server knows it."""
        if not isinstance(request.prompt, str):
            return len(request.prompt)
        if not self.tokenizer:
            return None
        if not self.tokenizer.chat_template:  # only the server has it: the texts of the turns
            turns = chat.messages(request.prompt, self.config.system, self.examples)
            return sum(tokens.count(self.tokenizer, turn["content"]) for turn in turns)
        # Rendered as the server will render it
        rendered = chat.prompt(
            self.tokenizer,
            None,
            request.prompt,
            system=self.config.system,
            date=ANY_DAY,
            examples=self.examples,
        )
        return tokens.count(self.tokenizer, rendered)

    def plain(self, text: str) -> str:
        """`text` with a space put into each special token, so that it cannot end its turn."""
        return TURN_MARKS.sub(
            lambda mark: f"{mark[0][0]} {mark[0][1:]}", chat.plain(self.tokenizer, text)
        )

    def ask(self, requests: Iterable[Request], label: str, total: int | None = None) -> None:
        """Sees to it that the store has an answer to each request, or that it is in `refused`.

        The model is loaded only where an answer is missing. `label` and `total` are for the
        progress bar. The requests of an iterator are held in memory where they have keys of an
        earlier form; `reuse.RepeatableRequests` is for many.
        """
        limit = self.sampling.max_new_tokens
        if self.shape != self.earlier and isinstance(requests, Iterator):
            requests = list(requests)
        watched = command.progress(requests, label, total=total, unit="answer")
        with self.store.alone(f"{self.name} for {self.params_path}"):
            stored = StoredAnswers(
                self.store, self.params_path, self.name, self.version, self.special
            )
            if self.shape != self.earlier:
                stored.check(requests, limit)
            missing = (request for request in watched if not stored.has(request, limit))
            first = next(missing, None)
            if first is not None:
                for key, answer in self._generated(itertools.chain([first], missing)):
                    self.store.add(key, answer)
        stored.warn()

    @functools.cached_property
    def engine(self) -> engines.Engine:
        """The model, loaded when something is asked for the first time."""
        model = engines.Model(
            self.config.model,
            self.tokenizer,
            self.config.revision,
            self.special,
            self.config.system,
            self.examples,
        )
        return self.load(model, self.config.inference, f"{self.params_path}.inference")

    def _generated(self, requests: Iterable[Request]) -> Iterator[tuple[str, store.StoredAnswer]]:
        """Yields (key, answer) of answered requests; its seconds are those since the one before."""
        limit = self.sampling.max_new_tokens
        engine, began = self.engine, time.perf_counter()
        for request, output in engine.generate(requests):
            finish_reason = answers.finish_reason(output, limit)
            if finish_reason not in STORED:
                self.refused[request.key] = dataclasses.replace(output, finish_reason=finish_reason)
                continue
            seconds, began = time.perf_counter() - began, time.perf_counter()
            yield request.key, self._to_store(output, seconds)

    def _to_store(self, output: engines.Output, seconds: float) -> store.StoredAnswer:
        return store.StoredAnswer(
            model=self.name,
            text=output.text,
            reasoning=output.reasoning,
            finish_reason=output.finish_reason,
            prompt_tokens=output.prompt_tokens,
            completion_tokens=output.completion_tokens,
            limit=self.sampling.max_new_tokens,
            seconds=round(seconds, 6),
            engine=self.version,
        )

    def _output_format(self, stored: store.StoredAnswer) -> str:
        """The format of a stored text: plain from a server that found no reasoning in channels."""
        is_plain = self.renders and "<|" not in stored.text and stored.finish_reason == "stop"
        return "think" if is_plain else self.config.output

    def stored(self, handle: AnswerHandle) -> store.StoredAnswer | None:
        """All that the model wrote to a request that `ask` got, None where it was refused.

        Raises StageError where the store has lost the answer.
        """
        stored = self.store.find(handle.key, self.sampling.max_new_tokens)
        if stored is None and handle.key not in self.refused:
            raise StageError(
                f"{self.params_path}: the store lost an answer while the stage ran; run the stage "
                "again"
            )
        return stored

    def answer(self, handle: AnswerHandle) -> Answer:
        """The answer to a request that `ask` got.

        A refused request has empty texts. What the model's window cut has its token counts.
        """
        stored = self.stored(handle)
        if stored is None:
            return answers.unanswered(self.refused[handle.key])
        return answers.read(stored, self._output_format(stored), handle.opened)
