r"""Reading the number that a statement gives, as an exact fraction, with all that stands with it.

A number is written in digits (1,250; 1{,}250; 1 250), as a fraction (7/2, \frac72, 3 1/2, 3.5), as
a power of ten, with a scale ("2.5 million") or in words ("eighteen"). Currency, units, percent,
degree signs and ordinal endings are not looked at.

Of several numbers the one counts that the sentence gives ("dividing 120 by 5 gives 24") or is
about. Numbers after a preposition ("for 18 eggs", "of the 30") and denied ones are passed over. An
equation counts as its last side. A bound, a range, an operator, a comparison with another number,
or two different numbers make a statement unclear. parts.py reads one part of a statement.
"""

import re
from fractions import Fraction

from stages.core.grading.numeric import numbers, parts
from stages.core.grading.numeric.digits import LONGEST, NUMBER, plain, written
from stages.core.grading.numeric.number_words import in_words
from stages.core.grading.statement import beside, denial, phrases, sentences
from stages.core.grading.statement.candidates import Statement, UnclearError
from stages.core.grading.statement.visible import BULLET

# ", so " and ", which means that "; not "so far", "so that", "so much"
_CONCLUDES = re.compile(
    r"(?:^|[\s,;])(?:so|thus|therefore|hence|which means(?: that)?|meaning(?: that)?)\b[,:]?\s"
    r"(?!far|that\b|much|many)",
    re.IGNORECASE,
)
# "Since she sells 9 eggs at $2 each, " before "she makes $18."
_INTRODUCTION = re.compile(
    r"^(?:to|if|since|as|when|after|once|because|with|given|in|by|at|\w+ing)\b"
    r"[^,:]*(?:,(?!\d{3})|:)\s"
    r"(?!.*\b(?:but|would)\b)(?=.*\d)",
    re.IGNORECASE,
)
# "There are 4 groups of 6, which is " before "24."
_WHICH_IS = re.compile(
    r"(?:,? which (?:is|makes|gives|leaves|equals)|, i\.e\.,?) (?=\D{0,3}[\d,.]*\d\D{0,20}$)",
    re.IGNORECASE,
)
_PARENTHESIS = re.compile(
    r"\s?\(or [\d.]+ ?(?:%|percent)\)"  # "(or 25%)"
    r"|\s?\((?!(?:or|wrong|incorrect|false|no)\b)[^()]*\)"  # "(rounded to cents)"; not "(wrong)"
)
# What a statement with these says is no one number
_HEDGED = re.compile(
    r"\bin one\b.*\bin the other\b"  # "5 in one case and 3 in the other"
    # "10, which is not asked"
    r"|\b(?:which|that|it) (?:is not|isn't) (?:asked|needed|what|required)\b"
    r"|\d\.{3}|\u2026"  # "3.14..."
    r"|\b(?:vs\.?|versus)\s"
    # "10, but the question asks"
    r"|\bbut (?:we|you|the question|it) (?:are asked|is asked|asks?|needs?|wants?)\b"
    r"|\bthen (?:(?:we|you|i) )?(?:add|subtract|multiply|divide)\b"  # "10, then we add"
    r"|\d\D{0,20},? (?:approximately|or thereabouts|give or take|and a bit)\b"  # "5, give or take"
    # "5, but that is wrong"
    r"|\b(?:which|that|this|it) (?:is|was) (?:wrong|incorrect|not right|not correct)\b",
    re.IGNORECASE,
)
# "(1, 2)", "[1, 2]"
_PAIR = re.compile(r"[(\[].*,(?!\d{3}).*[)\]]")
# Between the parts of a statement: commas but those within a number, and "or" before "y = "
_PART_BORDER = re.compile(r",(?!\d{3})\s?|;|\b(?:or|and)\b(?= ?[A-Za-z]\w? ?=)")
# "2" and "and 4" of "the sum of 6, 2, and 4"; "and y = 4"
_LISTED_VALUE = re.compile(r"(?:and )?(?:\S{1,4} ?= ?)?\S+")
# "6" of "the sum of 6", "x = 6"
_LAST_VALUE = re.compile(r"(?:\S{1,4} ?= ?)?\S+\s*$")
# "(\d...): " with a list after it: "Tom has 45 stamps: 25 from his dad and 20 from his mom."
_LIST_AFTER = re.compile(r"(\d[^=:]*[a-z]):\s(?!.*=|\D{0,3}[\d,.]+\D{0,15}$).*")


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
            value_first = re.split(r"(?<=\d):\s+(?=[A-Za-z])", _clause(sentence))[0]
            return stated(value_first)
        return _concluded(sentence)

    def bare(self, text: str) -> Fraction | None:
        """The number that a text is, apart from signs and units."""
        return None if "..." in text else numbers.gold(text.rstrip(".! "))

    def names_another(self, text: str, value: Fraction) -> bool:
        """Whether a number other than `value` stands in `text`."""
        return any(written(match) != value for match in NUMBER.finditer(plain(text)))


