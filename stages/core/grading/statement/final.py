r"""Where an answer says what its final value is, and whether it takes that back.

`final_value` tries the statements of a text, best first:

1. the last `\boxed{}`, or the last statement led by an answer phrase ("the answer is", "Answer:", "####", a heading),
   whichever comes later, then the ones before it;
2. the last sentence that says something ("I hope this helps." says nothing);
3. the first sentence, where it is a value and nothing else.

A statement that its reader cannot read as a value of the wanted kind yields to the next. One that
is denied, or taken back by what follows it, ends the search among what stands before it.
"""

import re
from dataclasses import replace

from stages.core.grading.statement import boxes, words
from stages.core.grading.statement.candidates import Reader, Statement, UnclearError, Value, strong
from stages.core.grading.statement.sentences import sentence_end, sentences
from stages.core.grading.statement.visible import BULLET

_CLAUSE_START = re.compile(
    r"[.!?;:\n\u2014,]|\b(?:so|thus|therefore|hence|but|and|then|now)\b", re.IGNORECASE
)
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
_IN_QUESTION = re.compile(
    r"\b(?:unclear|check|see|wonder|know|decide|determine|question)\b.*\bif\b", re.IGNORECASE
)
_CONCLUSION = re.compile(
    r"(?:so|thus|therefore|hence|finally|then|adding|after|with|i choose|now)\b|(?-i:[A-Z]) is (?:correct|right)\b",
    re.IGNORECASE,
)
_ITEM = re.compile(rf"(?:{BULLET}|-\s)?(?:option )?\(?([A-Z1-9])[.):]\s", re.IGNORECASE)
_MARKED_RIGHT = re.compile(r"\b(?:correct|right|true|answer)\b", re.IGNORECASE)


def final_value(text: str, reader: Reader[Value]) -> Value | None:
    """The value that `text` finally states, None where it states none. Raises UnclearError where
    that is unclear.
    """
    earliest, unclear = (
        0,
        False,
    )  # what stands before `earliest` was denied, taken back or is unclear
    for statement in strong(text):
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
    if statement.form == "lead":
        statement = replace(statement, text=words.without_contrast(statement.text))
    return reader.read(statement)


def _denied(text: str, statement: Statement) -> bool:
    """Whether the words before a statement deny it, or give it as a thought or a mistake."""
    if statement.form == "box":
        return (
            _BEFORE_A_BOX.search(text[max(0, statement.begin - 60) : statement.begin]) is not None
        )
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
    before = before.rstrip(" :=\"'-#")
    starts = [match.end() for match in _CLAUSE_START.finditer(before)]
    return before[starts[-1] if starts else 0 :]


def _withdrawn(text: str, statement: Statement, value: Value, reader: Reader[Value]) -> bool:
    """Whether what follows takes the statement back, or gives another value as the last word."""
    after = text[statement.end if statement.form == "box" else statement.begin :]
    if (
        _taken_back(after, value, reader)
        or words.UNDECIDED.search(after)
        or (statement.form == "box" and re.match(r"[\s$)]*\?", after))
    ):
        return True
    end = (
        statement.end
        if statement.form == "box"
        else min(statement.end, sentence_end(text, statement.begin))
    )
    return any(
        _concludes_otherwise(sentence, value, reader) for sentence in sentences(text[end:])[-1:]
    )


def _concludes_otherwise(sentence: str, value: Value, reader: Reader[Value]) -> bool:
    """Whether a last sentence is another value, or concludes with "so", "adding" and the like to
    one.
    """
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
    retracted = words.RETRACTED.search(after)
    if retracted and not words.CONFIRMED.search(after):
        return True
    for objection in words.OBJECTION.finditer(after):
        line = (
            after[objection.start() : objection.start() + 300].lstrip(" .!?;)\n").partition("\n")[0]
        )
        if reader.names_another(line, value):
            return True
    return False


def _weak(text: str, reader: Reader[Value]) -> Value | None:
    """What the last sentence that says something states, else what the first one is."""
    said = sentences(text)
    while len(said) > 1 and (_says_nothing(said[-1]) or _approves(said)):
        said.pop()
    if not said:
        return None
    if words.UNDECIDED.search(said[-1]):
        raise UnclearError
    opening = said[0].removeprefix(BULLET)
    first = reader.bare(opening)
    taken_back = first is not None and _taken_back(
        text[text.find(said[0][:20]) + len(opening) - 1 :], first, reader
    )
    if first is not None and not taken_back and len(said) > 1 and words.EXPLAINS.match(said[1]):
        return first
    if words.RETRACTED.search(said[-1], 1):
        raise UnclearError
    last = _last(said, reader)
    if taken_back and last is None:
        raise UnclearError
    if (
        first is not None
        and last is not None
        and first != last
        and len(said) > 1
        and not taken_back
    ):
        raise UnclearError
    if first is None and last is None and reader.opens:
        return reader.read(Statement(opening, 0, 0, "sentence", opening=True))
    return first if last is None else last


def _last(said: list[str], reader: Reader[Value]) -> Value | None:
    """The value of the last sentence; before one that only says what is wrong, that of another than
    it speaks of.
    """
    denied = set[str]()
    if _enumerated(said) and not words.denies(said[-1]) and not _MARKED_RIGHT.search(said[-1]):
        raise UnclearError
    for sentence in reversed(said):
        statement = Statement(words.without_contrast(sentence), 0, 0, "sentence")
        try:
            value = reader.read(statement)
        except UnclearError:
            if len(said) == 1 or words.UNDECIDED.search(sentence) or not words.denies(sentence):
                raise
            if not reader.opens and re.search(r"\d", sentence):
                raise  # "Don't forget the fee of 4: the cost is 34."
            denied |= _labels(sentence)
            continue
        if not denied:
            return value
        if value is not None:
            if _labels(sentence) & denied:
                raise UnclearError
            return value  # "B is correct. The others are wrong."
    raise UnclearError


def _labels(sentence: str) -> set[str]:
    """The letters and numbers by which a sentence names options and values; its other words where
    there are none.
    """
    return set(re.findall(r"\b[A-Z]\b|\d+", sentence)) or set(
        re.findall(r"\w{4,}", sentence.lower())
    )


def _approves(said: list[str]) -> bool:
    """Whether a text ends with a check and the word that it is right: "We can verify: 60 / 2 = 30.
    Correct!".
    """
    return (
        words.CHECK.match(said[-2]) is not None
        and re.fullmatch(r"(?i)\W*(?:correct|right|yes)\W*", said[-1]) is not None
    )


def _enumerated(said: list[str]) -> bool:
    """Whether the last sentence is the last item of a list of labelled options."""
    labels = [
        match[1].upper() if (match := _ITEM.match(sentence)) else "" for sentence in said[-2:]
    ]
    return len(labels) == 2 and all(labels) and ord(labels[1]) - ord(labels[0]) == 1


def _says_nothing(sentence: str) -> bool:
    if words.INVITES.match(sentence):
        return True
    has_value = (
        re.search(r"\d|[$\\]|\b[B-HJ-Z]\b|\b(?:[Yy]es|[Nn]o|[Tt]rue|[Ff]alse)\b", sentence)
        is not None
    )
    if words.CHECK.match(sentence) or re.fullmatch(r"\(.*=.*\)\.?", sentence):
        return True
    return (
        words.CHATTER.match(sentence) is not None and not words.denies(sentence) and not has_value
    )
