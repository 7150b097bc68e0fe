r"""The ways to write a number, brought to one: digits with commas, a point or a slash, as in
`-1,250.5` and `7/2`.
"""

import re
from fractions import Fraction

from stages.core.grading.statement import beside, words

LONGEST = 400  # characters of a number, and of a sentence that is read for one
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+(?:/\d+)?"
NUMBER = re.compile(rf"(?<![\w.,/])(-?)({_DIGITS})(?!\d|/\d|\.\d|,\d{{3}}(?!\d))")

_VULGAR = {
    "\u00bd": " 1/2",
    "\u00bc": " 1/4",
    "\u00be": " 3/4",
    "\u2153": " 1/3",
    "\u2154": " 2/3",
    "\u215b": " 1/8",
}
_SUPERSCRIPTS = str.maketrans(
    "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b", "0123456789-"
)
_SUPERSCRIPT = re.compile(r"(?<=[\w)\u2126])[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b]+")
_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|,?\\[,!] ?|, ?\\!)(?=\d{3})")  # 1{,}000 and 1,\!000
_SPACED_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d.,]*\d)")
# 1{,}000 and 1,\!000
_ORDINAL_OF = r"(?! ?(?:number|term|element|digit|row|prime|item|question|student|person|position|power|root),? which\b)"
# Of at most so many digits, for else a text of digits alone is searched anew from each of them
_MIXED = re.compile(
    r"(?<![\w./^])(-?)(\d{1,30})(?: |-(?=\d{1,3}/\d)| ?(?=\\))"
    r"(?:(\d{1,30})/(\d{1,30})|\\[dtc]?frac ?\{(\d{1,30})\} ?\{(\d{1,30})\}|\\[dtc]?frac ?(\d)(\d))(?![\d/])"
)
_FRACTION = re.compile(
    r"(?:(?<=\d) )?\\[dtc]?frac ?(?:\{ ?(-?\d{1,30}) ?\}|(\d)) ?(?:\{ ?(\d{1,30}) ?\}|(\d))"
)
_POWER = re.compile(
    r"(?<![\w.,])(-?[\d,]{0,30}\.?\d{1,30})"
    r"(?: ?(?:\\times|\\cdot|[\u00d7*x\u00b7]) ?10 ?\^ ?(?:\{ ?([+-]?\d{1,3}) ?\}|([+-]?\d{1,3}))|[eE]([+-]?\d{1,3})\b)"
)
_TEN = re.compile(r"(?<![\w.,^{])10 ?\^ ?(?:\{ ?([+-]?\d{1,2}) ?\}|([+-]?\d{1,2}))(?![\w{.])")
_ORDINAL = re.compile(
    r"(?:\^ ?\{? ?(?:\\text|\\mathrm)? ?\{? ?|(?<=\d))(?:st|nd|rd|th)(?: ?\}?\}|\b)" + _ORDINAL_OF
)
_MODULUS = re.compile(r"\\p?mod ?(?:\{[^{}]*\}|\(?\d+\)?)")
_SIGNS = re.compile(  # currency, degrees and ohms, layout
    r"(?<=[a-z] )#\d+(?= )|(?:\bUS)?\\?\$|[\u20ac\u00a3\u00a5\u20b9\u20bd\u20a9\u20ab\u0e3f]|#(?=\d)"
    r"|\bRs\.? ?(?=\d)|(?<=\d)/-(?!\d)"
    r"|\^ ?\{? ?\\circ ?\}?(?! ?\d)|\\degree|\u00b0(?! ?\d)|\u03a9|\u2126|\\Omega"
    r"|\\(?:left|right|displaystyle|Rightarrow|implies|to|q?quad|bf|rm|it|mathrm)(?![A-Za-z])"
    r"|\\(?:[,!](?!\d{3})|[;:()\[\] ])"
    r"|[\"{}]|_(?! ?\{? ?\w)"
)
_MINUS = re.compile(r"(^|[=:(] ?|\b(?:is|are|be) )[-\u2013] ?\(?(?=[\d.])")
_DECIMAL_COMMA = re.compile(r"(-?\d+),(\d{1,2}|\d{4,})")
_NO_UNIT = "in"  # also a preposition
_UNIT = rf"(?:{words.any_of(words.UNITS.replace(' in ', ' '))}|{_NO_UNIT}(?=\W*$|\^)|[msghlLNWJVACF]|(?<= )K)"
_UNITS = re.compile(
    rf"(?<=\d) ?(?:(?:square|cubic|sq\.?|cu\.?) )?{_UNIT}(?:(?: ?/ ?| per |\u00b7){_UNIT})*(?: ?\^ ?-?[123])?(?![\w^])"
)
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORD_VALUES = {word: place for place, word in enumerate(_SMALL)} | {
    word: 20 + 10 * place for place, word in enumerate(_TENS)
}
NUMBER_WORD = words.any_of(*_WORD_VALUES, "hundred thousand million dozen")
_PARTS = {
    "half": 2,
    "halve": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
} | {
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
    "twelfth": 12,
}
# A noun after a number, and not what is done with it
_NOUN = "(?!(?:times|plus|minus|over|divided|multiplied|squared|cubed|or|and|to|more|less|fewer|of|point|percent)\\b)[a-z]+"
_IN_WORDS = re.compile(
    rf"(?:[a-z', ]*\b(?:{beside.GIVE}|{beside.VERBS})\s(?:exactly |only |just )?|)(?P<sign>(?:negative|minus) )?"
    rf"(?:(?P<numerator>a|{'|'.join(_SMALL)})?[ -]?(?P<part>{'|'.join(_PARTS)})s?(?![a-z])"
    rf"|(?P<number>(?:a )?{NUMBER_WORD}(?:[ -](?:and )?{NUMBER_WORD})*)(?P<half> and a half)?)"
    rf"(?: {_NOUN}(?: [a-z]+){{0,2}})?[.!]?"
)


