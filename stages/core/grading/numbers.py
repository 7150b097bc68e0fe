r"""Reading the number that a statement gives, as an exact fraction, with all that stands with it.

Written in digits (1,250; 1{,}250; 1 250), as a fraction (7/2, \frac72, 3 1/2, 3.5), a power of ten, a scale ("2.5
million") or in words ("eighteen"). Currency, units, percent, degree signs and ordinal endings are not looked at.

Of several numbers the one counts that the sentence is about: numbers after a preposition ("for 18 eggs", "of the 30")
are passed over, an equation counts as its last side. A bound, a range, an operator, a comparison with another number,
a denial, or two different numbers make a statement unclear. digits.py has the ways to write a number.
"""

import re
from fractions import Fraction

from stages.core.grading import sentences, words
from stages.core.grading.digits import LONGEST, NUMBER, in_words, plain, without_units, written
from stages.core.grading.statements import Statement, UnclearError
from stages.core.grading.visible import BULLET

_LAST_DIGITS = Fraction(1, 10**14)  # of a float's value: what its rounding may change
_RELATIONS = words.any_of("neq? not geq? leq? gtr? less approx sim pm mp infty")
_RELATION = re.compile(rf"[<>~\u2248\u2260\u2264\u2265\u00b1\u221e]|!=|\\{_RELATIONS}(?![A-Za-z])")
# Right before a number, with at most one word between: what makes it another one, or a bound
_BOUNDS = (
    "not never neither nor except but either isn't wasn't over under above below up_to about approximately approx "
    "around roughly nearly almost between within beyond exceeds at_least at_most "
    "(?:more|less|fewer|greater|larger)_than"
)
_OPERATIONS = (
    "twice double triple thrice half(?:_of)? third_of quarter_of plus minus times squared sqrt root_of log ln pi base"
)
_CHANGES_BEFORE = re.compile(
    rf"\b{words.any_of(_BOUNDS, _OPERATIONS)}\s(?:[a-z]+\s)?$"
    r"|\\?[A-Za-z]*sqrt ?\(?$|[+*/^\u221a\u00d7\u00b7\u00f7\\]\s?\(?$|[\w)]\s?-\s?\(?$|[A-Za-z_]\($|[\w)\]]$",
    re.IGNORECASE,
)
_OPERATOR_AFTER = (
    r"\s?(?:[*/^\u221a\u00d7\u00b7\u00f7!]|\\(?!text|%)[a-z]+|\+(?!\w*[a-z])|[-\u2013]\s?\d|:\d|\u00b0 ?\d|\.{2,} ?\d)"
    r"|[A-Za-z_'\u2032(]|\s(?:[b-hjkn-rt-z]|[A-BD-EG-IM-RT-UX-Z])(?![\w'.])"  # a variable, not a unit
)
_WORD_AFTER = (
    r"\s(?:squared|cubed|factorial|mod|modulo|plus|minus|divided by|multiplied by|over (?:\d+|[a-z]\b)|pi|root"
    r"|times(?=\s[\w\\$])|in base \w+|base \d+|to \d+|R \d+|and a (?!half)\w+ \w+$)\b"
    r"|\s?(?:or|and) (?:more|less|fewer|so|greater|higher|lower|above|below|over|up)\b"
    r"|\s(?:at (?:least|most)|or (?:at|maybe|perhaps|possibly))\b"
)
_COMPARED_AFTER = (
    r"[^.;]{0,60}?\b(?:more|less|fewer|greater|smaller|higher|lower) than (?:the |her |his |its |their )?\d"
    r"|\s?(?:%|percent) of \D{0,12}\d"
)
_DENIED_AFTER = (
    r"[^.,;\d]{0,60}\b(?:is|was|are|would be|seems|'s)\s?(?:not\b|n't|wrong|incorrect|false|impossible|too)"
    r"|\s?isn't|\s?\?"
)
_CHANGES_AFTER = re.compile(f"{_OPERATOR_AFTER}|{_WORD_AFTER}|{_COMPARED_AFTER}|{_DENIED_AFTER}")
# The nearest of these before a number says what the number is for
_PREPOSITIONS = (
    "of for in at on by from after before with without than per into out among during through until since because when "
    "where which who if while although though compared previously originally versus vs given like every each"
)
_LEADS_TO = "equal comes adds_up equals amounts simplifies sums rounds reduces evaluates".split()
_TO = "".join(f"(?<!{verb.replace('_', ' ')} )" for verb in _LEADS_TO) + "to"  # not "equal to"
_LABELS = (
    "number days? week grade step question problem part case page room chapter level year equation row column item"
)
_VERBS = (
    "is are was were be been equals? has have had gets? makes? needs? costs? pays? earns? leaves? takes? left sold "
    "total_of"
)
_SUBJECTS = "he she it they we i you there an?_\\w+_of to"
_GOVERNOR = re.compile(
    rf"\b(?:(?P<passed>{words.any_of(_PREPOSITIONS, _LABELS)}|{_TO})|{words.any_of(_VERBS, _SUBJECTS)})\b",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(r"(?:^|[\s,;])(?:so|thus|therefore|hence)\b[,:]?\s(?!far|that\b|much|many)", re.IGNORECASE)
_CONDITION = re.compile(r"^(?:if|when|after|once)\b[^,]*,\s(?!.*\b(?:but|would)\b)(?=.*\d)", re.IGNORECASE)
_PARENTHESIS = re.compile(r"\s?\((?!or\b)[^()]*\)")
_PAIR = re.compile(r"[(\[].*,(?!\d{3}).*[)\]]")
_FUNCTION = re.compile(r"\b(?:sin|cos|tan|log|ln|cot|sec|csc)\b|\\(?:sin|cos|tan|log|ln)")
_ENGLISH = re.compile(
    rf"(?<![\\A-Za-z])(?:[A-Za-z]{{3,}}|{words.any_of('is to of in it at he we be by so as on an or')})(?![A-Za-z])"
)


class NumberReader:
    """Reads exact numbers."""

    def read(self, statement: Statement) -> Fraction | None:
        """The number that a statement gives. Raises UnclearError."""
        if statement.form == "box":
            return stated(statement.text)
        sentence = sentences.first_sentence(statement.text)
        if statement.form == "lead":
            return stated(re.split(r"(?<=\d):\s+(?=[A-Za-z])", _clause(sentence))[0])
        return _concluded(sentence)

    def bare(self, text: str) -> Fraction | None:
        """The number that a text is, apart from signs and units."""
        return gold(text.rstrip(".! "))

    def names_another(self, text: str, value: Fraction) -> bool:
        """Whether a number other than `value` stands in `text`."""
        return any(written(match) != value for match in NUMBER.finditer(plain(text)))


def gold(text: str) -> Fraction | None:
    """The number that `text` is as a whole; None where it is not one number."""
    text = without_units(plain(text)).strip(" %.")
    match = NUMBER.fullmatch(text.removesuffix("percent").strip())
    return written(match) if match else None


def same(one: Fraction, other: Fraction) -> bool:
    """Whether two numbers are equal: exactly, or as floats of 15 and more digits, to their last digits."""
    if one == other:
        return True
    many_digits = min(one.denominator, other.denominator) > 10**10
    return many_digits and abs(one - other) <= abs(other) * _LAST_DIGITS


def in_the_words_of(text: str, value: Fraction) -> str:
    """How `text` writes `value`, in digits, the last time; "" where it does not."""
    return next((match[0] for match in reversed(list(NUMBER.finditer(plain(text)))) if written(match) == value), "")


def stated(text: str) -> Fraction | None:
    """The number of a statement, None where none stands in it. Raises UnclearError."""
    text = plain(text[: LONGEST + 1])
    if len(text) > LONGEST or text.endswith("?") or _PAIR.fullmatch(text):
        raise UnclearError
    if _RELATION.search(text) and re.search(r"\d", text):
        raise UnclearError
    text = text if text.startswith("(") else _PARENTHESIS.sub("", text)
    values, computed = set[Fraction](), True
    for part in re.split(r",(?!\d{3})\s?|;|\b(?:or|and)\b(?= ?[A-Za-z]\w? ?=)", text):
        arithmetic = re.search(r"\d.*=", part) is not None
        # Of several computations, as in "16 - 7 = 9, and 9 * 2 = 18", the last one counts
        values = _values(part) or values if arithmetic and computed else values | _values(part)
        computed = computed and (arithmetic or not values)
    if len(values) > 1:
        raise UnclearError
    return values.pop() if values else in_words(text)


def _concluded(sentence: str) -> Fraction | None:
    """The number that a sentence without a lead states: what follows its last "so", else what it is about."""
    sentence = _CONDITION.sub("", sentence.removeprefix(BULLET))
    conclusions = list(_CONCLUDES.finditer(sentence))
    if conclusions and re.search(r"\d", sentence[conclusions[-1].end() :]):
        sentence = sentence[conclusions[-1].end() :]
    if words.SUPPOSES.match(sentence):
        return None
    if words.denies(_clause(sentence)):
        raise UnclearError
    sentence = words.without_leading(sentence)
    return stated(re.sub(r"^[^\d=:]{1,40}:\s", "", _clause(sentence)))


def _clause(sentence: str) -> str:
    """The clause that has the number: the first one, else all of the sentence."""
    clause = sentences.clause(sentence)
    return clause if re.search(r"\d", clause) or not re.search(r"\d", sentence) else sentence


def _values(part: str) -> set[Fraction]:
    """The numbers that a part of a statement is about. Raises UnclearError where what is beside one changes it."""
    part, values = without_units(_right_side(part)), set[Fraction]()
    for match in NUMBER.finditer(part):
        before = part[: match.start()]
        value, after = _scaled(match, part[match.end() :])
        if _passed_over(before):
            continue
        if value is None or _CHANGES_BEFORE.search(before) or _CHANGES_AFTER.match(after):
            raise UnclearError
        values.add(value)
    return values


def _right_side(part: str) -> str:
    """What an equation gives; of "20 at x = 3" and "18 = total" what stands before. Raises UnclearError."""
    sides, _, right = part.rpartition("=")
    if not sides and not part.startswith("="):
        return part
    if not NUMBER.search(right):
        return sides
    left = sides.rpartition("=")[2]
    if _passed_over(left):
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
    """Whether the nearest word that governs what comes after `before` is a preposition or a label ("week 18")."""
    governors = list(_GOVERNOR.finditer(before))
    return bool(governors) and governors[-1]["passed"] is not None


def _is_name(left: str) -> bool:
    """Whether the left side of an equation names the right one; `2x = 10` and `cos x = 5` are to be solved."""
    left = left.strip(" $|").removesuffix("\\").strip()
    if _FUNCTION.search(left):
        return False
    term = _ENGLISH.sub("", left).strip()
    term = re.split(r"\s(?=\S+$)", term)[-1] if re.search(r"[A-Za-z]{2,}\s\S+$", term) else term
    bare = re.sub(r"\([^()]*\)|_\{[^{}]*\}|_\w", "", term)  # arguments and subscripts
    return not re.search(r"[A-Za-z]", bare) or not re.search(r"\d|\^|(?<![A-Za-z\\])[a-z]{2}(?![a-z])", bare)
