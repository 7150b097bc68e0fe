"""The text of an example: prompt and completion for a student, and reading a completion back.

Chat templates that inject or strip think blocks are not asked for the assistant's turn: the template renders
the user's turn and the generation header, and what follows is ours alone. Training and inference both
call `prompt`, so that their prompts are the same by construction.
"""

from dataclasses import dataclass
from typing import Any

from stages.core.errors import StageError

OPEN, CLOSE = "<think>", "</think>"


@dataclass(frozen=True)
class Text:
    """How a student is spoken to: its prompt template (None: the tokenizer's own) and longest example in tokens."""

    max_tokens: int
    prompt_template: str | None = None


def prompt(tokenizer: Any, template: str | None, question: str) -> str:
    """The user's turn and the generation header.

    `template` is a text with `{question}` in it; None takes the tokenizer's own chat template, and raises
    StageError where it has none.
    """
    if template is not None:
        return template.replace("{question}", question)
    if not tokenizer.chat_template:
        raise StageError(
            f"{tokenizer.name_or_path}: its tokenizer has no chat template; "
            "give the student a prompt_template in conf/profile/"
        )
    turns = [{"role": "user", "content": question}]
    return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))


def completion(reasoning: str | None, answer: str, eos: str) -> str:
    """What a student learns to write after the prompt; `reasoning` None leaves the whole think block out."""
    think = "" if reasoning is None else f"{OPEN}\n{reasoning}\n{CLOSE}\n\n"
    return f"{think}{answer}{eos}"


def split(text: str) -> tuple[str, str]:
    """(reasoning, answer) of a generated text; an unclosed think block is all reasoning and no answer.

    The opening tag may be missing, as where the template prefills it.
    """
    before, closed, after = text.rpartition(CLOSE)
    if closed:
        return before.strip().removeprefix(OPEN).strip(), after.strip()
    if text.lstrip().startswith(OPEN):
        return text.lstrip().removeprefix(OPEN).strip(), ""
    return "", text.strip()
