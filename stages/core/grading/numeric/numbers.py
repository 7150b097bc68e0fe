r"""Reading the number that a statement gives, as an exact fraction, with all that stands with it.

Written in digits (1,250; 1{,}250; 1 250), as a fraction (7/2, \frac72, 3 1/2, 3.5), a power of ten,
a scale ("2.5 million") or in words ("eighteen"). Currency, units, percent, degree signs and ordinal
endings are not looked at.

Of several numbers the one counts that the sentence gives ("dividing 120 by 5 gives 24") or is
about: numbers after a preposition ("for 18 eggs", "of the 30") and denied ones are passed over, an
equation counts as its last side. A bound, a range, an operator, a comparison with another number,
or two different numbers make a statement unclear. digits.py has the ways to write a number,
beside.py what changes one.
"""

import re
from fractions import Fraction

from stages.core.grading.numeric.digits import (
    LONGEST,
    NUMBER,
    NUMBER_WORD,
    in_words,
    plain,
    without_units,
    written,
)
from stages.core.grading.statement import beside, sentences, words
from stages.core.grading.statement.candidates import Statement, UnclearError
from stages.core.grading.statement.visible import BULLET

_LAST_DIGITS = Fraction(1, 10**14)  # of a float's value: what its rounding may change
_CONCLUDES = re.compile(
    r"(?:^|[\s,;])(?:so|thus|therefore|hence|which means(?: that)?|meaning(?: that)?)\b[,:]?\s(?!far|that\b|much|many)",
    re.IGNORECASE,
)
# "Since she sells 9 eggs at $2 each, she makes $18."
_INTRODUCTION = re.compile(
    r"^(?:to|if|since|as|when|after|once|because|with|given|in|by|at|\w+ing)\b[^,:]*(?:,(?!\d{3})|:)\s"
    r"(?!.*\b(?:but|would)\b)(?=.*\d)",
    re.IGNORECASE,
)
_WHICH_IS = re.compile(
    r"(?:,? which (?:is|makes|gives|leaves|equals)|, i\.e\.,?) (?=\D{0,3}[\d,.]*\d\D{0,20}$)",
    re.IGNORECASE,
)
# "Twice the number is 60"
_MULTIPLE_IS = re.compile(
    rf"\b(?:(?:twice|half|double|triple)\b|times (?!\D{{0,3}}\d|{NUMBER_WORD}\b)).*\b(?:is|equals) $",
    re.IGNORECASE,
)
_PARENTHESIS = re.compile(
    r"\s?\(or [\d.]+ ?(?:%|percent)\)|\s?\((?!(?:or|wrong|incorrect|false|no)\b)[^()]*\)"
)
_HEDGED = re.compile(
    r"\bin one\b.*\bin the other\b|\b(?:which|that|it) (?:is not|isn't) (?:asked|needed|what|required)\b"
    r"|\d\.{3}|\u2026|\b(?:vs\.?|versus)\s|\bbut (?:we|you|the question|it) (?:are asked|is asked|asks?|needs?"
    r"|wants?)\b"
    r"|\bthen (?:(?:we|you|i) )?(?:add|subtract|multiply|divide)\b"
    r"|\d\D{0,20},? (?:approximately|or thereabouts|give or take|and a bit)\b"
    r"|\b(?:which|that|this|it) (?:is|was) (?:wrong|incorrect|not right|not correct)\b",
    re.IGNORECASE,
)
_ANOTHER_CLAUSE = re.compile(r"^ (?!and\b|or\b|of\b)[a-z]{3,} [a-z]{3,} \D{0,2}$")
_PAIR = re.compile(r"[(\[].*,(?!\d{3}).*[)\]]")
_FUNCTION = re.compile(r"\b(?:sin|cos|tan|log|ln|cot|sec|csc)\b|\\(?:sin|cos|tan|log|ln)")
_ENGLISH = re.compile(
    rf"(?<![\\A-Za-z])(?:[A-Za-z]{{3,}}|{words.any_of('is to of in it at he we be by so as on an or')})(?![A-Za-z])"
    r"|'\w+|(?<!\w)a (?=[a-z]{2})|\\(?:sqrt|frac|times|cdot|div|left|right)(?![A-Za-z])",
    re.IGNORECASE,
)


