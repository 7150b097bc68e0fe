"""Compression by an instruct model, which is asked to rewrite each trace.

The params have its prompt, a system message and examples. What the audit would drop can be asked
again, with another seed and with what was wrong.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from stages.core.asking import engines
from stages.core.asking.answering import Asker
from stages.core.asking.answers import STORED, Answer, AnswerHandle
from stages.core.asking.language_model import LanguageModel
from stages.core.asking.reuse import RepeatableRequests
from stages.core.program.complaints import quoted
from stages.core.program.errors import StageError
from stages.core.program.params import NotEmpty, Positive, Seed
from stages.core.records import Trace
from stages.core.targets.compressors import LONGEST_TRACE, prompts

MOST_RETRIES = 100
AttemptKey = tuple[str, int, int]  # question_id, sample, attempt: 0 is the first one
# What is wrong with an answer, in words for the model; None where it passes
FindFault = Callable[[Trace, Answer], str | None]


@dataclass(frozen=True, kw_only=True)
class LLM(LanguageModel):
    """A model that rewrites traces. Those whose prompt leaves it no room are dropped, never cut."""

    context: Positive  # tokens of prompt and completion together
    seed: Seed = 0
    # A text with {reasoning} in it, and mostly {question}, {answer} and {mark}.
    # None: that of prompts.DEFAULT
    prompt: NotEmpty | None = None
    # Turns before the prompt: each example's own prompt, and its `compressed` as the answer
    examples: list[prompts.Example] = field(default_factory=list)
    # How often a rewrite that the audit would drop is asked again; the shortest that passes is kept
    retries: Annotated[int, Field(ge=0, le=MOST_RETRIES)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.prompt is not None and "{reasoning}" not in self.prompt:
            raise StageError(
                f"prompt: {quoted(self.prompt)}: without {{reasoning}} every trace gets the same "
                "prompt; write the prompt's text, or merge a file of conf/prompts/ by the "
                "profile's defaults"
            )
        if self.examples and self.prompt_template is not None:
            raise StageError(
                "examples: they are turns of a chat template, and prompt_template is all of the "
                "prompt; write them there"
            )
        if self.retries > 1 and not self.sampling.get("temperature"):
            raise StageError(
                f"retries: {self.retries}: without sampling.temperature all retries of a trace "
                "are alike; set it, or set retries: 1"
            )

    @property
    def template(self) -> str:
        """The text of the prompt, with names of what a trace fills in."""
        return prompts.default_template() if self.prompt is None else self.prompt

    @property
    def turns(self) -> list[tuple[str, str]]:
        """The examples as turns: (prompt, shortened reasoning)."""
        turns = []
        for example in self.examples:
            material = (example["question"], example["reasoning"], example["answer"])
            turns.append((prompts.render(self.template, *material), example["compressed"]))
        return turns


def compress(
    open_traces: Callable[[], Iterable[Trace]], config: LLM, asker: Asker, find_fault: FindFault
) -> Iterator[tuple[Trace, list[Answer]]]:
    """Yields (trace, answers) in order: the first answer, and those of the retries after it.

    An answer's text is the shorter reasoning, empty where there is none. `open_traces` opens the
    traces anew at each call, so that none is held. `find_fault` says which answers are asked again.
    Raises StageError where every request was refused.
    """
    handles: dict[AttemptKey, AnswerHandle] = {}  # of the prompts that fit
    _ask(lambda: _requests(open_traces(), config, asker, handles), asker, "compress")
    if handles and len(asker.refused) == len(handles):
        first_refusal = next(iter(asker.refused.values()))
        raise StageError(f"{asker.params_path}: every request was refused: {first_refusal.text}")
    if config.retries:
        faults = _faults(open_traces(), asker, handles, find_fault)
        _ask(lambda: _retries(open_traces(), config, asker, handles, faults), asker, "ask again")
    for trace in open_traces():
        keys = [(trace.question_id, trace.sample, number) for number in range(1 + config.retries)]
        answers = [asker.answer(handles[key]) for key in keys if key in handles]
        yield trace, answers or [_unasked(trace)]


def _ask(read: Callable[[], Iterator[engines.Request]], asker: Asker, label: str) -> None:
    asker.ask(RepeatableRequests(read), label)


def _unasked(trace: Trace) -> Answer:
    """Stands for the answer to a trace that was not asked: there was no room for it."""
    is_oversized = len(trace.reasoning) > LONGEST_TRACE
    reason = "oversized" if is_oversized else "too_long"
    return Answer(reasoning="", text="", finish_reason=reason)


def _requests(
    traces: Iterable[Trace], config: LLM, asker: Asker, handles: dict[AttemptKey, AnswerHandle]
) -> Iterator[engines.Request]:
    """Yields a request for every trace that fits the context, and notes it in `handles`."""
    for trace in traces:
        if len(trace.reasoning) > LONGEST_TRACE:
            continue
        message = _prompt(trace, config, asker)
        seed = engines.derived_seed(config.seed, trace.question_id, trace.sample)
        handle, request = asker.request(message, seed, trace.sample)
        if _fits(request, config, asker):
            handles[trace.question_id, trace.sample, 0] = handle
            yield request


def _prompt(trace: Trace, config: LLM, asker: Asker) -> str:
    """The prompt for a trace, whose special tokens are plain text."""
    return prompts.render(
        config.template, trace.question, trace.reasoning, trace.answer, asker.plain
    )


def _fits(request: engines.Request, config: LLM, asker: Asker) -> bool:
    """Whether the context has room for the prompt and the longest answer."""
    prompt_tokens = asker.prompt_tokens(request) or 0
    return prompt_tokens + asker.sampling.max_new_tokens <= config.context


def _faults(
    traces: Iterable[Trace],
    asker: Asker,
    handles: Mapping[AttemptKey, AnswerHandle],
    find_fault: FindFault,
) -> dict[AttemptKey, str]:
    """What is wrong with the first answers that do not pass, by key.

    A request that was refused has no answer. The next run of the stage asks it again by itself.
    """
    faults: dict[AttemptKey, str] = {}
    for trace in traces:
        key = (trace.question_id, trace.sample, 0)
        if key not in handles:
            continue
        answer = asker.answer(handles[key])
        fault = find_fault(trace, answer)
        if fault is not None and answer.finish_reason in STORED:
            faults[key] = fault
    return faults


def _retries(
    traces: Iterable[Trace],
    config: LLM,
    asker: Asker,
    handles: dict[AttemptKey, AnswerHandle],
    faults: Mapping[AttemptKey, str],
) -> Iterator[engines.Request]:
    """Yields the retries of each trace in `faults` that fit the context, noted in `handles`.

    All have the prompt of the first attempt with its fault, and each has a seed of its own.
    """
    for trace in traces:
        fault = faults.get((trace.question_id, trace.sample, 0))
        if fault is None:
            continue
        message = prompts.render_again(_prompt(trace, config, asker), fault)
        for attempt in range(1, 1 + config.retries):
            name = f"{trace.question_id}/attempt {attempt}"
            seed = engines.derived_seed(config.seed, name, trace.sample)
            handle, request = asker.request(message, seed, trace.sample)
            if _fits(request, config, asker):
                handles[trace.question_id, trace.sample, attempt] = handle
                yield request
