r"""Where an answer says what its final value is, and whether it takes that back.

`final_value` tries the statements of a text, best first:

1. the last `\boxed{}`, or the last statement led by an answer phrase ("the answer is", "Answer:", "####", a heading),
   whichever comes later, then the ones before it;
2. the last sentence that says something ("I hope this helps." says nothing);
3. the first sentence, where it is a value and nothing else.

A statement that its reader cannot read as a value of the wanted kind yields to the next. One that is denied, or taken
back by what follows it, ends the search among what stands before it.
"""

import itertools
import re
from dataclasses import dataclass
from typing import Protocol, TypeVar

from stages.core.grading import boxes, words
from stages.core.grading.sentences import LONGEST, sentence_end, sentences
from stages.core.grading.visible import BULLET

_LEAD = re.compile(
    r"(?<![\w-])(?:final |correct |my )?answers?(?![\w-])[\s*_)\]\"']{0,9}"
    # "to the question", "based on the passage"
    r"(?:\([^()\n]{1,60}\)\s*|here\s)?(?:(?:to|in|for|of|as|based on|according to)\s(?:[\w'\"?$\\.-]{1,20}\s){1,8}?)?"
    r"(?:,? ?(?:then|therefore|thus|hence),? )?(?:is|are|(?:must|should|would|will) be|equals|comes to|turns out to be"
    r"|=>|->|:|=|[-\u2013\u2014](?=\s))(?![\w-])[\s:=\"']*"
    r"|(?:^|(?<=\s))#{4}(?!#)[ \t]*|^[ \t]*(?:my |final )?(?:ans|verdict|correct|final)\.?[ \t]*[:=]\s*"
    r"|^[ \t]*(?:the )?(?:final |correct )?(?:answers?|result|solution)[ \t]*[:.]?[ \t]*$\s*",
    re.IGNORECASE | re.MULTILINE,
)
# Weaker ones, asked where none of the above can be read
_WEAK_LEAD = re.compile(
    r"\b(?:results?|solutions?|roots?|choice|option|conclusion|selection)\s{0,3}(?:is|are|:|=)(?!\w)[\s:=\"']*",
    re.IGNORECASE,
)
_CLAUSE_START = re.compile(r"[.!?;:\n\u2014,]|\b(?:so|thus|therefore|hence|but|and|then|now)\b", re.IGNORECASE)
_BOUNDS = words.any_of(
    "not cannot never neither nor isn't wasn't aren't at_least at_most (?:more|less|fewer|greater)_than about around "
    "approximately nearly almost roughly between over under up_to"
)
# "It is not \boxed{5}", "at least \boxed{5}", "Is it \boxed{5}?"
_BEFORE_A_BOX = re.compile(
    rf"(?:\b{_BOUNDS}|n't)\s(?:be |equal |the |an? )?[$\s(\\\[]*$"
    r"|(?:^|[.!\n]\s*)(?:is it|suppose|assume|say)\b[^.\n]*$",
    re.IGNORECASE,
)
# "If $x = 1$, the answer is 5"; but "if we add them, the answer is 5"
_ASSUMED = re.compile(
    r"(?:^|[.!?\n]\s*)(?:(?:if|suppose|assume|assuming)\b[^.!?\n;]*=|let's assume\b"
    r"|(?:unless|suppose|were|without|had)\b"
    r"|if\b[^.!?\n;]*\b(?:were|is|was|had|pointed|rains)\b)[^.!?\n;]*$",
    re.IGNORECASE,
)
_IN_QUESTION = re.compile(r"\b(?:unclear|check|see|wonder|know|decide|determine|question)\b.*\bif\b", re.IGNORECASE)
_CONCLUSION = re.compile(
    r"(?:so|thus|therefore|hence|finally|then|adding|after|with|i choose|now)\b|(?-i:[A-Z]) is (?:correct|right)\b",
    re.IGNORECASE,
)
Value = TypeVar("Value")


class UnclearError(Exception):
    """A statement is about a value of the wanted kind, and does not say one: it denies, bounds, or gives several."""


class Reader(Protocol[Value]):
    """Reads values of one kind. `opens`: an answer may stand in the first sentence, with its reasons after it."""

    opens: bool

    def read(self, statement: "Statement") -> Value | None:
        """The statement's value; None where it says nothing of this kind. Raises UnclearError."""

    def bare(self, text: str) -> Value | None:
        """The value that `text` is, with nothing but marks around it; None where it is more or less than that."""

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


def final_value(text: str, reader: Reader[Value]) -> Value | None:
    """The value that `text` finally states, None where it states none. Raises UnclearError where that is unclear."""
    earliest, unclear = 0, False  # what stands before `earliest` was denied, taken back or is unclear
    for statement in _strong(text):
        if statement.begin < earliest:
            break
        value = None
        try:
            value = _read(text, statement, reader)
        except UnclearError:  # what follows may be clearer
            unclear = True
        if value is None and not unclear:
            continue
        if value is not None and not _withdrawn(text, statement, value, reader):
            return value
        earliest = statement.end if statement.form == "box" else sentence_end(text, statement.begin)
    value = _weak(text[earliest:], reader)
    if value is None and unclear:
        raise UnclearError
    return value


def _read(text: str, statement: Statement, reader: Reader[Value]) -> Value | None:
    """The statement's value. Raises UnclearError where it has none although it is about one."""
    if statement.text == boxes.UNREADABLE or _denied(text, statement):
        raise UnclearError
    return reader.read(statement)


def _strong(text: str) -> list[Statement]:
    """The boxes and the led statements, the last one first; the weakly led ones at the end."""
    boxed = [Statement(box.content, box.begin, box.end, "box") for box in boxes.groups(text)]
    stated = sorted(boxed + _led(text, _LEAD), key=lambda statement: statement.begin, reverse=True)
    return stated + _led(text, _WEAK_LEAD)[-1:]


