"""Numbers as exact fractions: the one that a text is, and whether two are equal."""

from fractions import Fraction

from stages.core.grading.numeric.digits import NUMBER, plain, without_units, written

_LAST_DIGITS = Fraction(1, 10**14)  # of a float's value: what its rounding may change
_MANY_DIGITS = 10**10  # a larger denominator is a float's, written out


def gold(text: str) -> Fraction | None:
    """The number that `text` is as a whole; None where it is not one number."""
    text = without_units(plain(text)).strip(" %.")
    match = NUMBER.fullmatch(text.removesuffix("percent").strip())
    return written(match) if match else None


def same(value: Fraction, other: Fraction) -> bool:
    """Whether two numbers are equal.

    They are compared exactly; floats of 15 and more digits, to their last digits.
    """
    if value == other:
        return True
    both_are_floats = min(value.denominator, other.denominator) > _MANY_DIGITS
    return both_are_floats and abs(value - other) <= abs(other) * _LAST_DIGITS


def in_the_words_of(text: str, value: Fraction) -> str:
    """How `text` writes `value`, in digits, the last time; "" where it does not."""
    for match in reversed(list(NUMBER.finditer(plain(text)))):
        if written(match) == value:
            return match[0]
    return ""
