r"""The ways to write a number, brought to one.

That one way is digits with commas, a point or a slash: `-1,250.5` and `7/2`.
"""

import re
from fractions import Fraction

from stages.core.grading.statement import words

LONGEST = 400  # characters of a number, and of a sentence that is read for one
# 1,250.5 with commas; 1250.5, .5 and 7/2 without
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+(?:/\d+)?"
NUMBER = re.compile(rf"(?<![\w.,/])(-?)({_DIGITS})(?!\d|/\d|\.\d|,\d{{3}}(?!\d))")

_VULGAR_FRACTIONS = {
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
# A small 2 after "m", after "5", after "(x)", and after the sign of ohms
_SUPERSCRIPT = re.compile(r"(?<=[\w)\u2126])[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b]+")
# 1{,}000 and 1,\!000
_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|,?\\[,!] ?|, ?\\!)(?=\d{3})")
# 1 000 000
_SPACED_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d.,]*\d)")
# At most 30 digits, because a text of digits alone would be searched anew from each of them
_MIXED = re.compile(
    r"(?<![\w./^])(-?)(\d{1,30})(?: |-(?=\d{1,3}/\d)| ?(?=\\))"
    r"(?:(\d{1,30})/(\d{1,30})"  # 3 1/2, 3-1/2
    r"|\\[dtc]?frac ?\{(\d{1,30})\} ?\{(\d{1,30})\}"  # 3\frac{1}{2}
    r"|\\[dtc]?frac ?(\d)(\d))(?![\d/])"  # 3\frac12
)
# \frac{7}{2}, \dfrac72
_FRACTION = re.compile(
    r"(?:(?<=\d) )?\\[dtc]?frac ?(?:\{ ?(-?\d{1,30}) ?\}|(\d)) ?(?:\{ ?(\d{1,30}) ?\}|(\d))"
)
# 1.5 \times 10^{3}, 1.5 x 10^3, 1.5e3
_POWER = re.compile(
    r"(?<![\w.,])(-?[\d,]{0,30}\.?\d{1,30})"
    r"(?: ?(?:\\times|\\cdot|[\u00d7*x\u00b7]) ?10 ?\^ ?"
    r"(?:\{ ?([+-]?\d{1,3}) ?\}|([+-]?\d{1,3}))|[eE]([+-]?\d{1,3})\b)"
)
# 10^6 and 10^{6}, by themselves
_TEN = re.compile(r"(?<![\w.,^{])10 ?\^ ?(?:\{ ?([+-]?\d{1,2}) ?\}|([+-]?\d{1,2}))(?![\w{.])")
# Not before " term, which": there the ending in "the 5th term, which" says which one is meant
_NOT_WHICH_ONE = (
    r"(?! ?(?:number|term|element|digit|row|prime|item|question|student|person|position|power"
    r"|root),? which\b)"
)
# The "th" of 5th, 5^{th}, 5^\text{th}
_ORDINAL = re.compile(
    r"(?:\^ ?\{? ?(?:\\text|\\mathrm)? ?\{? ?|(?<=\d))(?:st|nd|rd|th)(?: ?\}?\}|\b)"
    + _NOT_WHICH_ONE
)
# \pmod{7}, \mod 7
_MODULUS = re.compile(r"\\p?mod ?(?:\{[^{}]*\}|\(?\d+\)?)")
# Signs that do not change a number
_SIGNS = re.compile(
    # "item #3 is", $5, US$5, \$5, and other currencies
    r"(?<=[a-z] )#\d+(?= )|(?:\bUS)?\\?\$|[\u20ac\u00a3\u00a5\u20b9\u20bd\u20a9\u20ab\u0e3f]"
    # #3, Rs. 5, 5/-
    r"|#(?=\d)|\bRs\.? ?(?=\d)|(?<=\d)/-(?!\d)"
    # degrees and ohms; not in "30 degrees 15 minutes", where a number follows
    r"|\^ ?\{? ?\\circ ?\}?(?! ?\d)|\\degree|\u00b0(?! ?\d)|\u03a9|\u2126|\\Omega"
    # layout
    r"|\\(?:left|right|displaystyle|Rightarrow|implies|to|q?quad|bf|rm|it|mathrm)(?![A-Za-z])"
    r"|\\(?:[,!](?!\d{3})|[;:()\[\] ])"
    r"|[\"{}]|_(?! ?\{? ?\w)"
)
# The minus of "= -5", "is - 5", "(-5"; also as a dash
_MINUS = re.compile(r"(^|[=:(] ?|\b(?:is|are|be) )[-\u2013] ?\(?(?=[\d.])")
# 3,5 and 3,1416; not 3,141, which has thousands
_DECIMAL_COMMA = re.compile(r"(-?\d+),(\d{1,2}|\d{4,})")
# The space of LaTeX; "~5" means about five
_TILDE = re.compile(r"~(?! ?\d)|(?<=\d)~")
# `\;`, `\quad`; `\,` not before three digits
_SPACE = re.compile(r"\\(?:[;: ]|,(?!\d{3})|q?quad(?![a-z]))")
# 3x4, "boxes x 4"
_LETTER_X = re.compile(r"(?<=\d) ?[xX] ?(?=\d)|(?<=[a-z]) [xX] (?=\d)")
_UNITS_BUT_IN = words.UNITS.replace(" in ", " ")
# "in" is also a preposition: it counts at a text's end and before a power
_UNIT = rf"(?:{words.any_of(_UNITS_BUT_IN)}|in(?=\W*$|\^)|[msghlLNWJVACF]|(?<= )K)"
# "5 km", "3 square feet", "20 m/s", "5 cm^2"
_UNITS = re.compile(
    rf"(?<=\d) ?(?:(?:square|cubic|sq\.?|cu\.?) )?{_UNIT}"
    rf"(?:(?: ?/ ?| per |\u00b7){_UNIT})*(?: ?\^ ?-?[123])?(?![\w^])"
)


