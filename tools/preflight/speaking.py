"""Whether a model is spoken to and read as the study means it: its prompt, its end, its reasoning apart, its room."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core import chat, tokens
from stages.core.complaints import quoted
from stages.core.files import read_json
from tools.preflight.lines import Report

QUESTION = "What is 2 + 2?"
REASONING, ANSWER = "2 and 2 make 4.", "The answer is 4."


@dataclass(frozen=True)
class Spoken:
    """A model as it is asked: its tokenizer, and a prompt as it is rendered for it."""

    tokenizer: Any
    prompt: str

    @property
    def length(self) -> int:
        """Tokens of the prompt."""
        return tokens.count(self.tokenizer, self.prompt)


def show_prompt(
    folder: Path,
    template: str | None,
    arguments: Mapping[str, Any],
    date: str | None,
    report: Report,
    subject: str,
    question: str = QUESTION,
) -> Spoken | None:
    """Adds the prompt that a question becomes; None where there is none.

    A chat template that reads the clock without a `date` in the params is an error there.
    """
    with report.errors_of(subject, "prompt"):
        tokenizer = tokens.load(folder)
        spoken = Spoken(tokenizer, chat.prompt(tokenizer, template, question, arguments, date))
        report.ok(subject, "prompt", f"{spoken.length} tokens: {quoted(_shown(spoken.prompt))}")
        if template is None:
            report.ok(subject, "clock", f"written as on {date}" if date else "its chat template reads no clock")
        return spoken
    return None


def _shown(prompt: str) -> str:
    """The prompt, of a long one both ends."""
    return prompt if len(prompt) <= 400 else f"{prompt[:150]} [...] {prompt[-150:]}"


def check_end(folder: Path, tokenizer: Any, report: Report, subject: str) -> None:
    """Adds whether the token that ends generation is one that the model itself ends with, as its files say."""
    eos = f"{tokenizer.eos_token} ({tokenizer.eos_token_id})"
    declared = set[int]()
    for name in ("generation_config.json", "config.json"):
        found = read_json(folder / name) if (folder / name).is_file() else {}
        value = found.get("eos_token_id", (found.get("text_config") or {}).get("eos_token_id"))
        declared |= {*(value if isinstance(value, list) else [value])} - {None}
    if declared and tokenizer.eos_token_id not in declared:
        known = ", ".join(map(str, sorted(declared)))
        report.warning(
            subject,
            "end",
            f"answers end at the tokenizer's {eos}; config and generation config name {known}",
            "compare with the model's card: an answer that does not end runs to max_new_tokens",
        )
        return
    report.ok(subject, "end", eos)


def check_split(spoken: Spoken, form: str, opened: bool, report: Report, subject: str) -> None:
    """Adds whether reasoning comes apart from the answer in a made-up text, through the tokenizer and back."""
    said = _made_up(form, opened or chat.opens(spoken.prompt))
    ids = tokens.ids(spoken.tokenizer, said)
    text = spoken.tokenizer.decode(ids, skip_special_tokens=form == "think")
    found = chat.split(text, form, opened or chat.opens(spoken.prompt))
    report.judge(
        found == (REASONING, ANSWER),
        subject,
        "reasoning",
        f"{form}: {quoted(text)} is read as reasoning {quoted(found[0])} and answer {quoted(found[1])}",
        f"set output to another of {', '.join(chat.FORMATS)}, or opened",
    )


def _made_up(form: str, opened: bool) -> str:
    if form == "harmony":
        analysis = f"<|channel|>analysis<|message|>{REASONING}<|end|>"
        return f"{analysis}<|start|>assistant<|channel|>final<|message|>{ANSWER}"
    return chat.completion(REASONING, ANSWER, "").removeprefix(f"{chat.OPEN}\n" if opened else "")


def check_room(folder: Path, needed: int, engines: int | None, report: Report, subject: str, remedy: str) -> None:
    """Adds whether prompt and answer together fit what the engine is told (`engines`) and what the model can."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False).get_text_config()
    longest = getattr(config, "max_position_embeddings", None)
    limits = {"max_model_len": engines, "max_position_embeddings": longest}
    known = {name: limit for name, limit in limits.items() if limit is not None}
    finding = f"{needed:,} tokens of prompt and answer; " + ", ".join(f"{one} {size:,}" for one, size in known.items())
    report.judge(needed <= min(known.values(), default=needed), subject, "context", finding, remedy)
