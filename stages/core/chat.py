"""The text of an example: prompt and completion for a student, and reading a completion back.

Chat templates that inject or strip think blocks are not asked for the assistant's turn: the template renders
the user's turn and the generation header, and what follows is ours alone. Training and inference both
call `prompt`, so that their prompts are the same by construction.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stages.core import tokens
from stages.core.complaints import quoted
from stages.core.errors import StageError
from stages.core.params import Positive

OPEN, CLOSE = "<think>", "</think>"
QUESTION = "{question}"  # of a prompt template
# How models set their reasoning apart: think tags, or the channels of gpt-oss (OpenAI's harmony format)
FORMATS = ("think", "harmony")
_TAG = re.compile(r"</?think>")
_OPENED = re.compile(r"^[^\S\n]*<think>", re.MULTILINE)  # elsewhere it is spoken of
_CHANNEL = re.compile(
    r"<\|channel\|>\s*(\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>(.*?)"
    r"(?=<\|(?:end|return|call|start|channel)\|>|$)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Text:
    """How a student is spoken to: its prompt template (None: the tokenizer's own) and longest example in tokens."""

    max_tokens: Positive
    prompt_template: str | None = None

    def __post_init__(self) -> None:
        check_template(self.prompt_template)


def check_template(template: str | None) -> None:
    """Raises StageError for a prompt template without a place for the question: every prompt would be the same."""
    if template is not None and QUESTION not in template:
        raise StageError(f"prompt_template: {quoted(template)}: without {QUESTION} every prompt is the same; put it in")


def prompt(
    tokenizer: Any,
    template: str | None,
    question: str,
    arguments: Mapping[str, Any] | None = None,
    system: str | None = None,
) -> str:
    """The user's turn and the generation header. Special tokens in the question are plain text there (see `plain`).

    `template` is a text with `{question}` in it; None takes the tokenizer's own chat template, with `arguments`
    (reasoning_effort, enable_thinking) and a `system` message, and raises StageError where it has none.
    """
    question = plain(tokenizer, question)
    if template is not None:
        return template.replace(QUESTION, question)
    if not tokenizer.chat_template:
        raise StageError(
            f"{tokenizer.name_or_path}: its tokenizer has no chat template; "
            "give the student a prompt_template in conf/profile/"
        )
    rendered = _rendered(tokenizer, question, arguments or {}, system)
    if question.strip() not in rendered:
        raise StageError(f"{tokenizer.name_or_path}: its chat template leaves the question out; give a prompt_template")
    return rendered


def messages(question: str, system: str | None) -> list[dict[str, str]]:
    """The turns before the model's own: the user's, after a system message where there is one."""
    first = [{"role": "system", "content": system}] if system else []
    return [*first, {"role": "user", "content": question}]


def _rendered(tokenizer: Any, question: str, arguments: Mapping[str, Any], system: str | None) -> str:
    turns = messages(question, system)
    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, **arguments))
    except Exception as error:  # a template is a program of someone else's, which fails in any way
        raise StageError(
            f"{tokenizer.name_or_path}: its chat template cannot be rendered: {type(error).__name__}: {error}; "
            "give a prompt_template in conf/profile/"
        ) from error


def plain(tokenizer: Any, text: str) -> str:
    """`text` with a space in what the tokenizer would read as special tokens, so that it cannot end its turn."""
    marks = tokens.special(tokenizer) if tokenizer else None
    return marks.sub(lambda mark: f"{mark[0][0]} {mark[0][1:]}", text) if marks else text


def completion(reasoning: str | None, answer: str, eos: str) -> str:
    """What a student learns to write after the prompt; `reasoning` None leaves the whole think block out."""
    think = "" if reasoning is None else f"{OPEN}\n{reasoning}\n{CLOSE}\n\n"
    return f"{think}{answer}{eos}"


def opens(prompt: str) -> bool:
    """Whether a prompt ends within a think block, so that what follows it begins as reasoning."""
    return prompt.rstrip().endswith(OPEN)


def thinks(prompt: str, question: str) -> bool:
    """Whether a prompt writes a tag of the think block after the question, where the completion would again."""
    header = prompt.rpartition(question)[2]
    return OPEN in header or CLOSE in header


def split(text: str, form: str = "think", opened: bool = False) -> tuple[str, str]:
    """(reasoning, answer) of a generated text in one of FORMATS; unclosed reasoning has no answer.

    `opened`: the prompt opened the think block, so a text without any tag is reasoning that was cut. The opening
    tag may be missing all the same, where a server took it for the prompt's. Tags inside the reasoning are removed.
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
    """The analysis and the final channel; what comes before the first mark is analysis that a prompt opened."""
    first = text.partition("<|channel|>")[0]
    before = re.split(r"<\|(?:end|return|call|start)\|>", first)[0].strip()
    said = [(name, body.strip()) for name, body in _CHANNEL.findall(text)]
    reasoning = [before, *(body for name, body in said if name != "final")]
    return "\n".join(filter(None, reasoning)), "\n".join(body for name, body in said if name == "final")
