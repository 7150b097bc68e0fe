r"""Answers that are compared as they are written: words, and numbers that name their base.

Examples are `\text{even}` and `52_8`.
"""

import re

from stages.core.grading.mathematics import latex, structure
from stages.core.grading.mathematics.terms import FUNCTION
from stages.core.grading.statement import words

# `52_8`, `1A_{16}`, `52 (base 8)`, `101 in base two`
_BASED = re.compile(
    r"([0-9A-F]+) ?(?:_ ?\{? ?(\w+) ?\}?|\(?(?:in )?base[ -](\w+)\)?)", re.IGNORECASE
)
_NUMERALS = "zero one two three four five six seven eight nine ten eleven twelve".split()
# `even`, `don't`, `well-known`; not `p-q`, which is a difference
_WORD = r"[^\W\d_]+(?:(?:'|(?<=[^\W\d_]{2})-(?=[^\W\d_]{2}))[^\W\d_]+)*"
# `the even ones`, `red, blue`, `(C)`
_ONLY_WORDS = re.compile(rf"(?:(?:the|an?) )?{_WORD}(?:,? {_WORD})*|\(?[A-Z]\)?", re.IGNORECASE)
# `1\text{A}7_{16}`: a digit above nine, set upright
_UPRIGHT_DIGITS = re.compile(r"(?<=[0-9A-F])\\text\{([0-9A-F]+)\}")
_ARTICLES = ("the", "a", "an")


def spelled(text: str, letter: bool = False) -> list[str] | None:
    r"""The words of a text in lower case, without articles; None where it is not only words.

    A letter counts within \text, as in `\text{(C)}`, and with `letter` also by itself. `Evelyn` is
    a word, but a short text without \text is a product, as `xy` is.
    """
    bare = words.without_text(text, "").strip().strip('$ .!"')
    if not _ONLY_WORDS.fullmatch(bare):
        return None
    if not words.has_text(text):
        is_product = len(bare) < 4 and not letter
        if is_product or FUNCTION.match(bare):
            return None
    parts = re.findall(r"(?:[^\W\d_]|['-])+", bare.casefold())
    singular = [re.sub(r"(?<=solution)s$", "", part) for part in parts]
    if len(singular) < 2:
        return singular
    return [part for part in singular if part not in _ARTICLES]


def based(text: str) -> tuple[str, str] | None:
    """(digits, base) of a number that names its base: `52_8`, `52 (base 8)`; None for no such."""
    match = _BASED.fullmatch(words.without_text(latex.simple(text)).strip().strip("$ ."))
    if not match:
        return None
    base = _base_of_name((match[2] or match[3]).lower())
    digits = match[1].upper()
    if not 2 <= base <= 36 or not all(int(digit, 36) < base for digit in digits):
        return None
    return digits, str(base)


def same_digits(answer: str, gold: str) -> bool:
    """Whether two numbers have the same digits in the same base; the answer may leave it out."""
    last_side = structure.relation(latex.simple(answer))[0][-1]
    answer_digits, answer_base = _digits_and_base(_UPRIGHT_DIGITS.sub(r"\1", last_side))
    gold_digits, gold_base = _digits_and_base(gold)
    if answer_digits != gold_digits or not gold_base:
        return False
    return answer_base in ("", gold_base)


def _digits_and_base(text: str) -> tuple[str, str]:
    """The digits and the base of a number; a number that names none has the base ""."""
    return based(text) or (latex.simple(text), "")


def _base_of_name(name: str) -> int:
    """8 for "8" and "eight"; 0 for what is no number."""
    if name in _NUMERALS:
        return _NUMERALS.index(name)
    return int(name) if name.isdecimal() else 0
