r"""Mathematical equality by math-verify, which reads LaTeX and plain expressions, guarded where it errs.

Each guard is for answers that math-verify 0.9.0 was seen to accept or to refuse wrongly:
- text (`\text{even}`, `Evelyn`, `(C)`) is compared as words: as mathematics its letters are factors, in any order;
- a number in a base (`52_8`, `52 base 8`) is compared by its digits, and its base where both name one;
- units are not looked at, but square feet are no cubic feet;
- decimals are compared exactly, and with other numbers to twelve places, not six;
- an equation is compared as a whole: its sides' difference, up to a factor; `x = 5` alone is also 5;
- `K` is not `k`;
- a formula with words left in it equals nothing;
- what is too long, too deeply nested (its time doubles with every bracket) or breaks off is not read.
"""

import functools
import itertools
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from stages.core.grading import forms

SECONDS = 5  # for each parse and comparison, by math-verify's own timer
LONGEST, DEEPEST = 500, 12  # characters, and brackets within brackets; the longest gold of MATH-500 has 53
PLACES = 12  # math-verify's own 6 would make 0.0000672 equal 0.0000668
_EQUALS = re.compile(r"(?<![\\<>!:=])=(?!=)")
_SYMBOL = re.compile(r"[A-Za-z](?:_\{?\w\}?)?(?:\([a-z]\))?|\\[a-z]+")
_WORDS = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}|(?<![\\A-Za-z])(?:as|at|by|if|in|is|it|no|of|or|so|to)(?![A-Za-z])")
_DECIMAL = re.compile(r"-?\d*\.?\d+")


class GaveUpError(Exception):
    """The comparison was not made; the text says why."""


def math_equal(answer: str, gold: str) -> bool | None:
    """Whether two mathematical texts are equal, None where `gold` cannot be read. Raises GaveUpError."""
    if max(len(answer), len(gold)) > LONGEST:
        raise GaveUpError(f"longer than {LONGEST} characters")
    wanted = forms.words(gold)
    if wanted is not None:
        return forms.words(answer, letter=True) == wanted
    if forms.based(gold) or forms.based(answer):
        return _based(answer, gold)
    if ("%" in answer) != ("%" in gold):  # 50 answers a question whose gold is 50%
        answer, gold = (text.replace("\\%", "").replace("%", "") for text in (answer, gold))
    found, meant = forms.formula(answer), forms.formula(gold)
    if max(_depth(found), _depth(meant)) > DEEPEST:
        raise GaveUpError(f"more than {DEEPEST} brackets within brackets")
    if not _whole(meant) or not _parse(meant):
        return None
    powers = {forms.unit_power(answer), forms.unit_power(gold)} - {""}
    if len(powers) > 1 or not _whole(found) or {*_WORDS.findall(found)} - {*_WORDS.findall(meant)} - forms.FUNCTIONS:
        return False
    return _same(found, meant)


def _based(answer: str, gold: str) -> bool:
    """Whether a number that names its base is the other: digit by digit, in a base that the answer may leave out."""
    found, wanted = (forms.based(text) or (forms.formula(text), "") for text in (answer, gold))
    return found[0] == wanted[0] and bool(wanted[1]) and found[1] in ("", wanted[1])


def _same(found: str, meant: str) -> bool:
    """Whether two formulas are equal; `x = 5` and `x = 5, x = 7` are also 5 and 5, 7."""
    (name, value), (wanted_name, wanted_value) = _values(found), _values(meant)
    sides = [_EQUALS.split(text) for text in (found, meant)]
    if len(sides[0]) == len(sides[1]) == 2 and (name != wanted_name or not name):
        return _same_equation(*(rf"({left})-({right})" for left, right in sides))
    if name and wanted_name and name != wanted_name:
        return False
    bare = [len(forms.split(text)) > 1 or text.startswith(r"\{") for text in (value, wanted_value)]
    ordered = [text[:1] in "([" and text[-1:] in ")]" for text in (value, wanted_value)]
    if (bare[0] and ordered[1]) or (bare[1] and ordered[0]):  # two solutions are no point, no interval
        return False
    names = [set(re.findall(r"(?<![\\A-Za-z])[A-Za-z](?![A-Za-z])", text)) for text in (value, wanted_value)]
    if names[0] != names[1] and {*map(str.lower, names[0])} == {*map(str.lower, names[1])}:
        return False
    if _DECIMAL.fullmatch(value) and _DECIMAL.fullmatch(wanted_value):
        return Fraction(value) == Fraction(wanted_value)
    return ("=" in value) == ("=" in wanted_value) and _equal(value, wanted_value)


def _values(text: str) -> tuple[str, str]:
    """(symbol, values): what an equation or a list of them gives to its one symbol, "" where there is none."""
    items = [_EQUALS.split(item) for item in forms.split(text)]
    names = {item[0].strip() for item in items if len(item) > 1}
    name = min(names, default="")
    if len(names) == 1 and (_SYMBOL.fullmatch(name) or not re.search("[A-Za-z]", name)):  # else an equation
        return name if _SYMBOL.fullmatch(name) else "", ", ".join(item[-1].strip() for item in items)
    return "", text


def _same_equation(one: str, other: str) -> bool:
    """Whether two expressions that are to be zero are so together: one is a number times the other."""
    import sympy

    parsed = [part for text in (one, other) for part in _parse(text)[:1] if isinstance(part, sympy.Expr)]
    if len(parsed) < 2:
        return False
    ratio = _tried(lambda: _library().utils.timeout(SECONDS)(sympy.simplify)(parsed[0] / parsed[1]))
    return ratio is not None and bool(ratio.is_number and ratio.is_finite and not ratio.is_zero)


def _equal(found: str, meant: str) -> bool:
    return bool(
        _tried(
            lambda: _library().verify(
                _parse(meant),
                _parse(found),
                float_rounding=PLACES,
                allow_set_relation_comp=True,
                timeout_seconds=SECONDS,
                raise_on_error=True,
            )
        )
    )


@functools.lru_cache(maxsize=1024)  # of a question, several answers are graded
def _parse(text: str) -> list[Any]:
    # A bare `\dfrac97` parses to nothing, so everything is put in a box first
    boxed = rf"$\boxed{{{text}}}$"
    return _tried(lambda: _library().parse(boxed, parsing_timeout=SECONDS, raise_on_error=True)) or []


def _tried(call: Callable[[], Any]) -> Any:
    """The call's result; None where the library, on which no reliance is for odd input, fails. Raises GaveUpError."""
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


def _whole(text: str) -> bool:
    """Whether what it opens is closed; of a formula that breaks off, math-verify reads what there is."""
    plain = re.sub(r"\\[{}]", "", text)
    return plain.count("{") == plain.count("}") and text.count(r"\begin") == text.count(r"\end")


def _depth(text: str) -> int:
    depths = itertools.accumulate((letter in "([{") - (letter in ")]}") for letter in text)
    return max(depths, default=0)
