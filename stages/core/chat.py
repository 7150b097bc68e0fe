"""The text of an example: prompt and completion for a student, and reading a completion back.

A chat template renders only the user's turn and the generation header. What follows is ours alone,
because some templates inject or strip think blocks in the assistant's turn. Training and inference
both call `prompt`, so their prompts are the same by construction.
"""

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stages.core import tokens
from stages.core.program.complaints import quoted
from stages.core.program.errors import StageError
from stages.core.program.params import Positive

OPEN, CLOSE = "<think>", "</think>"
QUESTION = "{question}"  # of a prompt template
# How models set their reasoning apart: think tags, or the channels of gpt-oss (OpenAI's harmony
# format)
FORMATS = ("think", "harmony")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Models' names for their reasoning, as in <think>. Those in OTHERS are also tags of documents, so
# they count only at the beginning or the end of a text.
THINKING = (
    r"(?:[a-z][\w.-]{0,20}[:_|])?(?:think(?:ing)?|thoughts?|thought_process|chain_of_thought)"
)
OTHERS = r"reasoning|reason|analysis|reflection|rationale|scratchpad|cot|inner_monologue|internal_monologue"
STYLES = (
    ("<{}>", "</{}>"),
    ("[{}]", "[/{}]"),
    ("\u25c1{}\u25b7", "\u25c1/{}\u25b7"),
    ("<|begin_of_{}|>", "<|end_of_{}|>"),
    ("<|start_of_{}|>", "<|end_of_{}|>"),
    ("<|begin_{}|>", "<|end_{}|>"),
    ("<|start_{}|>", "<|end_{}|>"),
    ("<|{}_begin|>", "<|{}_end|>"),
    ("<|{}_start|>", "<|{}_end|>"),
    ("<|{}|>", "<|/{}|>"),  # after those that have more in their names
    ("<\uff5c{}\uff5c>", "<\uff5c/{}\uff5c>"),
)
# Marks without a name: before the reasoning, and before the answer
PHRASES = (
    (r"(?:assistant\n*)?analysis", r"assistant\n*final"),  # harmony without its special tokens
    (r"<\|channel>\s*\w+\n", r"<channel\|>"),
    (r"<unused94>\s*thought\n", r"<unused95>"),
    (r"here are my reasoning steps:", r"\[begin final response\]"),
    (r"here is my thought process:", r"here is my response:"),
    (r"#+ *thinking\b:?[^\S\n]*\n", r"\n#+ *(?:final )?(?:response|answer)\b:?[^\S\n]*\n"),
)
_SENTINEL = "question-2f7c41"  # a question that no template has in its own words
_TAG = re.compile(r"</?think>")
_OPENED = re.compile(r"^[^\S\n]*<think>", re.MULTILINE)  # elsewhere a text only speaks of it
# (channel, body) of <|channel|>analysis<|message|>1 + 1 = 2<|end|>
_CHANNEL = re.compile(
    r"<\|channel\|>\s*(\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>(.*?)"
    r"(?=<\|(?:end|return|call|start|channel)\|>|$)",
    re.DOTALL,
)


def _marks(names: str) -> str:
    """A pattern of the marks of all styles, opening or closing, with one of these names."""
    forms = [re.escape(form) for style in STYLES for form in style]
    named = [form.replace(r"\{\}", f"(?:{names})") for form in forms]
    return f"(?:{'|'.join(named)})"


_MARK = re.compile(_marks(THINKING), re.IGNORECASE)
_ENDS = [
    re.compile(rf"{end}\s*$", re.IGNORECASE)
    for end in (_marks(OTHERS), *(rf"(?:\b|(?!\w))(?:{opening})" for opening, _ in PHRASES))
]


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
            f"prompt_template: {quoted(template)}: without {QUESTION} every prompt is the same; put it in"
        )
    if date is None:
        return
    try:
        if not _DAY.fullmatch(date):  # Python reads weeks too
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
) -> str:
    """The user's turn and the generation header.

    Special tokens in the question become plain text (see `plain`). `template` is a text with
    `{question}` in it. None takes the tokenizer's own chat template, with `arguments`
    (reasoning_effort, enable_thinking) and a `system` message. Raises StageError where there is no
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
    clocked = dict(arguments or {}) | {"strftime_now": _clock(tokenizer, date)}
    rendered = _rendered(tokenizer, question, clocked, system)
    if question.strip() not in rendered:
        raise StageError(
            f"{tokenizer.name_or_path}: its chat template leaves the question out; give a prompt_template"
        )
    return rendered


def messages(question: str, system: str | None) -> list[dict[str, str]]:
    """The turns before the model's own: the user's, after a system message where there is one."""
    turns = [{"role": "user", "content": question}]
    if system:
        turns.insert(0, {"role": "system", "content": system})
    return turns


def _rendered(
    tokenizer: Any, question: str, arguments: Mapping[str, Any], system: str | None
) -> str:
    turns = messages(question, system)
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
            f"{tokenizer.name_or_path}: its chat template cannot be rendered: {type(error).__name__}: {error}; "
            "give a prompt_template in conf/profile/"
        ) from error


def _clock(tokenizer: Any, date: str | None) -> Callable[[str], str]:
    """A stand-in for transformers' `strftime_now`, from which chat templates read the time.

    It says midnight of `date`, and raises StageError without one.
    """

    def now(form: str) -> str:
        if date is None:
            raise StageError(
                f"{tokenizer.name_or_path}: its chat template reads the clock, so that prompts change each day and "
                'answers are paid for again; set `date: "2026-01-31"` beside the model in conf/profile/ (a student\'s '
                "in text), or give a prompt_template"
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
            f"give a prompt_template that is the chat template's own turns without {OPEN} or a mark like it"
        )


def plain(tokenizer: Any, text: str) -> str:
    """`text` with a space put into each special token, so that it cannot end its turn."""
    marks = tokens.special(tokenizer) if tokenizer else None
    return marks.sub(lambda mark: f"{mark[0][0]} {mark[0][1:]}", text) if marks else text


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

    `question` must not be part of the template's own words. Marks with other meanings too count
    only at the end.
    """
    header = prompt.partition(question)[2]
    if _MARK.search(header) or any(end.search(header) for end in _ENDS):
        return True
    return any(name != "final" for name, _ in _CHANNEL.findall(header))


def split(text: str, form: str = "think", opened: bool = False) -> tuple[str, str]:
    """(reasoning, answer) of a generated text in one of FORMATS.

    Unclosed reasoning has no answer. `opened`: the prompt opened the think block, so a text without
    any tag is reasoning that was cut. Even without `opened` the opening tag may be missing, where a
    server took it for the prompt's. Tags inside the reasoning are removed.
    """
    if form == "harmony":
        return _channels(text)
    before, closed, after = text.rpartition(CLOSE)
    if _OPENED.search(after) or (opened and not closed):
        return _untagged(text), ""
    return _untagged(before), after.strip()


def _untagged(text: str) -> str:
    return "\n".join(part.strip() for part in _TAG.split(text)).strip()


def _channels(text: str) -> tuple[str, str]:
    """(reasoning, answer): the other channels and the final one.

    A text before the first mark is analysis that the prompt opened.
    """
    first = text.partition("<|channel|>")[0]
    reasoning = [re.split(r"<\|(?:end|return|call|start)\|>", first)[0].strip()]
    answer: list[str] = []
    for channel, body in _CHANNEL.findall(text):
        (answer if channel == "final" else reasoning).append(body.strip())
    return "\n".join(filter(None, reasoning)), "\n".join(answer)
