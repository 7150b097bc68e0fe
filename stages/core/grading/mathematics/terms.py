r"""Whether two terms are equal: as texts in one spelling, as exact rational numbers, or by
math-verify's sympy.

Dots, primes, sums, limits and words are compared as text alone. Numbers are compared to one part in
10**15, relative to their size, and exactly where both are rational.
"""

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from stages.core.grading.mathematics import latex
from stages.core.grading.statement import words

SECONDS = 5  # for each parse and comparison, by math-verify's own timer
DIGITS = 30  # of which numbers are computed
CLOSE = 10**-15  # to which two irrational numbers agree, relative to the larger
_STRUCTURE = (
    "ldots lim sum prod int oint max min sup inf bigcup bigcap forall exists mapsto begin prime pm mp underbrace "
    "mathbb text angle triangle"
)
STRUCTURAL = re.compile(rf"\\{words.any_of(_STRUCTURE)}(?![A-Za-z])|['\u2032]|\.\.\.|:")
_FUNCTIONS = (
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp max min gcd lcm det deg"
)
FUNCTION = re.compile(rf"\\?{words.any_of(_FUNCTIONS)}(?![A-Za-z])")
_LEFT_OVER = re.compile(
    rf"(?<![\\A-Za-z{{])[A-Za-z]{{3,}}|(?<![\\A-Za-z]){words.any_of('as at by if in is it no of or so to')}(?![A-Za-z])"
)
_POWER_OF_TEN = r"(?P<power> ?(?:\\times|\\cdot) ?10 ?\^ ?\{? ?(?P<exponent>-?\d{1,3}) ?\}?)?"
_RATIONAL = re.compile(
    rf"(?P<sign>-?) ?(?:(?P<decimal>\d*\.?\d+|\d+\.){_POWER_OF_TEN}"
    r"|\\frac\{(?P<top>-?\d+)\}\{(?P<bottom>-?\d+)\}|(?P<plain_top>\d+)/(?P<plain_bottom>\d+)"
    r"|\((?P<whole>\d+)\+\\frac\{(?P<mixed_top>\d+)\}\{(?P<mixed_bottom>\d+)\}\))"
)
_REPEATING = re.compile(
    r"(?P<sign>-?)(?P<whole>\d*)\.(?P<fixed>\d*)\\bar ?(?:\{(?P<period>\d+)\}|(?P<digit>\d))"
)


class GaveUpError(Exception):
    """The comparison was not made; the text says why."""


def readable(term: str) -> bool:
    """Whether a term can be compared."""
    return bool(term) and (
        bool(STRUCTURAL.search(term)) or rational(term) is not None or bool(_parse(term))
    )


def same_term(said: str, meant: str) -> bool:
    """Whether two simple terms (see latex.py) are equal. Raises GaveUpError."""
    if latex.canonical(said) == latex.canonical(meant):
        return True
    if STRUCTURAL.search(said) or STRUCTURAL.search(meant):
        return _as_text(said) == _as_text(meant)
    values = rational(said), rational(meant)
    if None not in values:
        return values[0] == values[1]
    words_left = (
        {*_LEFT_OVER.findall(said)}
        - {*_LEFT_OVER.findall(meant)}
        - {*_FUNCTIONS.split(), "sqrt", "mod"}
    )
    return (
        bool(said)
        and not words_left
        and same_symbols(said, meant)
        and _same_expressions(said, meant)
    )


def proportional(one: str, other: str) -> bool:
    """Whether one term is a number other than zero times the other."""
    import sympy

    terms = [
        part for text in (one, other) for part in _parse(text)[:1] if isinstance(part, sympy.Expr)
    ]
    if len(terms) < 2 or terms[1] == 0 or not same_symbols(one, other):
        return False
    ratio = _tried(lambda: _library().utils.timeout(SECONDS)(sympy.simplify)(terms[0] / terms[1]))
    return ratio is not None and bool(ratio.is_number and ratio.is_finite and not ratio.is_zero)


def same_symbols(said: str, meant: str) -> bool:
    """False where one has a letter in the other case than the other: `K` is not `k`."""
    names = [
        set(re.findall(r"(?<![\\A-Za-z])[A-Za-z](?![A-Za-z])", text)) for text in (said, meant)
    ]
    return names[0] == names[1] or {*map(str.lower, names[0])} != {*map(str.lower, names[1])}


