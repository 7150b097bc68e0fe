"""The prompt of a compressor that is a model: a template from the params, filled with a trace."""

import functools
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from pydantic import ConfigDict
from typing_extensions import TypedDict

from stages.core.program.params import NotEmpty

# The template of a compressor that has none in the params
DEFAULT = Path(__file__).parents[4] / "conf" / "prompts" / "compress.txt"
PARTS = re.compile(r"\{(mark|question|reasoning|answer)\}")  # what a template may name
# What follows a prompt whose first answer would be dropped
_AGAIN = """
An earlier attempt at this was turned down. What was wrong with it: {fault}.
"""


class Example(TypedDict):
    """An example in the params: a trace, and its shortened reasoning."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[misc]

    question: NotEmpty
    reasoning: NotEmpty
    answer: NotEmpty
    compressed: NotEmpty


@functools.cache
def default_template() -> str:
    """The text of the file DEFAULT."""
    return DEFAULT.read_text(encoding="utf-8")


def mark(question: str, reasoning: str, answer: str) -> str:
    """A word of eight hexadecimal digits that the question, reasoning and answer do not contain.

    It tells the prompt's own marks from anything in them.
    """
    material = f"{question}\n{reasoning}\n{answer}"
    word = ""
    while not word or word in material:
        word = hashlib.sha256((word + material).encode()).hexdigest()[:8]
    return word


def render(
    template: str,
    question: str,
    reasoning: str,
    answer: str,
    plain: Callable[[str], str] = str,
) -> str:
    """The prompt for one trace: `template`, in which PARTS are replaced.

    Braces and marks in the question, reasoning and answer stay as they are. `plain` makes harmless
    what the model would read as special tokens.
    """
    parts = {
        "mark": mark(question, reasoning, answer),
        "question": plain(question),
        "reasoning": plain(reasoning),
        "answer": plain(answer),
    }
    # All at once and not by str.format, because parts and template may hold other braces
    return PARTS.sub(lambda match: parts[match[1]], template)


def render_again(prompt: str, fault: str) -> str:
    """The prompt of a retry: the first one, and what was wrong with the answer to it."""
    return prompt + _AGAIN.format(fault=fault)