def plain(text: str) -> str:
    r"""Signs, separators, fractions and powers of ten as plain text has them: \frac{7}{2} is 7/2,
    1{,}000 is 1,000.
    """
    text = _THOUSANDS.sub(",", text)
    text = "".join(_VULGAR.get(letter, letter) for letter in text)
    text = _SUPERSCRIPT.sub(lambda power: "^" + power[0].translate(_SUPERSCRIPTS), text)
    text = words.without_text(_ORDINAL.sub("", text)).replace("\\%", "%")
    text = " ".join(_MODULUS.sub("", text).split())
    text = _FRACTION.sub(
        lambda match: f"{match[1] or match[2]}/{match[3] or match[4]}",
        _MIXED.sub(_sum, _TEN.sub(_power_of_ten, _POWER.sub(_power, text))),
    )
    text = re.sub(r"~(?! ?\d)|(?<=\d)~", " ", text)  # LaTeX's space
    text = re.sub(r"\\(?:[;: ]|,(?!\d{3})|q?quad(?![a-z]))", " ", text)
    text = " ".join(_SIGNS.sub("", text).replace("per cent", "percent").split())
    text = _SPACED_THOUSANDS.sub(lambda number: number[0].replace(" ", ""), text)
    text = re.sub(r"(?<=\d) ?[xX] ?(?=\d)|(?<=[a-z]) [xX] (?=\d)", " \u00d7 ", text)
    text = _MINUS.sub(r"\1-", re.sub(r"\b(?:negative|minus) (?=\d)", "-", text))
    text = re.sub(
        r"(?<![\w.,])(\d+) and a half\b", lambda match: f"{2 * int(match[1]) + 1}/2", text
    )
    if decimal := _DECIMAL_COMMA.fullmatch(text):
        text = f"{decimal[1]}.{decimal[2]}"
    return re.sub(r"(?<=\d)\u2013(?=\d)", " to ", text)


def without_units(text: str) -> str:
    """Plain text without the units after its numbers."""
    return _UNITS.sub(" ", text)


def written(match: re.Match[str]) -> Fraction | None:
    """The value of a match of NUMBER; None for a division by zero."""
    try:
        return (
            Fraction((match[1] + match[2]).replace(",", "")) if len(match[0]) <= LONGEST else None
        )
    except (ValueError, ZeroDivisionError):
        return None


def in_words(text: str) -> Fraction | None:
    """The number that a statement without digits spells out ("eighteen", "one half"), with at most
    a noun after it.
    """
    match = _IN_WORDS.fullmatch(text.strip().lower())
    if match is None:
        return None
    value = (
        _of_parts(match)
        if match["part"]
        else _of_words(match["number"]) + Fraction(bool(match["half"]), 2)
    )
    return -value if match["sign"] else value


def _of_parts(match: re.Match[str]) -> Fraction:
    """Three quarters and the like."""
    numerator = _WORD_VALUES.get(match["numerator"] or "one", 1)
    return Fraction(numerator, _PARTS[match["part"]])


def _of_words(number: str) -> Fraction:
    total, current = 0, 0
    for word in re.split(r"[ -]", number):
        if word in _WORD_VALUES:
            current += _WORD_VALUES[word]
        elif word in ("hundred", "dozen"):
            current = max(current, 1) * words.SCALES[word]
        elif word in ("thousand", "million"):
            total, current = total + max(current, 1) * words.SCALES[word], 0
    return Fraction(total + current)


def _sum(match: re.Match[str]) -> str:
    top, bottom = int(match[3] or match[5] or match[7]), int(match[4] or match[6] or match[8])
    return f"{match[1]}{int(match[2]) * bottom + top}/{bottom}"


def _power_of_ten(match: re.Match[str]) -> str:
    return str(Fraction(10) ** int(match[1] or match[2]))


def _power(match: re.Match[str]) -> str:
    return str(
        Fraction(match[1].replace(",", "")) * Fraction(10) ** int(match[2] or match[3] or match[4])
    )