def _led(text: str, lead: re.Pattern[str]) -> list[Statement]:
    found = []
    for match in lead.finditer(text):
        end = _line_end(text, match.end())
        if text[match.end() : end].strip(" \t.$\\()[]\"'"):
            found.append(Statement(_block(text, match.end(), end), match.end(), end, "lead", match.start()))
    return found[-50:]


def _line_end(text: str, begin: int) -> int:
    """Where the line from `begin` ends; a displayed formula that spans lines is one line."""
    closing = {"$$": "$$", "\\[": "\\]", "\\(": "\\)"}.get(text[begin : begin + 2])
    close = text.find(closing, begin + 2, begin + LONGEST) if closing else -1
    end = text.find("\n", max(begin, close))
    return end if end >= 0 else len(text)


def _block(text: str, begin: int, end: int) -> str:
    """The statement's line; where it is the first item of a list, the list, its items joined by semicolons."""
    line = text[begin:end]
    if not text.startswith(BULLET, begin) and not text.endswith(BULLET, 0, begin):
        return line[:LONGEST]
    following = text[end + 1 : end + LONGEST].splitlines()
    items = [line, *itertools.takewhile(lambda item: item.startswith(BULLET), following)]
    return "; ".join(item.removeprefix(BULLET) for item in items)


def _denied(text: str, statement: Statement) -> bool:
    """Whether the words before a statement deny it, or give it as a thought or a mistake."""
    if statement.form == "box":
        return _BEFORE_A_BOX.search(text[max(0, statement.begin - 60) : statement.begin]) is not None
    before = text[max(0, statement.lead - 200) : statement.lead]
    clause = _last_clause(before)
    return (
        words.denies(clause)
        or words.rejects(clause)
        or _IN_QUESTION.search(clause) is not None
        or _ASSUMED.search(before) is not None
    )


def _last_clause(before: str) -> str:
    """The last clause of `before`, which stands before a lead such as "the answer is"."""
    before = before.rstrip(" :=\"'-\n#")
    starts = [match.end() for match in _CLAUSE_START.finditer(before)]
    return before[starts[-1] if starts else 0 :]


def _withdrawn(text: str, statement: Statement, value: Value, reader: Reader[Value]) -> bool:
    """Whether what follows takes the statement back, or gives another value as the last word."""
    after = text[statement.end if statement.form == "box" else statement.begin :]
    if _taken_back(after, value, reader) or (statement.form == "box" and re.match(r"[\s$)]*\?", after)):
        return True
    end = statement.end if statement.form == "box" else min(statement.end, sentence_end(text, statement.begin))
    return any(_concludes_otherwise(sentence, value, reader) for sentence in sentences(text[end:])[-1:])


def _concludes_otherwise(sentence: str, value: Value, reader: Reader[Value]) -> bool:
    """Whether a last sentence is another value, or concludes with "so", "adding" and the like to one."""
    if reader.bare(sentence) not in (None, value):
        return True
    if not _CONCLUSION.match(sentence):
        return False
    try:
        return reader.read(Statement(sentence, 0, 0, "sentence")) not in (None, value)
    except UnclearError:
        return False


def _taken_back(after: str, value: Value, reader: Reader[Value]) -> bool:
    """Whether `after` takes back the value that stands before it, or objects with another one."""
    if words.RETRACTED.search(after):
        return True
    for objection in words.OBJECTION.finditer(after):
        line = after[objection.start() : objection.start() + 300].lstrip(" .!?;)\n").partition("\n")[0]
        if reader.names_another(line, value):
            return True
    return False


def _weak(text: str, reader: Reader[Value]) -> Value | None:
    """What the last sentence that says something states, else what the first one is."""
    said = sentences(text)
    while len(said) > 1 and _says_nothing(said[-1]):
        said.pop()
    if not said:
        return None
    opening = said[0].removeprefix(BULLET)
    first = reader.bare(opening)
    if first is not None and _taken_back(text[text.find(said[0][:20]) + len(opening) - 1 :], first, reader):
        raise UnclearError
    if words.RETRACTED.search(said[-1], 1):
        raise UnclearError
    try:
        last = reader.read(Statement(said[-1], 0, 0, "sentence"))
    except UnclearError:
        if len(said) == 1 or not words.denies(said[-1]) or _labels(opening) & _labels(said[-1]):
            raise
        return reader.read(Statement(opening, 0, 0, "sentence"))  # "B is correct. The others are wrong."
    if first is not None and last is not None and first != last and len(said) > 1:
        raise UnclearError
    if first is None and last is None and reader.opens:
        return reader.read(Statement(opening, 0, 0, "sentence"))
    return first if last is None else last


def _labels(sentence: str) -> set[str]:
    """The letters and numbers by which a sentence names options and values; its other words where there are none."""
    return set(re.findall(r"\b[A-Z]\b|\d+", sentence)) or set(re.findall(r"\w{4,}", sentence.lower()))


def _says_nothing(sentence: str) -> bool:
    has_value = re.search(r"\d|[$\\]|\b[B-HJ-Z]\b|\b(?:[Yy]es|[Nn]o|[Tt]rue|[Ff]alse)\b", sentence) is not None
    if words.CHECK.match(sentence):
        return True
    return words.CHATTER.match(sentence) is not None and not words.denies(sentence) and not has_value


def in_its_words(text: str) -> str:
    """The final answer in the words of `text`: its last box or led statement, else all of it."""
    strong = _strong(text)
    stated = strong[0].text if strong else text
    return stated.strip().strip("*_` ").removesuffix(".").strip().strip("*_`").strip()