def plain(text: str) -> str:
    r"""A text with its numbers in one way: \frac{7}{2} is 7/2, 1{,}000 is 1,000."""
    # Separators, small characters, endings
    text = _THOUSANDS.sub(",", text)
    text = "".join(_VULGAR_FRACTIONS.get(letter, letter) for letter in text)
    text = _SUPERSCRIPT.sub(lambda power: "^" + power[0].translate(_SUPERSCRIPTS), text)
    text = words.without_text(_ORDINAL.sub("", text)).replace("\\%", "%")
    text = " ".join(_MODULUS.sub("", text).split())
    # Powers and fractions
    text = _MIXED.sub(_sum, _TEN.sub(_power_of_ten, _POWER.sub(_power, text)))
    text = _FRACTION.sub(_quotient, text)
    # Spaces and signs
    text = _SPACE.sub(" ", _TILDE.sub(" ", text))
    text = " ".join(_SIGNS.sub("", text).replace("per cent", "percent").split())
    text = _SPACED_THOUSANDS.sub(lambda number: number[0].replace(" ", ""), text)
    text = _LETTER_X.sub(" \u00d7 ", text)
    text = _MINUS.sub(r"\1-", re.sub(r"\b(?:negative|minus) (?=\d)", "-", text))
    text = re.sub(r"(?<![\w.,])(\d+) and a half\b", _and_a_half, text)
    if decimal := _DECIMAL_COMMA.fullmatch(text):
        text = f"{decimal[1]}.{decimal[2]}"
    return re.sub(r"(?<=\d)\u2013(?=\d)", " to ", text)


def without_units(text: str) -> str:
    """Plain text without the units after its numbers."""
    return _UNITS.sub(" ", text)


def written(match: re.Match[str]) -> Fraction | None:
    """The value of a match of NUMBER; None where it is too long or divides by zero."""
    if len(match[0]) > LONGEST:
        return None
    try:
        return Fraction((match[1] + match[2]).replace(",", ""))
    except (ValueError, ZeroDivisionError):
        return None


def _quotient(match: re.Match[str]) -> str:
    return f"{match[1] or match[2]}/{match[3] or match[4]}"


def _and_a_half(match: re.Match[str]) -> str:
    return f"{2 * int(match[1]) + 1}/2"


def _sum(match: re.Match[str]) -> str:
    """A mixed number as a fraction: 7/2 for 3 1/2."""
    top, bottom = int(match[3] or match[5] or match[7]), int(match[4] or match[6] or match[8])
    return f"{match[1]}{int(match[2]) * bottom + top}/{bottom}"


def _power_of_ten(match: re.Match[str]) -> str:
    return str(Fraction(10) ** int(match[1] or match[2]))


def _power(match: re.Match[str]) -> str:
    exponent = int(match[2] or match[3] or match[4])
    return str(Fraction(match[1].replace(",", "")) * Fraction(10) ** exponent)
