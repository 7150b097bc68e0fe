"""Numbers in words: "eighteen", "three quarters", "two and a half"."""

import re
from fractions import Fraction

from stages.core.grading.statement import beside, words

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_VALUES = {word: value for value, word in enumerate(_SMALL)} | {
    word: 20 + 10 * index for index, word in enumerate(_TENS)
}
NUMBER_WORD = words.any_of(*_VALUES, "hundred thousand million dozen")
_DENOMINATORS = {
    "half": 2,
    "halve": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
    "twelfth": 12,
}
# A noun after a number, and not what is done with it
_NOUN = (
    r"(?!(?:times|plus|minus|over|divided|multiplied|squared|cubed|or|and|to|more|less|fewer|of"
    r"|point|percent)\b)[a-z]+"
)
_IN_WORDS = re.compile(
    # "that makes exactly ", or nothing
    rf"(?:[a-z', ]*\b(?:{beside.GIVE}|{beside.VERBS})\s(?:exactly |only |just )?|)"
    r"(?P<sign>(?:negative|minus) )?"
    # "three quarters", "half"
    rf"(?:(?P<numerator>a|{'|'.join(_SMALL)})?[ -]?(?P<part>{'|'.join(_DENOMINATORS)})s?(?![a-z])"
    # "twenty-one", "a hundred and five", "two and a half"
    rf"|(?P<number>(?:a )?{NUMBER_WORD}(?:[ -](?:and )?{NUMBER_WORD})*)(?P<half> and a half)?)"
    # " apples that remain."
    rf"(?: {_NOUN}(?: [a-z]+){{0,2}})?[.!]?"
)


def in_words(text: str) -> Fraction | None:
    """The number that a statement without digits spells out; None where it spells none.

    At most a noun and two words may stand after it: "one half of it".
    """
    match = _IN_WORDS.fullmatch(text.strip().lower())
    if match is None:
        return None
    if match["part"]:  # three quarters
        numerator = _VALUES.get(match["numerator"] or "one", 1)
        value = Fraction(numerator, _DENOMINATORS[match["part"]])
    else:
        value = _of_words(match["number"]) + Fraction(bool(match["half"]), 2)
    return -value if match["sign"] else value


def _of_words(number: str) -> Fraction:
    """The whole number that words such as "two thousand and five" give."""
    total, current = 0, 0  # what thousands and millions closed, what stands after them
    for word in re.split(r"[ -]", number):
        if word in _VALUES:
            current += _VALUES[word]
        elif word in ("hundred", "dozen"):
            current = max(current, 1) * words.SCALES[word]
        elif word in ("thousand", "million"):
            total, current = total + max(current, 1) * words.SCALES[word], 0
    return Fraction(total + current)
