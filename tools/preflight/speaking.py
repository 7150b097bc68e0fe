"""Whether a model is spoken to and read as the study means it: its prompt, its end, its reasoning
apart, its room.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core import chat, tokens
from stages.core.program.errors import shown
from stages.core.program.files import read_json
from tools.preflight.lines import Report

QUESTION = "What is 2 + 2?"
REASONING, ANSWER = "2 and 2 make 4.", "The answer is 4."
CHANNEL = "<|channel|>"  # of the harmony format alone
OTHER_DAY = "1999-12-31"
ENDS = 160  # characters of each end of a long prompt that are shown


@dataclass(frozen=True)
class Spoken:
    """A model as it is asked: its tokenizer, and a prompt as it is rendered for it."""

    tokenizer: Any
    prompt: str

    @property
    def length(self) -> int:
        """Tokens of the prompt."""
        return tokens.count(self.tokenizer, self.prompt)


@dataclass(frozen=True)
class Turn:
    """How a prompt is made: by a template of the params or, where that is None, by the tokenizer's
    with `arguments`.
    """

    template: str | None
    date: str | None
    question: str = QUESTION
    arguments: Mapping[str, Any] | None = None
    system: str | None = None

    def rendered(self, tokenizer: Any, date: str | None) -> str:
        """The prompt as the stages make it, on a day."""
        return chat.prompt(
            tokenizer, self.template, self.question, self.arguments, date=date, system=self.system
        )


def show_prompt(folder: Path, turn: Turn, report: Report, subject: str) -> Spoken | None:
    """Adds the prompt that a question becomes, and returns it; None where there is none.

    A chat template that reads the clock without a date in the params is an error there.
    """
    with report.errors_of(subject, "prompt"):
        tokenizer = tokens.load(folder)
        text = turn.rendered(tokenizer, turn.date)
        spoken = Spoken(tokenizer, text)
        both = text if len(text) <= 2 * ENDS else f"{text[:ENDS]} [...] {text[-ENDS:]}"
        report.ok(subject, "prompt", f"{spoken.length} tokens: {shown(both, 3 * ENDS)}")
        if turn.template is None:
            _day(tokenizer, turn, text, report, subject)
        return spoken
    return None


def _day(tokenizer: Any, turn: Turn, text: str, report: Report, subject: str) -> None:
    """Adds whether the date of the params is in the prompt `text`: another one makes another
    prompt.
    """
    if turn.date is None:
        report.ok(subject, "clock", "its chat template reads no clock")
    elif turn.rendered(tokenizer, OTHER_DAY) != text:
        report.ok(subject, "clock", f"its day is {turn.date}")
    else:
        finding = f"date {turn.date} is nowhere in the prompt: its chat template reads no clock"
        report.warning(
            subject,
            "clock",
            finding,
            "leave date out, or look for the day that the template writes by itself",
        )


def check_end(folder: Path, tokenizer: Any, report: Report, subject: str) -> None:
    """Adds whether the token that ends generation is one that the model itself ends with, as its
    files say.
    """
    eos = f"{tokenizer.eos_token} ({tokenizer.eos_token_id})"
    declared = set[int]()
    for name in ("generation_config.json", "config.json"):
        config = read_json(folder / name) if (folder / name).is_file() else {}
        value = config.get("eos_token_id", (config.get("text_config") or {}).get("eos_token_id"))
        declared |= {*(value if isinstance(value, list) else [value])} - {None}
    if not declared or tokenizer.eos_token_id in declared:
        report.ok(subject, "end", eos)
        return
    report.warning(
        subject,
        "end",
        f"answers end at the tokenizer's {eos}; its configs name {', '.join(map(str, sorted(declared)))}",
        "compare with the model's card: an answer that does not end runs to max_new_tokens",
    )


def check_split(spoken: Spoken, form: str, opened: bool, report: Report, subject: str) -> None:
    """Adds whether reasoning comes apart from the answer in a made-up text, through the tokenizer
    and back.
    """
    if (CHANNEL in spoken.tokenizer.get_vocab()) != (form == "harmony"):
        finding = f"output is {form}, and {CHANNEL} is {'none' if form == 'harmony' else 'one'} of the model's tokens"
        report.error(
            subject,
            "reasoning",
            finding,
            "set output to harmony for gpt-oss, to think for other models",
        )
        return
    _split(spoken, form, opened or chat.opens(spoken.prompt), report, subject)


def check_tags(spoken: Spoken, report: Report, subject: str) -> None:
    """Adds whether a student's completion, which is ours whatever its family, is read back as it is
    taught.
    """
    _split(spoken, "think", False, report, subject)


def _split(spoken: Spoken, form: str, opened: bool, report: Report, subject: str) -> None:
    ids = tokens.ids(spoken.tokenizer, _made_up(form, opened))
    text = spoken.tokenizer.decode(ids, skip_special_tokens=form == "think")
    reasoning, answer = chat.split(text, form, opened)
    report.judge(
        (reasoning, answer) == (REASONING, ANSWER),
        subject,
        "reasoning",
        f"{form}: of {shown(text, 120)}, reasoning is '{shown(reasoning)}', answer '{shown(answer)}'",
        "set opened as its template writes, or choose a model whose tokenizer keeps its tags as text",
    )


def _made_up(form: str, opened: bool) -> str:
    if form == "harmony":
        analysis = f"<|channel|>analysis<|message|>{REASONING}<|end|>"
        return f"{analysis}<|start|>assistant<|channel|>final<|message|>{ANSWER}"
    return chat.completion(REASONING, ANSWER, "").removeprefix(f"{chat.OPEN}\n" if opened else "")


def check_room(
    folder: Path, needed: int, limits: Mapping[str, int | None], report: Report, subject: str
) -> None:
    """Adds whether prompt and answer together fit what the params allow (`limits`, by name) and
    what the model can.
    """
    from transformers import AutoConfig

    with report.errors_of(subject, "context"):
        config = AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        ).get_text_config()
        given = {
            **limits,
            "max_position_embeddings": getattr(config, "max_position_embeddings", None),
        }
        sizes = {name: size for name, size in given.items() if size is not None}
        listed = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
        report.judge(
            needed <= min(sizes.values(), default=needed),
            subject,
            "context",
            f"{needed:,} tokens of prompt and answer; {listed}",
            "lower the tokens that may be written, or raise the limit that is passed",
        )


def check_traces(
    needed: int, trace: int, limits: Mapping[str, int | None], report: Report, subject: str
) -> None:
    """Adds a warning where the longest trace, of `trace` tokens, does not fit beside the `needed`
    others.
    """
    least = min((size for size in limits.values() if size is not None), default=needed + trace)
    if trace and needed + trace > least:
        report.warning(
            subject,
            "traces",
            f"a trace of {trace:,} tokens, which a teacher may write, makes {needed + trace:,}; {least:,} are allowed",
            "raise context and max_model_len: longer traces are dropped, and counted in metrics/",
        )
