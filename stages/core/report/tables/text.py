"""Numbers as the text of a table's cell. What does not exist is "-"."""

from collections.abc import Mapping

from stages.core.statistics.measures import Estimate

_MOST_DECIMALS = 6  # a number that is closer to 0 loses digits rather than fill its column


def number(value: float | None, digits: int = 0) -> str:
    """A number with thousands separated, "-" for None."""
    return "-" if value is None else f"{value:,.{digits}f}"


def significant(value: float | None, digits: int = 3) -> str:
    """A number to `digits` significant digits, without an exponent."""
    if value is None or value == 0:
        return number(value)
    # 12345.6 is 1.234560e+04: the exponent 4 says that 5 digits stand before the point
    exponent = int(f"{value:e}".split("e")[1])
    decimals = max(0, digits - 1 - exponent)
    return number(value, min(_MOST_DECIMALS, decimals))


def scientific(value: float) -> str:
    """A large number to three digits: `2.18e13`."""
    # "e+13" and "e+05" become "e13" and "e5"
    return f"{value:.2e}".replace("e+", "e").replace("e0", "e")


def interval(estimate: Estimate, digits: int = 1, sign: str = "") -> str:
    """`62.5 [55.2, 69.8]`, `62.5 [55.2, -]` without an upper end, or as much of it as there is.

    With "+" as `sign` positive numbers have theirs too.
    """
    if estimate.value is None:
        return "-"
    form = f"{sign}z.{digits}f"  # z: a difference that rounds to nothing is +0.0, never -0.0
    if estimate.low is None:
        return format(estimate.value, form)
    high = "-" if estimate.high is None else format(estimate.high, form)
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {high}]"


def percent(estimate: Estimate, sign: str = "") -> str:
    """A fraction's estimate in per cent."""
    return interval(estimate.scaled(100), 1, sign)


def share(value: float | None) -> str:
    """A fraction in per cent, without an interval."""
    return "-" if value is None else number(100 * value, 1)


def p_value(value: float | None) -> str:
    """A p to three digits."""
    if value is None:
        return "-"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def times_less(fraction: float | None, digits: int = 3) -> str:
    """How many times less a fraction is than 1: `4.00x` for 0.25."""
    return f"{significant(1 / fraction, digits)}x" if fraction else "-"


def counts(count_by_reason: Mapping[str, int]) -> str:
    """`empty 3, tags 5`: what occurs, in the order of the alphabet, or "none"."""
    texts = [f"{reason} {count}" for reason, count in sorted(count_by_reason.items()) if count]
    return ", ".join(texts) or "none"
