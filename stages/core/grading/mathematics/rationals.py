r"""Exact values of numbers in LaTeX: `-0.5`, `\frac{3}{4}`, `2.5 \times 10^3`, `0.1\bar{6}`."""

import re
from fractions import Fraction

# ` \times 10^{5}`, `\cdot 10^5`
_POWER_OF_TEN = r"(?P<power> ?(?:\\times|\\cdot) ?10 ?\^ ?\{? ?(?P<exponent>-?\d{1,3}) ?\}?)?"
_RATIONAL = re.compile(
    # -0.5, 5., 2.5 \times 10^3
    rf"(?P<sign>-?) ?(?:(?P<decimal>\d*\.?\d+|\d+\.){_POWER_OF_TEN}"
    # \frac{-3}{4}
    r"|\\frac\{(?P<top>-?\d+)\}\{(?P<bottom>-?\d+)\}"
    # 3/4
    r"|(?P<plain_top>\d+)/(?P<plain_bottom>\d+)"
    # (2+\frac{1}{2}), which latex.py makes of a mixed number
    r"|\((?P<whole>\d+)\+\\frac\{(?P<mixed_top>\d+)\}\{(?P<mixed_bottom>\d+)\}\))"
)
# 0.1\bar{6}, 0.\bar3
_REPEATING = re.compile(
    r"(?P<sign>-?)(?P<whole>\d*)\.(?P<fixed>\d*)"
    r"\\bar ?(?:\{(?P<period>\d+)\}|(?P<digit>\d))"
)


def rational(text: str) -> Fraction | None:
    """The exact value of a text that is one number; None where it is none.

    Such a number is a decimal, a fraction, a mixed number, a power of ten, or a repeating decimal.
    """
    text = text.strip()
    if repeating := _REPEATING.fullmatch(text):
        return _repeating_value(repeating)
    match = _RATIONAL.fullmatch(text)
    if match is None:
        return None
    try:
        value = _rational_value(match)
    except (ZeroDivisionError, ValueError):  # ValueError: more digits than Python reads
        return None
    return -value if match["sign"] else value


def _rational_value(match: re.Match[str]) -> Fraction:
    """The value of a match of _RATIONAL without its sign."""
    if match["decimal"]:
        return Fraction(match["decimal"]) * Fraction(10) ** int(match["exponent"] or 0)
    if match["whole"]:
        part = Fraction(int(match["mixed_top"]), int(match["mixed_bottom"]))
        return int(match["whole"]) + part
    top, bottom = match["top"] or match["plain_top"], match["bottom"] or match["plain_bottom"]
    return Fraction(int(top), int(bottom))


def _repeating_value(match: re.Match[str]) -> Fraction:
    r"""The value of a match of _REPEATING.

    0.1\bar{6} is (16 - 1) / 90: the digits up to the period's end less those before the period,
    over as many nines as the period has digits, and as many zeros as stand before it.
    """
    integer, fixed = match["whole"] or "0", match["fixed"]
    period = match["period"] or match["digit"]
    numerator = int(integer + fixed + period) - int(integer + fixed)
    value = Fraction(numerator, 10 ** len(fixed) * (10 ** len(period) - 1))
    return -value if match["sign"] else value
