r"""Where an answer may say what its final value is.

Such places are boxes, and statements led by an answer phrase or a heading. `strong` finds them, the
last one first; final.py asks a reader for their values and looks for what takes them back.
"""

import itertools
import re
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from stages.core.grading.statement import boxes
from stages.core.grading.statement.sentences import LONGEST
from stages.core.grading.statement.visible import BULLET

Form = Literal["box", "lead", "sentence"]
Value = TypeVar("Value")

_MOST_LEADS = 50  # led statements of one answer
_LEAD = re.compile(
    # "the final answer", "my response"
    r"(?<![\w-])(?:(?:final |correct |my )?answers?"
    r"|(?:final|correct|right|my) (?:response|verdict))(?![\w-])"
    r"[\s*_)\]\"']{0,9}"
    # "(rounded)", "to the question", "based on the passage"
    r"(?:\([^()\n]{1,60}\)\s*|here\s)?"
    r"(?:(?:to|in|for|of|as|based on|according to)\s(?:[\w'\"?$\\.-]{1,20}\s){1,8}?)?"
    # "therefore is", "must be", "=>", ":"
    r"(?:,? ?(?:then|therefore|thus|hence),? )?"
    r"(?:is|are|stays|remains|(?:must|should|would|will) be|equals|comes to|turns out to be"
    r"|=>|->|:|=|[-\u2013\u2014](?=\s))(?![\w-])[\s:=\"']*"
    # "#### 5" and, at a line's beginning, "Ans: 5"
    r"|(?:^|(?<=\s))#{4}(?!#)[ \t]*"
    r"|^[ \t]*\"?(?:my |final )?(?:ans|verdict|correct|final)\.?\"?[ \t]*[:=]\s*\"?"
    # a line of its own: "The final answer", "Result:"
    r"|^[ \t]*(?:the )?(?:final |correct )?(?:answers?|result|solution)[ \t]*[:.]?[ \t]*$\s*",
    re.IGNORECASE | re.MULTILINE,
)
# Weaker ones, asked where none of the above can be read: "The result is", "Choice:"
_WEAK_LEAD = re.compile(
    r"\b(?<!each )(?<!every )(?:results?|solutions?|roots?|choice"
    r"|option|conclusion|selection|ending)\s{0,3}(?:is|are|:|=)(?!\w)[\s:=\"']*",
    re.IGNORECASE,
)
_CLOSING_OF_FORMULA = {"$$": "$$", "\\[": "\\]", "\\(": "\\)"}


class UnclearError(Exception):
    """A statement is about a value of the wanted kind, and does not say one.

    It denies a value, bounds it, or gives several.
    """


class Reader(Protocol[Value]):
    """Reads values of one kind.

    `opens`: an answer may stand in the first sentence, with its reasons after it.
    """

    opens: bool

    def read(self, statement: "Statement") -> Value | None:
        """The statement's value; None where it says nothing of this kind. Raises UnclearError."""

    def bare(self, text: str) -> Value | None:
        """The value that `text` is; None where more than marks stands around it."""

    def names_another(self, text: str, value: Value) -> bool:
        """Whether a value other than `value` stands in `text`."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What may be the final answer: its text, and where it stands in the graded text.

    A box's text is the value and nothing else.
    """

    text: str
    begin: int = 0
    end: int = 0
    form: Form = "sentence"
    lead: int = 0  # where the words that lead to it begin
    # Whether it is a text's first sentence, read because the last one says nothing
    opening: bool = False


def strong(text: str) -> list[Statement]:
    """The boxes and the led statements, the last one first; the last weakly led one at the end."""
    boxed = [
        Statement(text=box.content, begin=box.begin, end=box.end, form="box")
        for box in boxes.groups(text)
    ]
    statements = boxed + _led(text, _LEAD)
    statements.sort(key=lambda statement: statement.begin, reverse=True)
    return statements + _led(text, _WEAK_LEAD)[-1:]


def in_its_words(text: str) -> str:
    """The final answer in the words of `text`: its last box or led statement, else all of it."""
    statements = strong(text)
    answer = statements[0].text if statements else text
    return answer.strip().strip("*_` ").removesuffix(".").strip().strip("*_`").strip()


def _led(text: str, lead: re.Pattern[str]) -> list[Statement]:
    """The statements that a match of `lead` leads to, in order."""
    statements: list[Statement] = []
    for match in lead.finditer(text):
        begin = match.end()
        end = _quote_end(text, begin) or _line_end(text, begin)
        if text[begin:end].strip(" \t.$\\()[]\"'"):
            block = _block(text, begin, end)
            statements.append(
                Statement(text=block, begin=begin, end=end, form="lead", lead=match.start())
            )
    return statements[-_MOST_LEADS:]


def _quote_end(text: str, begin: int) -> int | None:
    """Where a value of JSON ends: `{"answer": "5 pens", "sure": true}`; None where none begins."""
    if text[begin - 1] != '"' or not re.search(r'"\s*:\s*"$', text[:begin]):
        return None
    end = text.find('"', begin)
    return end if end >= 0 else None


def _line_end(text: str, begin: int) -> int:
    """Where the line from `begin` ends; a displayed formula that spans lines is one line."""
    closing = _CLOSING_OF_FORMULA.get(text[begin : begin + 2])
    close = text.find(closing, begin + 2, begin + LONGEST) if closing else -1
    end = text.find("\n", max(begin, close))
    return end if end >= 0 else len(text)


def _block(text: str, begin: int, end: int) -> str:
    """The statement's line; where a list begins there, its items joined by semicolons."""
    line = text[begin:end]
    if not text.startswith(BULLET, begin) and not text.endswith(BULLET, 0, begin):
        return line[:LONGEST]
    following = text[end + 1 : end + LONGEST].splitlines()
    items = [line, *itertools.takewhile(lambda item: item.startswith(BULLET), following)]
    return "; ".join(item.removeprefix(BULLET) for item in items)
