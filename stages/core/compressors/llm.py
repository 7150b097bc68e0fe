"""Compression by an instruct model: one generic prompt for every question, trace and answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.core import chat, engines, params, tokens
from stages.core.records import Trace

PROMPT = Path(__file__).with_name("prompt.txt")


@dataclass(frozen=True)
class LLM:
    """An instruct model; traces whose prompt leaves it no room are dropped, never cut."""

    model: str  # a Hugging Face folder, or with `revision` the id of a model on the hub
    context: int  # tokens of prompt and completion together
    seed: int
    revision: str | None = None
    prompt_template: str | None = None
    sampling: dict[str, Any] = field(default_factory=dict)
    inference: dict[str, Any] = field(default_factory=dict)


def render(trace: Trace) -> str:
    """The compressor's prompt for one trace; braces in the material stay as they are."""
    text = PROMPT.read_text(encoding="utf-8")
    before, rest = text.split("{question}")
    between, rest = rest.split("{reasoning}")
    last, after = rest.split("{answer}")
    return f"{before}{trace.question}{between}{trace.reasoning}{last}{trace.answer}{after}"


def compress(traces: Sequence[Trace], config: LLM) -> Iterator[tuple[str, str]]:
    """Yields (shorter reasoning, finish_reason) for every trace in order; finish_reason too_long has no text."""
    folder = Path(config.model)
    tokenizer = tokens.load(folder, config.revision)
    sampling = params.section(engines.Sampling, config.sampling, "compressors.*.sampling")
    inference = params.section(engines.Inference, config.inference, "compressors.*.inference")
    requests = {}
    for place, trace in enumerate(traces):
        prompt = tokens.ids(tokenizer, chat.prompt(tokenizer, config.prompt_template, render(trace)))
        if len(prompt) + sampling.max_new_tokens <= config.context:
            seed = engines.derived_seed(config.seed, trace.question_id, trace.sample)
            requests[place] = engines.Request(prompt, seed)
    engine = engines.load(folder, tokenizer.eos_token_id, inference, config.revision)
    places = list(requests)
    outputs = {places[i]: out for i, out in engine.generate(list(requests.values()), sampling)}
    for place in range(len(traces)):
        if place not in outputs:
            yield "", "too_long"
            continue
        text = tokenizer.decode(outputs[place].tokens, skip_special_tokens=True)
        yield chat.split(text)[1], outputs[place].finish_reason
