r"""Reading the number that an answer states, as an exact fraction.

Currency, units, degrees and percent signs are not looked at, thousands may be separated by commas or as LaTeX does it,
`3 1/2` is a mixed number, `2 \times 10^5` its value.
"""

import re
from fractions import Fraction

from stages.core.grading import final

_NUMBER = re.compile(r"(?<![\w.])-?\$?\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![\w.])-?\$?\d*\.?\d+(?:/\d+)?")
# Of at most so many digits, for else a text of digits alone is searched anew from each of them
_MIXED = re.compile(
    r"(?<![\w./])(-?)\$?(\d{1,30})(?: | ?(?=\\))"
    r"(?:(\d{1,30})/(\d{1,30})|\\[dt]?frac\{(\d{1,30})\}\{(\d{1,30})\})(?![\d/])"
)
_POWER = re.compile(
    r"(?<![\w.,])(-?[\d,]{0,30}\.?\d{1,30})"
    r"(?:\s*(?:\\times|\\cdot|[\u00d7*x])\s*10\s*\^\s*\{?\s*([+-]?\d{1,3})\s*\}?|[eE]([+-]?\d{1,3})\b)"
)
_VULGAR = {"\u00bd": "1/2", "\u00bc": "1/4", "\u00be": "3/4", "\u2153": "1/3", "\u2154": "2/3"}
_UNIT_POWER = re.compile(r"(?<=[\s/])(?:[A-Za-z]{2,}|[msg])\s*\^\s*\{?[23]\}?")
# Powers, roots, products, bases, a denial: the numbers beside them are not the answer's value
_BEYOND = re.compile(
    r"\bnot\b|\^(?!\{?\\circ)|[\u221a\u03c0]|\\(?:times|cdot|sqrt|pi)(?![a-z])|\d\s*[\u00d7*]\s*\d|_\{?\d"
)


def written(text: str) -> list[str]:
    """The different numbers of the final answer, as they are written: none, one, or several that contradict.

    A stated answer, boxed or after "answer is", is its first clause, right of its last equals sign. Where none is
    stated it is the last number of the text.
    """
    said = final.stated(text)
    answer = _plain(final.final(text))
    if said is None:
        return _NUMBER.findall(answer)[-1:]
    answer = _UNIT_POWER.sub("", final.clause(answer).rpartition("=")[2])
    if _BEYOND.search(answer):
        return []
    found = {value(number): number for number in reversed(_NUMBER.findall(answer))}
    return list(reversed(found.values()))


def value(number: str) -> Fraction | None:
    """What a written number is; None for one divided by zero, or with more digits than Python reads."""
    try:
        return Fraction(number.replace(",", "").replace("$", ""))
    except (ValueError, ZeroDivisionError):
        return None


def _plain(text: str) -> str:
    r"""Signs, separators, fractions and powers of ten as plain text has them: \frac{7}{2} is 7/2, 1{,}000 is 1,000."""
    text = re.sub("[" + "".join(_VULGAR) + "]", lambda sign: " " + _VULGAR[sign[0]], text).replace("\\$", "$")
    text = re.sub(r"(?<=\d)(?:\{,\}|,?\\[,!]\s?|,\s?\\!)(?=\d{3})", ",", text)
    text = re.sub(r"[\u2212\u2013]|^- |\bnegative\s+(?=\$?\d)", "-", text)
    text = _POWER.sub(_power, _MIXED.sub(_sum, text))
    return re.sub(r"\\[dt]?frac\{(\d+)\}\{(\d+)\}", r"\1/\2", text)


def _sum(match: re.Match[str]) -> str:
    top, bottom = int(match[3] or match[5]), int(match[4] or match[6])
    return f"{match[1]}{int(match[2]) * bottom + top}/{bottom}"


def _power(match: re.Match[str]) -> str:
    return str(Fraction(match[1].replace(",", "")) * Fraction(10) ** int(match[2] or match[3]))
