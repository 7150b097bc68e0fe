"""The text of an example: prompt and completion for a student, and reading a completion back.

A chat template renders only the user's turn and the generation header. What follows is ours alone,
because some templates inject or strip think blocks in the assistant's turn. Training and inference
both call `prompt`, so their prompts are the same by construction.
"""

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.core import reasoning_marks, tokens
from stages.core.program.complaints import quoted
from stages.core.program.errors import StageError
from stages.core.program.params import Positive

OPEN, CLOSE = "<think>", "</think>"
QUESTION = "{question}"  # of a prompt template
# How models set their reasoning apart: think tags, or the channels of gpt-oss (OpenAI's harmony
# format)
FORMATS = ("think", "harmony")
# Earlier turns that a model is shown as examples: what the user wrote, and what it answered
Turns = Sequence[tuple[str, str]]
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SENTINEL = "question-2f7c41"  # a question that no template has in its own words
_TAG = re.compile(r"</?think>")
_OPENED = re.compile(r"^[^\S\n]*<think>", re.MULTILINE)  # elsewhere a text only speaks of it


@dataclass(frozen=True)
class Text:
    """How a student is spoken to."""

    max_tokens: Positive  # of its longest example
    prompt_template: str | None = None  # None: the tokenizer's own chat template
    date: str | None = None  # what a chat template that writes today's date gets

    def __post_init__(self) -> None:
        check_template(self.prompt_template, self.date)


def check_template(template: str | None, date: str | None) -> None:
    """Raises StageError for a template without a place for the question, and for a wrong date."""
    if template is not None and QUESTION not in template:
        raise StageError(
            f"prompt_template: {quoted(template)}: without {QUESTION} every prompt is the same; "
            "put it in"
        )
    if date is None:
        return
    try:
        if not _DAY.fullmatch(date):  # fromisoformat reads weeks too, such as 2026-W05
            raise ValueError
        datetime.date.fromisoformat(date)
    except ValueError:
        raise StageError(f"date: {quoted(date)}: expected a day like 2026-01-31") from None
    if template is not None:
        raise StageError(
            "date: a prompt_template reads no clock, so there is nothing to fix; leave it out"
        )


def prompt(
    tokenizer: Any,
    template: str | None,
    question: str,
    arguments: Mapping[str, Any] | None = None,
    system: str | None = None,
    date: str | None = None,
    examples: Turns = (),
) -> str:
    """The user's turn and the generation header.

    Special tokens in the question become plain text (see `plain`). `template` is a text with
    `{question}` in it. None takes the tokenizer's own chat template, with `arguments`
    (reasoning_effort, enable_thinking), a `system` message and `examples`. Raises StageError where there is no
    chat template, and where it reads the clock but no `date` is given: its prompts would change
    each day.
    """
    question = plain(tokenizer, question)
    if template is not None:
        return template.replace(QUESTION, question)
    if not tokenizer.chat_template:
        raise StageError(
            f"{tokenizer.name_or_path}: its tokenizer has no chat template; "
            "give the student a prompt_template in conf/profile/"
        )
    template_variables = dict(arguments or {}) | {"strftime_now": _clock(tokenizer, date)}
    turns = messages(question, system, examples)
    rendered = _rendered(tokenizer, turns, template_variables)
    if question.strip() not in rendered:
        raise StageError(
            f"{tokenizer.name_or_path}: its chat template leaves the question out; give a "
            "prompt_template"
        )
    return rendered


def messages(question: str, system: str | None, examples: Turns = ()) -> list[dict[str, str]]:
    """The turns before the model's own: a system message and examples, where there are some, and
    the user's.
    """
    turns = [{"role": "system", "content": system}] if system else []
    for asked, answered in examples:
        turns.append({"role": "user", "content": asked})
        turns.append({"role": "assistant", "content": answered})
    turns.append({"role": "user", "content": question})
    return turns