class NumberReader:
    """Reads exact numbers."""

    opens = False

    def read(self, statement: Statement) -> Fraction | None:
        """The number that a statement gives. Raises UnclearError."""
        if statement.form == "box":
            return stated(statement.text)
        sentence = sentences.first_sentence(statement.text)
        sentence = re.split(r"=>\s(?=\D{0,3}\d)", sentence)[-1]
        if re.match(r"\(?[b-h]\)\s", sentence):  # one of several parts
            raise UnclearError
        if statement.form == "lead":
            return stated(re.split(r"(?<=\d):\s+(?=[A-Za-z])", _clause(sentence))[0])
        return _concluded(sentence)

    def bare(self, text: str) -> Fraction | None:
        """The number that a text is, apart from signs and units."""
        return None if "..." in text else gold(text.rstrip(".! "))

    def names_another(self, text: str, value: Fraction) -> bool:
        """Whether a number other than `value` stands in `text`."""
        return any(written(match) != value for match in NUMBER.finditer(plain(text)))


def gold(text: str) -> Fraction | None:
    """The number that `text` is as a whole; None where it is not one number."""
    text = without_units(plain(text)).strip(" %.")
    match = NUMBER.fullmatch(text.removesuffix("percent").strip())
    return written(match) if match else None


def same(one: Fraction, other: Fraction) -> bool:
    """Whether two numbers are equal: exactly, or as floats of 15 and more digits, to their last
    digits.
    """
    if one == other:
        return True
    many_digits = min(one.denominator, other.denominator) > 10**10
    return many_digits and abs(one - other) <= abs(other) * _LAST_DIGITS


def in_the_words_of(text: str, value: Fraction) -> str:
    """How `text` writes `value`, in digits, the last time; "" where it does not."""
    return next(
        (
            match[0]
            for match in reversed(list(NUMBER.finditer(plain(text))))
            if written(match) == value
        ),
        "",
    )


def stated(text: str, alone: bool = True) -> Fraction | None:
    """The number of a statement, None where none stands in it. Raises UnclearError.

    `alone`: the statement is an answer, and not a sentence that may also have numbers in passing.
    """
    text = plain(text[: LONGEST + 1])
    text = text.rstrip("!") if re.search("[a-z]", text) else text
    if len(text) > LONGEST or text.endswith("?") or _PAIR.fullmatch(text):
        raise UnclearError
    if _HEDGED.search(text) or (beside.RELATION.search(text) and re.search(r"\d", text)):
        raise UnclearError
    text = text if text.startswith("(") else _PARENTHESIS.sub("", text)
    values, computed, passed = set[Fraction](), True, False
    for part in re.split(r",(?!\d{3})\s?|;|\b(?:or|and)\b(?= ?[A-Za-z]\w? ?=)", text):
        arithmetic = NUMBER.search(part.rpartition("=")[0]) is not None
        if passed and re.fullmatch(
            r"(?:and )?(?:\S{1,4} ?= ?)?\S+", part.strip()
        ):  # "the sum of 6, 2, and 4"
            continue
        passed = _passed_over(re.sub(r"(?:\S{1,4} ?= ?)?\S+\s*$", "", part))
        # Of several computations, as in "16 - 7 = 9, and 9 * 2 = 18", the last one counts
        last_counts = beside.SUMS_UP.match(part) or (arithmetic and computed)
        values = _values(part) or values if last_counts else values | _values(part)
        computed = computed and (arithmetic or not values)
    if not values and not alone:
        values = _only_number(text)
    if len(values) > 1 or (not values and words.denies(text)):
        raise UnclearError
    return values.pop() if values else in_words(text)


def _concluded(sentence: str) -> Fraction | None:
    """The number that a sentence without a lead states: what follows its last "so", else what it is
    about.
    """
    sentence = _INTRODUCTION.sub("", words.without_leading(sentence.removeprefix(BULLET)))
    conclusions = list(_CONCLUDES.finditer(sentence))
    if conclusions and (in_words(sentence[conclusions[-1].end() :]) is not None):
        return in_words(sentence[conclusions[-1].end() :])
    if conclusions and re.search(r"\d", sentence[conclusions[-1].end() :]):
        sentence = _INTRODUCTION.sub("", sentence[conclusions[-1].end() :])
    if words.SUPPOSES.match(sentence):
        return None
    sentence = words.without_leading(sentence)
    clause = re.sub(r"^[^\d=:]{1,40}:\s", "", _clause(sentence))
    # "Tom has 45 stamps: 25 from his dad and 20 from his mom."
    return stated(
        re.sub(r"(\d[^=:]*[a-z]):\s(?!.*=|\D{0,3}[\d,.]+\D{0,15}$).*", r"\1", clause), alone=False
    )


def _clause(sentence: str) -> str:
    """The clause that has the number: the first one, else all of the sentence."""
    clause = sentences.clause(sentence)
    which_is = _WHICH_IS.search(sentence)
    if (
        which_is and len(NUMBER.findall(sentence[: which_is.start()])) > 1
    ):  # "There are 4 groups of 6, which is 24."
        return sentence[which_is.end() :]
    return clause if re.search(r"\d", clause) or not re.search(r"\d", sentence) else sentence


