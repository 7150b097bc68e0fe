"""The numbers that one part of a statement is about, where nothing beside them changes them."""

import re
from fractions import Fraction

from stages.core.grading.numeric.digits import NUMBER, without_units, written
from stages.core.grading.numeric.number_words import NUMBER_WORD
from stages.core.grading.statement import beside, denial, words
from stages.core.grading.statement.candidates import UnclearError

# "Twice the number is " before "60"; not "5 times 12 is "
_MULTIPLE_IS = re.compile(
    rf"\b(?:(?:twice|half|double|triple)\b|times (?!\D{{0,3}}\d|{NUMBER_WORD}\b))"
    r".*\b(?:is|equals) $",
    re.IGNORECASE,
)
# " children receives " after a number, which begins another clause
_ANOTHER_CLAUSE = re.compile(r"^ (?!and\b|or\b|of\b)[a-z]{3,} [a-z]{3,} \D{0,2}$")
# "to pay for ", "is left with the ", "sells to buy ": what may lead to the one number of a sentence
_LED_BY_A_VERB = re.compile(
    r"\bto \w+ (?:(?!to\b)[a-z]+ ){1,3}$"
    r"|\S+ \w+ (?:(?:with|for|in|at|to|after)(?: the)?|to \w+) $"
)
_FUNCTION = re.compile(r"\b(?:sin|cos|tan|log|ln|cot|sec|csc)\b|\\(?:sin|cos|tan|log|ln)")
_SHORT_WORDS = words.any_of("is to of in it at he we be by so as on an or")
# Words on the left side of an equation, which leave its name: "The value of " of "The value of x"
_ENGLISH = re.compile(
    rf"(?<![\\A-Za-z])(?:[A-Za-z]{{3,}}|{_SHORT_WORDS})(?![A-Za-z])"
    r"|'\w+|(?<!\w)a (?=[a-z]{2})|\\(?:sqrt|frac|times|cdot|div|left|right)(?![A-Za-z])",
    re.IGNORECASE,
)
# `(3)` of `f(3)`, `_{n}`, `_1`
_ARGUMENT_OR_SUBSCRIPT = re.compile(r"\([^()]*\)|_\{[^{}]*\}|_\w")
# `2`, `^`, and two letters side by side, as in `xy`: signs of a term, not of a name
_TERM_SIGN = re.compile(r"\d|\^|(?<![A-Za-z\\])[a-z]{2}(?![a-z])")
_SCALE_WORD = re.compile(rf" ({'|'.join(words.SCALES)})\b", re.IGNORECASE)
_SCALE_LETTER = re.compile(r"([kKMB])\b")
_SCALES_OF_CAPITALS = {"M": 10**6, "B": 10**9}


def values(part: str) -> set[Fraction]:
    """The numbers that a part of a statement is about.

    Raises UnclearError where what is beside a number changes it.
    """
    part = " ".join(without_units(_right_side(part)).split())
    matches = list(NUMBER.finditer(part))
    given_start = _start_of_given(part, matches)
    counted = set[Fraction]()
    for match in matches:
        before = part[: match.start()]
        if match.start() != given_start and passed_over(before):
            continue
        if match.start() < given_start or denial.rejects(before):
            continue  # an operand, as in "6 times 6 equals 36", or what the answer is not
        value, after = _scaled(match, part[match.end() :])
        if counted and re.match(r" of (?:which|whom|them)\b", after):
            continue
        if value is None or _is_changed(match, before, after):
            raise UnclearError
        counted.add(value)
    return counted


def only_number(text: str) -> set[Fraction]:
    """The one number of a sentence after a preposition that can lead to an answer.

    An example is "She is left with 24 cards.". The set is empty where there is no such number.
    """
    text_without_units = without_units(text)
    matches = list(NUMBER.finditer(text_without_units))
    if len(matches) != 1 or "=" in text:
        return set()
    before = text_without_units[: matches[0].start()]
    value, after = _scaled(matches[0], text_without_units[matches[0].end() :])
    if value is None or not _LED_BY_A_VERB.search(before):
        return set()
    if beside.CHANGES_AFTER.match(after) or denial.rejects(before):
        return set()
    return {value}


def passed_over(before: str) -> bool:
    """Whether a number after `before` is only mentioned: "of the 30", "in week 18".

    That is so where the nearest word that governs it is a preposition or a label.
    """
    earlier_numbers = list(NUMBER.finditer(before))
    if earlier_numbers:
        after = before[earlier_numbers[-1].end() :]
        if _ANOTHER_CLAUSE.search(after):
            before = after  # a preposition governs one number: "each of the 6 children receives 50"
    governors = list(beside.GOVERNOR.finditer(before))
    return bool(governors) and governors[-1]["passed"] is not None


def _start_of_given(part: str, matches: list[re.Match[str]]) -> int:
    """Where the number stands that a part says to be given: 24 of "dividing 120 by 5 gives 24"."""
    for match in matches:
        if beside.GIVES.search(part[: match.start()]):
            return match.start()
    return 0


def _is_changed(match: re.Match[str], before: str, after: str) -> bool:
    """Whether what stands beside a number makes it another one, or none."""
    if _MULTIPLE_IS.search(before):
        return True
    if "/" in match[0] and re.match(r" of \D{0,8}\d", after):  # half of another number
        return True
    if beside.CHANGES_BEFORE.search(before):
        return True
    return beside.CHANGES_AFTER.match(after) is not None


def _right_side(part: str) -> str:
    """What an equation gives; of "20 at x = 3" and "18 = total" what stands before the sign.

    Raises UnclearError where the equation is to be solved.
    """
    sides, sign, right = part.rpartition("=")
    if not sign:
        return part
    left = sides.rpartition("=")[2]
    right_computes = re.search(r"\d ?[*/\u00d7+]", right) and NUMBER.fullmatch(left.strip())
    if not NUMBER.search(right) or right_computes:
        return sides
    if re.search(r"\d.*\bif\s\S{1,3}\s?$", left):
        raise UnclearError
    if re.search(r"\b(?:at|for|when|where|with|if|since|because|from)\s\S{1,3}\s?$", left):
        return re.sub(r"\S+\s?$", "", part.partition("=")[0])
    if not _is_name(left):
        raise UnclearError
    return right


def _scaled(match: re.Match[str], after: str) -> tuple[Fraction | None, str]:
    """The number with the scales after it ("2.5 million", "18K"), and the rest of the text."""
    value = written(match)
    scale = _SCALE_WORD.match(after) or _SCALE_LETTER.match(after)
    while scale and value is not None:
        value *= _SCALES_OF_CAPITALS.get(scale[1]) or words.SCALES[scale[1].lower()]
        after = after[scale.end() :]
        scale = _SCALE_WORD.match(after)
    return value, after


def _is_name(left: str) -> bool:
    """Whether the left side of an equation names the right one.

    `2x = 10` and `cos x = 5` are to be solved, so their left sides name nothing.
    """
    left = left.strip(" $|").removesuffix("\\").strip()
    if _FUNCTION.search(left):
        return False
    term = _ENGLISH.sub("", left).strip()
    if re.search(r"[A-Za-z]{2,}\s\S+$", term):
        term = re.split(r"\s(?=\S+$)", term)[-1]
    bare_term = _ARGUMENT_OR_SUBSCRIPT.sub("", term)
    return not re.search(r"[A-Za-z]", bare_term) or not _TERM_SIGN.search(bare_term)