def _rendered(tokenizer: Any, turns: list[dict[str, str]], arguments: Mapping[str, Any]) -> str:
    try:
        return str(
            tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True, **arguments
            )
        )
    except StageError:  # the clock's
        raise
    except Exception as error:  # a template is someone else's program, which may raise anything
        raise StageError(
            f"{tokenizer.name_or_path}: its chat template cannot be rendered: "
            f"{type(error).__name__}: {error}; give a prompt_template in conf/profile/"
        ) from error


def _clock(tokenizer: Any, date: str | None) -> Callable[[str], str]:
    """A stand-in for transformers' `strftime_now`, from which chat templates read the time.

    It says midnight of `date`, and raises StageError without one.
    """

    def now(form: str) -> str:
        if date is None:
            raise StageError(
                f"{tokenizer.name_or_path}: its chat template reads the clock, so that prompts "
                'change each day and answers are paid for again; set `date: "2026-01-31"` beside '
                "the model in conf/profile/ (a student's in text), or give a prompt_template"
            )
        return datetime.datetime.fromisoformat(date).strftime(form)

    return now


def check_student(tokenizer: Any, text: Text) -> None:
    """Raises StageError for a student that no examples can be made for, before a teacher is paid.

    Its prompt may have no think block, because each completion begins with one.
    """
    if thinks(prompt(tokenizer, text.prompt_template, _SENTINEL, date=text.date), _SENTINEL):
        raise StageError(
            f"{tokenizer.name_or_path}: its prompt has a think block, and so has each completion; "
            "give a prompt_template that is the chat template's own turns without "
            f"{OPEN} or a mark like it"
        )


def plain(tokenizer: Any, text: str) -> str:
    """`text` with a space put into each special token, so that it cannot end its turn."""
    special_tokens = tokens.special(tokenizer) if tokenizer else None
    if not special_tokens:
        return text
    return special_tokens.sub(lambda token: f"{token[0][0]} {token[0][1:]}", text)


def completion(reasoning: str | None, answer: str, eos: str) -> str:
    """What a student learns to write after the prompt.

    Without reasoning (None) the whole think block is left out.
    """
    think = "" if reasoning is None else f"{OPEN}\n{reasoning}\n{CLOSE}\n\n"
    return f"{think}{answer}{eos}"


def opens(prompt: str) -> bool:
    """Whether a prompt ends within a think block, so that what follows it begins as reasoning."""
    return prompt.rstrip().endswith(OPEN)


def thinks(prompt: str, question: str) -> bool:
    """Whether a prompt marks reasoning after the question; the completion would mark it again.

    `question` must not be part of the template's own words.
    """
    return reasoning_marks.in_header(prompt.partition(question)[2])


def split(text: str, form: str = "think", opened: bool = False) -> tuple[str, str]:
    """(reasoning, answer) of a generated text in one of FORMATS.

    Unclosed reasoning has no answer. `opened`: the prompt opened the think block, so a text without
    any tag is reasoning that was cut. Even without `opened` the opening tag may be missing, where a
    server took it for the prompt's. Tags inside the reasoning are removed.
    """
    if form == "harmony":
        return _channels(text)
    # The last closing tag counts: reasoning may speak of the tag before it closes its block
    before, closed, after = text.rpartition(CLOSE)
    # A block that opens after it, or that the prompt opened and nothing closed, was cut
    if _OPENED.search(after) or (opened and not closed):
        return _untagged(text), ""
    return _untagged(before), after.strip()


def _untagged(text: str) -> str:
    """`text` without think tags, and without the space around them."""
    return "\n".join(part.strip() for part in _TAG.split(text)).strip()


def _channels(text: str) -> tuple[str, str]:
    """(reasoning, answer): the other channels and the final one.

    A text before the first mark is analysis that the prompt opened.
    """
    before_channels = text.partition("<|channel|>")[0]
    reasoning = [re.split(r"<\|(?:end|return|call|start)\|>", before_channels)[0].strip()]
    answer: list[str] = []
    for channel, body in reasoning_marks.channels(text):
        parts = answer if channel == "final" else reasoning
        parts.append(body.strip())
    return "\n".join(filter(None, reasoning)), "\n".join(answer)