def stated(text: str, alone: bool = True) -> Fraction | None:
    """The number of a statement, None where none stands in it. Raises UnclearError.

    `alone`: the statement is an answer, and not a sentence that may also have numbers in passing.
    """
    text = plain(text[: LONGEST + 1])
    text = text.rstrip("!") if re.search("[a-z]", text) else text
    if _has_no_one_number(text):
        raise UnclearError
    text = text if text.startswith("(") else _PARENTHESIS.sub("", text)
    values = _values_of_all_parts(text)
    if not values and not alone:
        values = parts.only_number(text)
    if len(values) > 1 or (not values and denial.denies(text)):
        raise UnclearError
    return values.pop() if values else in_words(text)


def _has_no_one_number(text: str) -> bool:
    """Whether a statement is too long, asks, is a pair, hedges, or relates a number to another."""
    if len(text) > LONGEST or text.endswith("?") or _PAIR.fullmatch(text):
        return True
    if _HEDGED.search(text):
        return True
    return beside.RELATION.search(text) is not None and re.search(r"\d", text) is not None


def _values_of_all_parts(text: str) -> set[Fraction]:
    """The numbers that the parts of a statement give.

    Of several computations, as in "16 - 7 = 9, and 9 * 2 = 18", only the last one counts. Raises
    UnclearError.
    """
    values = set[Fraction]()
    all_computed, passed_over = True, False
    for part in _PART_BORDER.split(text):
        has_arithmetic = NUMBER.search(part.rpartition("=")[0]) is not None
        if passed_over and _LISTED_VALUE.fullmatch(part.strip()):
            continue  # 2 and 4 of "the sum of 6, 2, and 4"
        passed_over = parts.passed_over(_LAST_VALUE.sub("", part))
        if beside.SUMS_UP.match(part) or (has_arithmetic and all_computed):
            values = parts.values(part) or values
        else:
            values = values | parts.values(part)
        all_computed = all_computed and (has_arithmetic or not values)
    return values


def _concluded(sentence: str) -> Fraction | None:
    """The number that a sentence without a lead states. Raises UnclearError.

    It is what follows the last "so" of the sentence, else what the sentence is about.
    """
    sentence = _INTRODUCTION.sub("", phrases.without_leading(sentence.removeprefix(BULLET)))
    conclusions = list(_CONCLUDES.finditer(sentence))
    if conclusions:
        conclusion = sentence[conclusions[-1].end() :]
        spelled_out = in_words(conclusion)
        if spelled_out is not None:
            return spelled_out
        if re.search(r"\d", conclusion):
            sentence = _INTRODUCTION.sub("", conclusion)
    if phrases.SUPPOSES.match(sentence):
        return None
    sentence = phrases.without_leading(sentence)
    clause = re.sub(r"^[^\d=:]{1,40}:\s", "", _clause(sentence))
    return stated(_LIST_AFTER.sub(r"\1", clause), alone=False)


def _clause(sentence: str) -> str:
    """The clause that has the number: the first one, else all of the sentence."""
    clause = sentences.clause(sentence)
    which_is = _WHICH_IS.search(sentence)
    if which_is and len(NUMBER.findall(sentence[: which_is.start()])) > 1:
        return sentence[which_is.end() :]
    return clause if re.search(r"\d", clause) or not re.search(r"\d", sentence) else sentence
