"""Compression by an instruct model: one generic prompt for every question, trace and answer."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stages.core.asking import engines
from stages.core.asking.answering import Asker
from stages.core.asking.answers import Answer, AnswerHandle
from stages.core.asking.language_model import LanguageModel
from stages.core.asking.reuse import RepeatableRequests
from stages.core.program.errors import StageError
from stages.core.program.params import Positive, Seed
from stages.core.records import Trace
from stages.core.targets.compressors import LONGEST_TRACE

PROMPT = Path(__file__).with_name("prompt.txt")
Key = tuple[str, int]  # question_id, sample


@dataclass(frozen=True, kw_only=True)
class LLM(LanguageModel):
    """A model that rewrites traces. Those whose prompt leaves it no room are dropped, never cut."""

    context: Positive  # tokens of prompt and completion together
    seed: Seed = 0


def mark(trace: Trace) -> str:
    """A word of eight hexadecimal digits that the question, reasoning and answer do not contain.

    It tells the prompt's own marks from anything in them.
    """
    material = f"{trace.question}\n{trace.reasoning}\n{trace.answer}"
    word = ""
    while not word or word in material:
        word = hashlib.sha256((word + material).encode()).hexdigest()[:8]
    return word


def render(trace: Trace, plain: Callable[[str], str] = str) -> str:
    """The compressor's prompt for one trace.

    Braces and marks in the question, reasoning and answer stay as they are. `plain` makes harmless
    what the model would read as special tokens.
    """
    parts = {
        "mark": mark(trace),
        "question": plain(trace.question),
        "reasoning": plain(trace.reasoning),
        "answer": plain(trace.answer),
    }
    template = PROMPT.read_text(encoding="utf-8")
    # All at once and not by str.format, because the parts may hold braces
    return re.sub(r"\{(\w+)\}", lambda match: parts[match[1]], template)


def compress(
    open_traces: Callable[[], Iterable[Trace]], config: LLM, asker: Asker
) -> Iterator[tuple[Trace, Answer]]:
    """Yields (trace, answer) in order.

    The answer's text is the shorter reasoning, empty where there is none. `open_traces` opens the
    traces anew at each call, so that none is held. Raises StageError where every request was
    refused.
    """
    asked_by_key: dict[Key, AnswerHandle] = {}  # of the traces whose prompt fits
    requests = RepeatableRequests(lambda: _requests(open_traces(), config, asker, asked_by_key))
    asker.ask(requests, "compress")
    if asked_by_key and len(asker.refused) == len(asked_by_key):
        first_refusal = next(iter(asker.refused.values()))
        raise StageError(f"{asker.params_path}: every request was refused: {first_refusal.text}")
    for trace in open_traces():
        asked = asked_by_key.get((trace.question_id, trace.sample))
        if asked:
            yield trace, asker.answer(asked)
        else:
            is_oversized = len(trace.reasoning) > LONGEST_TRACE
            reason = "oversized" if is_oversized else "too_long"
            yield trace, Answer(reasoning="", text="", finish_reason=reason)


def _requests(
    traces: Iterable[Trace], config: LLM, asker: Asker, asked_by_key: dict[Key, AnswerHandle]
) -> Iterator[engines.Request]:
    """Yields a request for every trace that fits the context, and notes it in `asked_by_key`."""
    for trace in traces:
        if len(trace.reasoning) > LONGEST_TRACE:
            continue
        seed = engines.derived_seed(config.seed, trace.question_id, trace.sample)
        asked, request = asker.request(render(trace, asker.plain), seed, trace.sample)
        prompt_tokens = asker.prompt_tokens(request) or 0
        if prompt_tokens + asker.sampling.max_new_tokens <= config.context:
            asked_by_key[trace.question_id, trace.sample] = asked
            yield request
