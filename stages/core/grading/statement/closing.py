"""What a text states without boxes and answer phrases: in its last sentence, else in its first."""

import re

from stages.core.grading.statement import denial, phrases
from stages.core.grading.statement.candidates import Reader, Statement, UnclearError, Value
from stages.core.grading.statement.retraction import taken_back
from stages.core.grading.statement.sentences import sentences
from stages.core.grading.statement.visible import BULLET

# "Option A. ", "(3) "
_ITEM = re.compile(rf"(?:{BULLET}|-\s)?(?:option )?\(?([A-Z1-9])[.):]\s", re.IGNORECASE)
_MARKED_RIGHT = re.compile(r"\b(?:correct|right|true|answer)\b", re.IGNORECASE)
# A digit, a formula, a letter that may be an option, a truth value
_SIGN_OF_A_VALUE = re.compile(r"\d|[$\\]|\b[B-HJ-Z]\b|\b(?:[Yy]es|[Nn]o|[Tt]rue|[Ff]alse)\b")


def closing_value(text: str, reader: Reader[Value]) -> Value | None:
    """What the last sentence that says something states, else what the first one is.

    Raises UnclearError where a sentence is about a value and does not say one, or both differ.
    """
    said = _sentences_that_say_something(text)
    if not said:
        return None
    if denial.UNDECIDED.search(said[-1]):
        raise UnclearError
    # The first sentence: a value by itself, which nothing after it may take back
    opening = said[0].removeprefix(BULLET)
    first = reader.bare(opening)
    first_is_taken_back = False
    if first is not None:
        after_opening = text[text.find(said[0][:20]) + len(opening) - 1 :]
        first_is_taken_back = taken_back(after_opening, first, reader)
    has_reasons = len(said) > 1 and phrases.EXPLAINS.match(said[1])
    if first is not None and not first_is_taken_back and has_reasons:
        return first
    # The last sentence: it must agree with the first one
    if denial.RETRACTED.search(said[-1], 1):
        raise UnclearError
    last = _last_value(said, reader)
    if last is None and first_is_taken_back:
        raise UnclearError
    if last is None and first is None and reader.opens:
        return reader.read(Statement(text=opening, opening=True))
    both_stand = first is not None and last is not None and not first_is_taken_back
    if both_stand and first != last and len(said) > 1:
        raise UnclearError
    return first if last is None else last


def _sentences_that_say_something(text: str) -> list[str]:
    """The sentences of a text up to the last one that says something; at least one, if any."""
    said = sentences(text)
    while len(said) > 1 and (_says_nothing(said[-1]) or _approves(said)):
        said.pop()
    return said


def _last_value(said: list[str], reader: Reader[Value]) -> Value | None:
    """The value of the last sentence.

    Before a sentence that only says what is wrong, it is the value of the one before, if that is
    about something else: "B is correct. The others are wrong." Raises UnclearError.
    """
    denied_labels = set[str]()
    if _enumerated(said) and not denial.denies(said[-1]) and not _MARKED_RIGHT.search(said[-1]):
        raise UnclearError
    for sentence in reversed(said):
        statement = Statement(text=denial.without_contrast(sentence))
        try:
            value = reader.read(statement)
        except UnclearError:
            is_only_denial = denial.denies(sentence) and not denial.UNDECIDED.search(sentence)
            if len(said) == 1 or not is_only_denial:
                raise
            if not reader.opens and re.search(r"\d", sentence):
                raise  # "Don't forget the fee of 4: the cost is 34."
            denied_labels |= _labels(sentence)
            continue
        if value is not None and _labels(sentence) & denied_labels:
            raise UnclearError
        if value is not None or not denied_labels:
            return value
    raise UnclearError


def _labels(sentence: str) -> set[str]:
    """The letters and numbers by which a sentence names options and values.

    Its other words of four and more letters, where there are none.
    """
    letters_and_numbers = set(re.findall(r"\b[A-Z]\b|\d+", sentence))
    return letters_and_numbers or set(re.findall(r"\w{4,}", sentence.lower()))


def _approves(said: list[str]) -> bool:
    """Whether a text ends with a check and the word that it is right.

    An example is "We can verify: 60 / 2 = 30. Correct!".
    """
    if phrases.CHECK.match(said[-2]) is None:
        return False
    return re.fullmatch(r"(?i)\W*(?:correct|right|yes)\W*", said[-1]) is not None


def _enumerated(said: list[str]) -> bool:
    """Whether the last sentence is the last item of a list of labelled options."""
    items = [_ITEM.match(sentence) for sentence in said[-2:]]
    labels = [item[1].upper() for item in items if item]
    return len(labels) == 2 and ord(labels[1]) - ord(labels[0]) == 1


def _says_nothing(sentence: str) -> bool:
    """Whether a sentence is an invitation, a check, or chatter without a value."""
    if phrases.INVITES.match(sentence) or phrases.CHECK.match(sentence):
        return True
    if re.fullmatch(r"\(.*=.*\)\.?", sentence):  # "(2 + 3 = 5)"
        return True
    if phrases.CHATTER.match(sentence) is None or denial.denies(sentence):
        return False
    return _SIGN_OF_A_VALUE.search(sentence) is None
