r"""Answers that are compared as they are written: words (`\text{even}`), and numbers that name
their base (`52_8`).
"""

import re

from stages.core.grading.mathematics import latex, structure
from stages.core.grading.mathematics.terms import FUNCTION
from stages.core.grading.statement import words

_BASED = re.compile(
    r"([0-9A-F]+) ?(?:_ ?\{? ?(\w+) ?\}?|\(?(?:in )?base[ -](\w+)\)?)", re.IGNORECASE
)
_NUMERALS = "zero one two three four five six seven eight nine ten eleven twelve".split()
_WORD = r"[^\W\d_]+(?:(?:'|(?<=[^\W\d_]{2})-(?=[^\W\d_]{2}))[^\W\d_]+)*"  # `p-q` is a difference
_ONLY_WORDS = re.compile(rf"(?:(?:the|an?) )?{_WORD}(?:,? {_WORD})*|\(?[A-Z]\)?", re.IGNORECASE)


def spelled(text: str, letter: bool = False) -> list[str] | None:
    r"""Its words in lower case where `text` is nothing but words, or a letter within \text:
    `\text{(C)}`, `Evelyn`.

    With `letter`, a letter by itself is such a word too.
    """
    bare = words.without_text(text, "").strip().strip('$ .!"')
    if not _ONLY_WORDS.fullmatch(bare):
        return None
    if not words.has_text(text) and len(bare) < 4 and not letter:
        return None  # xy is a product
    if not words.has_text(text) and FUNCTION.match(bare):
        return None
    parts = [
        re.sub(r"(?<=solution)s$", "", part)
        for part in re.findall(r"(?:[^\W\d_]|['-])+", bare.casefold())
    ]
    return [part for part in parts if part not in ("the", "a", "an")] if len(parts) > 1 else parts


def based(text: str) -> tuple[str, str] | None:
    """(digits, base) of a number that names its base: `52_8`, `52 (base 8)`."""
    match = _BASED.fullmatch(words.without_text(latex.simple(text)).strip().strip("$ ."))
    if not match:
        return None
    named = (match[2] or match[3]).lower()
    base = _NUMERALS.index(named) if named in _NUMERALS else int(named) if named.isdecimal() else 0
    digits = match[1].upper()
    return (
        (digits, str(base))
        if 2 <= base <= 36 and all(int(digit, 36) < base for digit in digits)
        else None
    )


def same_digits(answer: str, gold: str) -> bool:
    """Whether a number that names its base is the other: digit by digit, in a base that the answer
    may leave out.
    """
    answer = structure.relation(latex.simple(answer))[0][-1]
    answer = re.sub(r"(?<=[0-9A-F])\\text\{([0-9A-F]+)\}", r"\1", answer)  # `1\text{A}7_{16}`
    said, wanted = (based(text) or (latex.simple(text), "") for text in (answer, gold))
    return said[0] == wanted[0] and bool(wanted[1]) and said[1] in ("", wanted[1])
