r"""Where an answer may say what its final value is: boxes, and statements led by an answer phrase
or a heading.

`strong` finds them, the last one first; final.py asks a reader for their values and looks for what
takes them back.
"""

import itertools
import re
from dataclasses import dataclass
from typing import Protocol, TypeVar

from stages.core.grading.statement import boxes
from stages.core.grading.statement.sentences import LONGEST
from stages.core.grading.statement.visible import BULLET

_LEAD = re.compile(
    r"(?<![\w-])(?:(?:final |correct |my )?answers?|(?:final|correct|right|my) response)(?![\w-])[\s*_)\]\"']{0,9}"
    # "to the question", "based on the passage"
    r"(?:\([^()\n]{1,60}\)\s*|here\s)?(?:(?:to|in|for|of|as|based on|according to)\s(?:[\w'\"?$\\.-]{1,20}\s){1,8}?)?"
    r"(?:,? ?(?:then|therefore|thus|hence),? )?(?:is|are|(?:must|should|would|will) be|equals|comes to|turns out to be"
    r"|=>|->|:|=|[-\u2013\u2014](?=\s))(?![\w-])[\s:=\"']*"
    r"|(?:^|(?<=\s))#{4}(?!#)[ \t]*|^[ \t]*\"?(?:my |final )?(?:ans|verdict|correct|final)\.?\"?[ \t]*[:=]\s*\"?"
    r"|^[ \t]*(?:the )?(?:final |correct )?(?:answers?|result|solution)[ \t]*[:.]?[ \t]*$\s*",
    re.IGNORECASE | re.MULTILINE,
)
# Weaker ones, asked where none of the above can be read
_WEAK_LEAD = re.compile(
    r"\b(?<!each )(?<!every )(?:results?|solutions?|roots?|choice"
    r"|option|conclusion|selection|ending)\s{0,3}(?:is|are|:|=)(?!\w)[\s:=\"']*",
    re.IGNORECASE,
)
Value = TypeVar("Value")


class UnclearError(Exception):
    """A statement is about a value of the wanted kind, and does not say one: it denies, bounds, or
    gives several.
    """


class Reader(Protocol[Value]):
    """Reads values of one kind. `opens`: an answer may stand in the first sentence, with its
    reasons after it.
    """

    opens: bool

    def read(self, statement: "Statement") -> Value | None:
        """The statement's value; None where it says nothing of this kind. Raises UnclearError."""

    def bare(self, text: str) -> Value | None:
        """The value that `text` is, with nothing but marks around it; None where it is more or less
        than that.
        """

    def names_another(self, text: str, value: Value) -> bool:
        """Whether `text` names a value of this kind, other than `value`."""


@dataclass(frozen=True)
class Statement:
    """What may be the final answer: its text, and where it stands in the graded text.

    `form` is box, lead or sentence. A box's text is the value and nothing else.
    """

    text: str
    begin: int
    end: int
    form: str
    lead: int = 0  # where the words that lead to it begin
    opening: bool = (
        False  # whether it is a text's first sentence, read because the last one says nothing
    )


def strong(text: str) -> list[Statement]:
    """The boxes and the led statements, the last one first; the last weakly led one at the end."""
    boxed = [Statement(box.content, box.begin, box.end, "box") for box in boxes.groups(text)]
    stated = sorted(boxed + _led(text, _LEAD), key=lambda statement: statement.begin, reverse=True)
    return stated + _led(text, _WEAK_LEAD)[-1:]


def _led(text: str, lead: re.Pattern[str]) -> list[Statement]:
    found = []
    for match in lead.finditer(text):
        end = _quote_end(text, match.end()) or _line_end(text, match.end())
        if text[match.end() : end].strip(" \t.$\\()[]\"'"):
            found.append(
                Statement(_block(text, match.end(), end), match.end(), end, "lead", match.start())
            )
    return found[-50:]


def _quote_end(text: str, begin: int) -> int | None:
    """Where a value of JSON ends: `{"answer": "5 pens", "sure": true}`; None where none begins."""
    if text[begin - 1] != '"' or not re.search(r'"\s*:\s*"$', text[:begin]):
        return None
    end = text.find('"', begin)
    return end if end >= 0 else None


def _line_end(text: str, begin: int) -> int:
    """Where the line from `begin` ends; a displayed formula that spans lines is one line."""
    closing = {"$$": "$$", "\\[": "\\]", "\\(": "\\)"}.get(text[begin : begin + 2])
    close = text.find(closing, begin + 2, begin + LONGEST) if closing else -1
    end = text.find("\n", max(begin, close))
    return end if end >= 0 else len(text)


def _block(text: str, begin: int, end: int) -> str:
    """The statement's line; where it is the first item of a list, the list, its items joined by
    semicolons.
    """
    line = text[begin:end]
    if not text.startswith(BULLET, begin) and not text.endswith(BULLET, 0, begin):
        return line[:LONGEST]
    following = text[end + 1 : end + LONGEST].splitlines()
    items = [line, *itertools.takewhile(lambda item: item.startswith(BULLET), following)]
    return "; ".join(item.removeprefix(BULLET) for item in items)


def in_its_words(text: str) -> str:
    """The final answer in the words of `text`: its last box or led statement, else all of it."""
    candidates = strong(text)
    stated = candidates[0].text if candidates else text
    return stated.strip().strip("*_` ").removesuffix(".").strip().strip("*_`").strip()
