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


@dataclass(frozen=True, kw_only=True)
class LLM(LanguageModel):
    """A model that rewrites; traces whose prompt leaves it no room are dropped, never cut."""

    context: Positive  # tokens of prompt and completion together
    seed: Seed = 0


def mark(trace: Trace) -> str:
    """The word that tells the prompt's own marks from anything in the material, which does not
    contain it.
    """
    material, word = f"{trace.question}\n{trace.reasoning}\n{trace.answer}", ""
    while not word or word in material:
        word = hashlib.sha256((word + material).encode()).hexdigest()[:8]
    return word


def render(trace: Trace, plain: Callable[[str], str] = str) -> str:
    """The compressor's prompt for one trace; braces and marks in the material stay as they are.

    `plain` makes harmless what the model would read as special tokens.
    """
    parts = {
        "mark": mark(trace),
        "question": plain(trace.question),
        "reasoning": plain(trace.reasoning),
        "answer": plain(trace.answer),
    }
    return re.sub(r"\{(\w+)\}", lambda found: parts[found[1]], PROMPT.read_text(encoding="utf-8"))


def compress(
    read: Callable[[], Iterable[Trace]], config: LLM, asker: Asker
) -> Iterator[tuple[Trace, Answer]]:
    """Yields (trace, answer) in order; the answer's text is the shorter reasoning, empty where
    there is none.

    `read` opens the traces anew each time: none is held. Raises StageError where every request was
    refused.
    """
    places: dict[tuple[str, int], AnswerHandle] = {}  # of the traces that fit
    asker.ask(RepeatableRequests(lambda: _requests(read(), config, asker, places)), "compress")
    if places and len(asker.refused) == len(places):
        raise StageError(
            f"{asker.params_path}: every request was refused: {next(iter(asker.refused.values())).text}"
        )
    for trace in read():
        asked = places.get((trace.question_id, trace.sample))
        unasked = Answer(
            reasoning="",
            text="",
            finish_reason="oversized" if len(trace.reasoning) > LONGEST_TRACE else "too_long",
        )
        yield trace, asker.answer(asked) if asked else unasked


def _requests(
    traces: Iterable[Trace], config: LLM, asker: Asker, places: dict[tuple[str, int], AnswerHandle]
) -> Iterator[engines.Request]:
    """Yields a request for every trace that fits the context, and notes it in `places`."""
    for trace in traces:
        if len(trace.reasoning) > LONGEST_TRACE:
            continue
        seed = engines.derived_seed(config.seed, trace.question_id, trace.sample)
        asked, request = asker.request(render(trace, asker.plain), seed, trace.sample)
        if (asker.prompt_tokens(request) or 0) + asker.sampling.max_new_tokens <= config.context:
            places[trace.question_id, trace.sample] = asked
            yield request
