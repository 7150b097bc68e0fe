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
    kept_sentences = _sentences_that_say_something(text)
    if not kept_sentences:
        return None
    if denial.UNDECIDED.search(kept_sentences[-1]):
        raise UnclearError
    # The first sentence: a value by itself, which nothing after it may take back
    opening = kept_sentences[0].removeprefix(BULLET)
    first = reader.bare(opening)
    first_stands = False
    if first is not None:
        after_opening = text[text.find(kept_sentences[0][:20]) + len(opening) - 1 :]
        first_stands = not taken_back(after_opening, first, reader)
    if first_stands and _gives_reasons(kept_sentences[1:]):
        return first
    # The last sentence: it must agree with the first one
    if denial.RETRACTED.search(kept_sentences[-1], 1):
        raise UnclearError
    last = _last_value(kept_sentences, reader)
    if last is not None:
        if first_stands and first != last and len(kept_sentences) > 1:
            raise UnclearError
        return last
    if first is not None and not first_stands:
        raise UnclearError
    if first is None and reader.opens:
        return reader.read(Statement(text=opening, opening=True))
    return first


def _gives_reasons(following: list[str]) -> bool:
    """Whether the sentences after the first one begin with "Explanation:" or the like."""
    return bool(following) and phrases.EXPLAINS.match(following[0]) is not None


def _sentences_that_say_something(text: str) -> list[str]:
    """The sentences of a text up to the last one that says something; at least one, if any."""
    kept_sentences = sentences(text)
    while len(kept_sentences) > 1 and (
        _says_nothing(kept_sentences[-1]) or _approves(kept_sentences)
    ):
        kept_sentences.pop()
    return kept_sentences


def _last_value(kept_sentences: list[str], reader: Reader[Value]) -> Value | None:
    """The value of the last sentence.

    Before a sentence that only says what is wrong, it is the value of the one before, if that is
    about something else: "B is correct. The others are wrong." Raises UnclearError.
    """
    last_sentence = kept_sentences[-1]
    is_marked_right = _MARKED_RIGHT.search(last_sentence) is not None
    if _enumerated(kept_sentences) and not denial.denies(last_sentence) and not is_marked_right:
        raise UnclearError
    denied_labels = set[str]()
    for sentence in reversed(kept_sentences):
        statement = Statement(text=denial.without_contrast(sentence))
        try:
            value = reader.read(statement)
        except UnclearError:
            is_only_denial = denial.denies(sentence) and not denial.UNDECIDED.search(sentence)
            if len(kept_sentences) == 1 or not is_only_denial:
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


def _approves(kept_sentences: list[str]) -> bool:
    """Whether a text ends with a check and the word that it is right.

    An example is "We can verify: 60 / 2 = 30. Correct!".
    """
    if phrases.CHECK.match(kept_sentences[-2]) is None:
        return False
    return re.fullmatch(r"(?i)\W*(?:correct|right|yes)\W*", kept_sentences[-1]) is not None


def _enumerated(kept_sentences: list[str]) -> bool:
    """Whether the last sentence is the last item of a list of labelled options."""
    items = [_ITEM.match(sentence) for sentence in kept_sentences[-2:]]
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
