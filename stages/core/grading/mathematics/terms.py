r"""Whether two terms are equal: as text, as exact rational numbers, or by math-verify's sympy.

Dots, primes, sums, limits and words are compared as text alone. Irrational numbers are compared to
one part in 10**15, relative to their size. Two rational numbers are compared exactly.
"""

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from stages.core.grading.mathematics import latex
from stages.core.grading.mathematics.rationals import rational
from stages.core.grading.statement import words

SECONDS = 5  # for each parse and comparison, by math-verify's own timer
DIGITS = 30  # decimal digits to which numbers are computed
CLOSE = 10**-15  # to which two irrational numbers agree, relative to the larger
_STRUCTURE = (
    "ldots lim sum prod int oint max min sup inf bigcup bigcap forall exists mapsto begin prime "
    "pm mp underbrace mathbb text angle triangle"
)
# What sympy would misread: `\sum`, `f'`, `1, 2, ...`, `3:4`
STRUCTURAL = re.compile(rf"\\{words.any_of(_STRUCTURE)}(?![A-Za-z])|['\u2032]|\.\.\.|:")
_FUNCTIONS = (
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp max min gcd lcm det deg"
)
# `\sin`, `sin`
FUNCTION = re.compile(rf"\\?{words.any_of(_FUNCTIONS)}(?![A-Za-z])")
_SHORT_WORDS = words.any_of("as at by if in is it no of or so to")
# `meters`, `is`: words that neither a command nor \text{} holds
_WORD_LEFT_OVER = re.compile(
    rf"(?<![\\A-Za-z{{])[A-Za-z]{{3,}}|(?<![\\A-Za-z]){_SHORT_WORDS}(?![A-Za-z])"
)
# A letter by itself: K and k of `Kk` are none, those of `K k` are
_LETTER = re.compile(r"(?<![\\A-Za-z])[A-Za-z](?![A-Za-z])")
_LIMIT = r"(\{[^{}]*\}|\w)"
# \sum^n_{k=1}, whose limits stand in the other order in \sum_{k=1}^n
_LIMITS_SWAPPED = re.compile(rf"(\\(?:sum|prod|int|bigcup|bigcap)) ?\^ ?{_LIMIT} ?_ ?{_LIMIT}")


class GaveUpError(Exception):
    """The comparison was not made; the text says why."""


def readable(term: str) -> bool:
    """Whether a term can be compared."""
    if not term:
        return False
    if STRUCTURAL.search(term) or rational(term) is not None:
        return True
    return bool(_parse(term))


def same_term(answer: str, gold: str) -> bool:
    """Whether two simple terms (see latex.py) are equal. Raises GaveUpError."""
    if latex.canonical(answer) == latex.canonical(gold):
        return True
    if STRUCTURAL.search(answer) or STRUCTURAL.search(gold):
        return _as_text(answer) == _as_text(gold)
    answer_value, gold_value = rational(answer), rational(gold)
    if answer_value is not None and gold_value is not None:
        return answer_value == gold_value
    if not answer or _words_left_over(answer, gold) or not same_symbols(answer, gold):
        return False
    return _same_expressions(answer, gold)


def proportional(first: str, second: str) -> bool:
    """Whether one term is a number other than zero times the other."""
    import sympy

    expressions: list[Any] = []
    for text in (first, second):
        expressions += [part for part in _parse(text)[:1] if isinstance(part, sympy.Expr)]
    if len(expressions) < 2 or expressions[1] == 0 or not same_symbols(first, second):
        return False
    ratio = _tried(lambda: _simplified_ratio(expressions[0], expressions[1]))
    return ratio is not None and bool(ratio.is_number and ratio.is_finite and not ratio.is_zero)


def _simplified_ratio(numerator: Any, denominator: Any) -> Any:
    """A quotient in sympy's simplest form, within SECONDS."""
    import sympy

    return _library().utils.timeout(SECONDS)(sympy.simplify)(numerator / denominator)


def same_symbols(first: str, second: str) -> bool:
    """False where one has a letter in the other case than the other: `K` is not `k`."""
    first_names, second_names = set(_LETTER.findall(first)), set(_LETTER.findall(second))
    if first_names == second_names:
        return True
    return set(map(str.lower, first_names)) != set(map(str.lower, second_names))


def _words_left_over(answer: str, gold: str) -> set[str]:
    """The words of an answer that are neither the gold's nor functions."""
    functions = {*_FUNCTIONS.split(), "sqrt", "mod"}
    return set(_WORD_LEFT_OVER.findall(answer)) - set(_WORD_LEFT_OVER.findall(gold)) - functions


def _as_text(term: str) -> str:
    """A term without braces and spaces, the limits of sums in one order, "a.m." as "am"."""
    term = _LIMITS_SWAPPED.sub(r"\1_\3^\2", term)
    term = re.sub(r"[{}\s]|\\(?:limits|text)(?![a-z])", "", term)
    return term.replace("a.m", "am").replace("p.m", "pm").rstrip(".")


def _same_expressions(answer: str, gold: str) -> bool:
    """Whether sympy finds two terms equal: numbers by their values, others by math-verify."""
    import sympy

    parsed = [*_parse(answer)[:1], *_parse(gold)[:1]]
    if len(parsed) == 2 and all(isinstance(part, sympy.Expr) and part.is_number for part in parsed):
        return bool(_tried(lambda: _library().utils.timeout(SECONDS)(_same_number)(*parsed)))
    limits = {"float_rounding": 12, "timeout_seconds": SECONDS, "raise_on_error": True}
    return bool(_tried(lambda: _library().verify(_parse(gold), _parse(answer), **limits)))


def _same_number(first: Any, second: Any) -> bool:
    """Whether two sympy numbers are equal: rational ones exactly, others to CLOSE."""
    import sympy

    first, second = _with_exact_decimals(first), _with_exact_decimals(second)
    if first.is_rational and second.is_rational:
        return bool((first - second).doit() == 0)
    if not (first.is_finite and second.is_finite):
        return bool(first == second)
    larger_size = max(abs(sympy.N(first, DIGITS)), abs(sympy.N(second, DIGITS)))
    return bool(abs(sympy.N(first - second, DIGITS)) <= larger_size * CLOSE)


def _with_exact_decimals(number: Any) -> Any:
    """A sympy number with a rational number for each float in it."""
    import sympy

    return number.replace(lambda part: part.is_Float, lambda part: sympy.Rational(str(part)))


@functools.lru_cache(maxsize=1024)  # several answers to one question are graded
def _parse(text: str) -> list[Any]:
    """What math-verify reads in a term, its best reading first; an empty list for nothing."""
    # math-verify takes `a - b - c` for words because of its spaces
    close_together = re.sub(r"(?<![A-Za-z]) | (?![A-Za-z])", "", text)
    # A bare `\dfrac97` parses to nothing, so everything is put in a box
    boxed = rf"$\boxed{{{close_together}}}$"
    config = _extraction()
    parsed = _tried(
        lambda: _library().parse(boxed, config, parsing_timeout=SECONDS, raise_on_error=True)
    )
    return parsed or []


@functools.cache
def _extraction() -> list[Any]:
    r"""math-verify's own way to read, but without units.

    With units it would take the h of `\pi r^2 h` for hours.
    """
    parameters = inspect.signature(_library().parse).parameters
    formula, expression = parameters["extraction_config"].default
    without_units = replace(formula.normalization_config, units=False)
    return [replace(formula, normalization_config=without_units), expression]


def _tried(call: Callable[[], Any]) -> Any:
    """The call's result; None where the library fails on unusual input.

    Raises GaveUpError where the call takes too long.
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