def _only_number(text: str) -> set[Fraction]:
    """The one number of a sentence after a preposition that can lead to an answer: "She is left
    with 24 cards.".
    """
    matches = list(NUMBER.finditer(without_units(text)))
    if len(matches) != 1 or "=" in text:
        return set()
    before, after = (
        without_units(text)[: matches[0].start()],
        without_units(text)[matches[0].end() :],
    )
    governed = re.search(
        r"\bto \w+ (?:(?!to\b)[a-z]+ ){1,3}$|\S+ \w+ (?:(?:with|for|in|at|to|after)(?: the)?|to \w+) $",
        before,
    )
    value, after = _scaled(matches[0], after)
    unchanged = not beside.CHANGES_AFTER.match(after) and not words.rejects(before)
    return {value} if governed and unchanged and value is not None else set()


def _values(part: str) -> set[Fraction]:
    """The numbers that a part of a statement is about. Raises UnclearError where what is beside one
    changes it.
    """
    part = " ".join(without_units(_right_side(part)).split())
    given = next(
        (
            match.start()
            for match in NUMBER.finditer(part)
            if beside.GIVES.search(part[: match.start()])
        ),
        0,
    )
    matches = [
        match
        for match in NUMBER.finditer(part)
        if match.start() == given or not _passed_over(part[: match.start()])
    ]
    values = set[Fraction]()
    for match in matches:
        before = part[: match.start()]
        if match.start() < given or words.rejects(before):
            continue  # an operand, as in "6 times 6 equals 36", or what the answer is not
        value, after = _scaled(match, part[match.end() :])
        if re.match(r" of (?:which|whom|them)\b", after) and values:
            continue
        if _MULTIPLE_IS.search(before):
            raise UnclearError
        if "/" in match[0] and re.match(r" of \D{0,8}\d", after):  # half of another number
            raise UnclearError
        if (
            value is None
            or beside.CHANGES_BEFORE.search(before)
            or beside.CHANGES_AFTER.match(after)
        ):
            raise UnclearError
        values.add(value)
    return values


def _right_side(part: str) -> str:
    """What an equation gives; of "20 at x = 3" and "18 = total" what stands before. Raises
    UnclearError.
    """
    sides, sign, right = part.rpartition("=")
    if not sign:
        return part
    left = sides.rpartition("=")[2]
    if not NUMBER.search(right) or (
        re.search(r"\d ?[*/\u00d7+]", right) and NUMBER.fullmatch(left.strip())
    ):
        return sides
    if re.search(r"\d.*\bif\s\S{1,3}\s?$", left):
        raise UnclearError
    if re.search(r"\b(?:at|for|when|where|with|if|since|because|from)\s\S{1,3}\s?$", left):
        return re.sub(r"\S+\s?$", "", part.partition("=")[0])
    if not _is_name(left):
        raise UnclearError
    return right


def _scaled(match: re.Match[str], after: str) -> tuple[Fraction | None, str]:
    """The number with the scale after it ("2.5 million", "18K"), and the rest."""
    value, spaced = written(match), rf" ({'|'.join(words.SCALES)})\b"
    scale = re.match(spaced, after, re.IGNORECASE) or re.match(r"([kKMB])\b", after)
    while scale and value is not None:
        value *= {"M": 10**6, "B": 10**9}.get(scale[1]) or words.SCALES[scale[1].lower()]
        after = after[scale.end() :]
        scale = re.match(spaced, after, re.IGNORECASE)
    return value, after


def _passed_over(before: str) -> bool:
    """Whether the nearest word that governs what comes after `before` is a preposition or a label
    ("week 18").
    """
    numbers = list(NUMBER.finditer(before))
    if numbers and _ANOTHER_CLAUSE.search(after := before[numbers[-1].end() :]):
        before = after  # a preposition governs one number: "each of the 6 children receives 50"
    governors = list(beside.GOVERNOR.finditer(before))
    return bool(governors) and governors[-1]["passed"] is not None


def _is_name(left: str) -> bool:
    """Whether the left side of an equation names the right one; `2x = 10` and `cos x = 5` are to be
    solved.
    """
    left = left.strip(" $|").removesuffix("\\").strip()
    if _FUNCTION.search(left):
        return False
    term = _ENGLISH.sub("", left).strip()
    term = re.split(r"\s(?=\S+$)", term)[-1] if re.search(r"[A-Za-z]{2,}\s\S+$", term) else term
    bare = re.sub(r"\([^()]*\)|_\{[^{}]*\}|_\w", "", term)  # arguments and subscripts
    return not re.search(r"[A-Za-z]", bare) or not re.search(
        r"\d|\^|(?<![A-Za-z\\])[a-z]{2}(?![a-z])", bare
    )
