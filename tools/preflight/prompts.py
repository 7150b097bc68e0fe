"""Check whether a model is prompted and read as the study means it.

It is about its prompt, the end of its answers, its reasoning apart from the answer, and its
context.
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
REASONING = "2 and 2 make 4."
ANSWER = "The answer is 4."
CHANNEL = "<|channel|>"  # a token of the harmony format alone
OTHER_DAY = "1999-12-31"  # no study's date
SHOWN_CHARS = 160  # of each end of a long prompt


@dataclass(frozen=True)
class RenderedPrompt:
    """A prompt as it is rendered for a model, and the model's tokenizer."""

    tokenizer: Any
    prompt: str

    @property
    def length(self) -> int:
        """Tokens of the prompt."""
        return tokens.count(self.tokenizer, self.prompt)


@dataclass(frozen=True)
class Turn:
    """What a prompt is made of."""

    template: str | None  # of the params; None for the tokenizer's own chat template
    date: str | None
    question: str = QUESTION
    arguments: Mapping[str, Any] | None = None  # of the tokenizer's own template
    system: str | None = None
    examples: chat.Turns = ()

    def rendered(self, tokenizer: Any, date: str | None) -> str:
        """The prompt as the stages make it, with a date."""
        return chat.prompt(
            tokenizer,
            self.template,
            self.question,
            self.arguments,
            self.system,
            date,
            self.examples,
        )


def show_prompt(folder: Path, turn: Turn, report: Report, subject: str) -> RenderedPrompt | None:
    """Adds the prompt that a question becomes, and returns it; None where it cannot be rendered.

    `folder` has the tokenizer. A chat template that reads the clock without a date in the params is
    an error.
    """
    with report.errors_of(subject, "prompt"):
        tokenizer = tokens.load(folder)
        text = turn.rendered(tokenizer, turn.date)
        rendered = RenderedPrompt(tokenizer, text)
        excerpt = text
        if len(text) > 2 * SHOWN_CHARS:
            excerpt = f"{text[:SHOWN_CHARS]} [...] {text[-SHOWN_CHARS:]}"
        finding = f"{rendered.length} tokens: {shown(excerpt, 3 * SHOWN_CHARS)}"
        report.ok(subject, "prompt", finding)
        if turn.template is None:
            _check_date(tokenizer, turn, text, report, subject)
        return rendered
    return None


def _check_date(tokenizer: Any, turn: Turn, text: str, report: Report, subject: str) -> None:
    """Adds whether the date of the params is in the prompt `text`.

    It is there if another date makes another prompt.
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
    """Adds whether the token that ends generation is one that the model's own files name."""
    eos = f"{tokenizer.eos_token} ({tokenizer.eos_token_id})"
    declared = _declared_ends(folder)
    if not declared or tokenizer.eos_token_id in declared:
        report.ok(subject, "end", eos)
        return
    listed = ", ".join(map(str, sorted(declared)))
    report.warning(
        subject,
        "end",
        f"answers end at the tokenizer's {eos}; its configs name {listed}",
        "compare with the model's card: an answer that does not end runs to max_new_tokens",
    )


def _declared_ends(folder: Path) -> set[int]:
    """The ids that a model's generation config and config name as EOS."""
    declared: set[int | None] = set()
    for file_name in ("generation_config.json", "config.json"):
        config = read_json(folder / file_name) if (folder / file_name).is_file() else {}
        text_config = config.get("text_config") or {}
        eos_ids = config.get("eos_token_id", text_config.get("eos_token_id"))
        if isinstance(eos_ids, list):
            declared.update(eos_ids)
        else:
            declared.add(eos_ids)
    return {token_id for token_id in declared if token_id is not None}


def check_reasoning(
    rendered: RenderedPrompt, form: str, opened: bool, report: Report, subject: str
) -> None:
    """Adds whether reasoning comes apart from the answer.

    It is tried on a made-up text, which goes through the tokenizer and back. `form` is the output
    format of the params, and `opened` says that the prompt opens the reasoning itself.
    """
    has_channels = CHANNEL in rendered.tokenizer.get_vocab()
    if has_channels != (form == "harmony"):
        count = "one" if has_channels else "none"
        finding = f"output is {form}, and {CHANNEL} is {count} of the model's tokens"
        report.error(
            subject,
            "reasoning",
            finding,
            "set output to harmony for gpt-oss, to think for other models",
        )
        return
    _check_split(rendered, form, opened or chat.opens(rendered.prompt), report, subject)


def check_tags(rendered: RenderedPrompt, report: Report, subject: str) -> None:
    """Adds whether a student's completion is read back as it is taught.

    The format of completions is ours, whatever the student's family.
    """
    _check_split(rendered, "think", False, report, subject)


def _check_split(
    rendered: RenderedPrompt, form: str, opened: bool, report: Report, subject: str
) -> None:
    # Decoded as the engines decode: only the harmony format needs its special tokens
    ids = tokens.ids(rendered.tokenizer, _example_output(form, opened))
    text = rendered.tokenizer.decode(ids, skip_special_tokens=form == "think")
    reasoning, answer = chat.split(text, form, opened)
    report.judge(
        (reasoning, answer) == (REASONING, ANSWER),
        subject,
        "reasoning",
        f"{form}: of {shown(text, 120)}, reasoning is '{shown(reasoning)}', "
        f"answer '{shown(answer)}'",
        "set opened as its template writes, "
        "or choose a model whose tokenizer keeps its tags as text",
    )


def _example_output(form: str, opened: bool) -> str:
    """What a model of this output format would write after its prompt."""
    if form == "harmony":
        analysis = f"<|channel|>analysis<|message|>{REASONING}<|end|>"
        return f"{analysis}<|start|>assistant<|channel|>final<|message|>{ANSWER}"
    return chat.completion(REASONING, ANSWER, "").removeprefix(f"{chat.OPEN}\n" if opened else "")


def check_context(
    folder: Path, needed: int, limits: Mapping[str, int | None], report: Report, subject: str
) -> None:
    """Adds whether the `needed` tokens of prompt and answer fit the context.

    They must fit the limits of the params, given by name, and the model's own.
    """
    from transformers import AutoConfig

    with report.errors_of(subject, "context"):
        config = AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        ).get_text_config()
        own_limit = getattr(config, "max_position_embeddings", None)
        all_limits = {**limits, "max_position_embeddings": own_limit}
        known_limits = {name: limit for name, limit in all_limits.items() if limit is not None}
        listed = ", ".join(f"{name} {limit:,}" for name, limit in known_limits.items())
        report.judge(
            needed <= min(known_limits.values(), default=needed),
            subject,
            "context",
            f"{needed:,} tokens of prompt and answer; {listed}",
            "lower the tokens that may be written, or raise the limit that is passed",
        )


def check_traces(
    needed: int, trace_tokens: int, limits: Mapping[str, int | None], report: Report, subject: str
) -> None:
    """Adds a warning where the longest trace does not fit the limits of the params.

    It has `trace_tokens` tokens, and the `needed` tokens of prompt and answer come beside it.
    """
    total = needed + trace_tokens
    allowed = min((limit for limit in limits.values() if limit is not None), default=total)
    if trace_tokens and total > allowed:
        report.warning(
            subject,
            "traces",
            f"a trace of {trace_tokens:,} tokens, which a teacher may write, makes {total:,}; "
            f"{allowed:,} are allowed",
            "raise context and max_model_len: longer traces are dropped, and counted in metrics/",
        )