def rational(text: str) -> Fraction | None:
    """The exact value of a decimal, a fraction, a mixed number, a power of ten or a repeating
    decimal.
    """
    text = text.strip()
    if repeating := _REPEATING.fullmatch(text):
        whole, fixed, period = (
            repeating["whole"] or "0",
            repeating["fixed"],
            repeating["period"] or repeating["digit"],
        )
        value = Fraction(
            int(whole + fixed + period) - int(whole + fixed),
            10 ** len(fixed) * (10 ** len(period) - 1),
        )
        return -value if repeating["sign"] else value
    match = _RATIONAL.fullmatch(text)
    if match is None:
        return None
    try:
        if match["decimal"]:
            value = Fraction(match["decimal"]) * Fraction(10) ** int(match["exponent"] or 0)
        elif match["whole"]:
            value = int(match["whole"]) + Fraction(
                int(match["mixed_top"]), int(match["mixed_bottom"])
            )
        else:
            value = Fraction(
                int(match["top"] or match["plain_top"]),
                int(match["bottom"] or match["plain_bottom"]),
            )
    except (ZeroDivisionError, ValueError):  # ValueError: more digits than Python reads
        return None
    return -value if match["sign"] else value


def _as_text(term: str) -> str:
    """A term without braces and spaces, the limits of sums in one order, "a.m." as "am"."""
    limit = r"(\{[^{}]*\}|\w)"
    term = re.sub(
        rf"(\\(?:sum|prod|int|bigcup|bigcap)) ?\^ ?{limit} ?_ ?{limit}", r"\1_\3^\2", term
    )
    term = re.sub(r"[{}\s]|\\(?:limits|text)(?![a-z])", "", term)
    return term.replace("a.m", "am").replace("p.m", "pm").rstrip(".")


def _same_expressions(said: str, meant: str) -> bool:
    """By sympy: numbers by their values; else by math-verify."""
    import sympy

    one, other = _parse(said)[:1], _parse(meant)[:1]
    if all(part and isinstance(part[0], sympy.Expr) and part[0].is_number for part in (one, other)):
        return bool(
            _tried(lambda: _library().utils.timeout(SECONDS)(_same_number)(one[0], other[0]))
        )
    limits = {"float_rounding": 12, "timeout_seconds": SECONDS, "raise_on_error": True}
    return bool(_tried(lambda: _library().verify(_parse(meant), _parse(said), **limits)))


def _same_number(one: Any, other: Any) -> bool:
    import sympy

    one, other = (
        value.replace(lambda part: part.is_Float, lambda part: sympy.Rational(str(part)))
        for value in (one, other)
    )
    if one.is_rational and other.is_rational:
        return bool((one - other).doit() == 0)
    if not (one.is_finite and other.is_finite):
        return bool(one == other)
    size = max(abs(sympy.N(one, DIGITS)), abs(sympy.N(other, DIGITS)))
    return bool(abs(sympy.N(one - other, DIGITS)) <= size * CLOSE)


@functools.lru_cache(maxsize=1024)  # of a question, several answers are graded
def _parse(text: str) -> list[Any]:
    # A bare `\dfrac97` parses to nothing, so everything is put in a box; `a - b - c` with its
    # spaces is taken for words
    boxed = rf"$\boxed{{{re.sub(r'(?<![A-Za-z]) | (?![A-Za-z])', '', text)}}}$"
    reading = _extraction()
    return (
        _tried(
            lambda: _library().parse(boxed, reading, parsing_timeout=SECONDS, raise_on_error=True)
        )
        or []
    )


@functools.cache
def _extraction() -> list[Any]:
    r"""math-verify's own way to read, but for units: it would take the h of `\pi r^2 h` for hours."""
    formula, expression = (
        inspect.signature(_library().parse).parameters["extraction_config"].default
    )
    return [
        replace(formula, normalization_config=replace(formula.normalization_config, units=False)),
        expression,
    ]


def _tried(call: Callable[[], Any]) -> Any:
    """The call's result; None where the library fails on unusual input. Raises GaveUpError when it
    takes too long.
    """
    try:
        return call()
    except _library().errors.TimeoutException as error:
        raise GaveUpError(f"not done in {SECONDS} seconds") from error
    except MemoryError:  # ends the worker
        raise
    except Exception:
        return None


@functools.cache
def _library() -> Any:
    """math-verify, imported late: its sympy takes a second that the other graders need not wait."""
    import math_verify.errors
    import math_verify.utils

    return math_verify
