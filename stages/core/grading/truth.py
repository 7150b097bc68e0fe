"""Reading a statement as true or false, alike for both sides.

A truth value is the first word of an answer ("No, whales are mammals."), what the statement is said
to be ("It is not true."), or what a sentence concludes ("..., so yes."). A "not" turns it round;
other words that weaken or doubt it ("hardly", "partly", "might be") leave no value. Both values in
one statement make it unclear.
"""

import re

from stages.core.grading.choice import options
from stages.core.grading.statement import sentences, words
from stages.core.grading.statement.candidates import Statement, UnclearError

_YES = r"true|yes|yeah|yep|yup|correct|right|affirmative|certainly|of course|absolutely|definitely"
_NO = (
    r"false|no way|nope|nah|no|incorrect|wrong|untrue|negative|(?:certainly|of course|absolutely|definitely) not"
    r"|not at all"
    r"|not (?:true|correct)"
)
# "No, ...", "Yes it is", "True." and not "no evidence", "No. 5", "true in 2010"
_WORD_ENDS = (
    r"(?:(?: from me)?\W*$|\s?[,;!\u2014\u2013-]|[.:](?!\s?\d)"
    r"|\s(?:because|since|as|it|they|he|she|we|you|i|that|this|there|indeed|rather than|and not)\b)"
)
_FIRST_WORD = re.compile(rf"(?:(?P<no>{_NO})|(?P<yes>{_YES})){_WORD_ENDS}", re.IGNORECASE)
_SUBJECT = (
    r"(?:it|this|that|(?:the|this|that|my|your) (?:\w+ )?(?:statement|claim|sentence|answer|assertion|proposition"
    r"|hypothesis|conclusion|equation|inequality|identity|formula|equality)(?: in question)?"
    r"(?: (?:that|is that) [^.]{1,200}?)?|this one|the truth value(?: of [^.]{1,80})?)(?:, (?:though|however),)?"
)
_ADVERB = words.any_of(
    "in_fact, indeed definitely clearly certainly actually therefore thus also in_fact simply absolutely"
)
_IS_TRUE = re.compile(
    rf"{_SUBJECT}\s?(?:is,?|was|'s|must be|has to be|should be|holds|evaluates to|turns out to be|comes out"
    rf"|(?P<is_not>isn't|is not|'s not|wasn't|cannot be|can't be))\s(?:{_ADVERB},?\s)*(?P<not>not )?"
    r"(?P<value>true|false|correct|incorrect|untrue|right|wrong|the case)\b(?P<after>[^\n]*)",
    re.IGNORECASE,
)
_AFTER_VALUE = re.compile(
    r"\W*$|\s?[.,;:!]|\s(?:that|because|since|as|to say|according to|based on)\b"
)
_VALUES = dict.fromkeys(("true", "correct", "right", "the case"), True) | dict.fromkeys(
    ("false", "incorrect", "untrue", "wrong"), False
)
_NO_DOUBT = re.compile(r"no (?:doubt|question)(?: about it)?[,:]?\s(?:that\s)?", re.IGNORECASE)
_LEADING = re.compile(
    rf"(?:{words.CONNECTIVE}|(?:according to|based on|from|given) [^,]{{1,80}},\s+|the answer is:?\s+"
    r"|(?:definitely|certainly|clearly|absolutely),?\s+(?!not)|(?:i'd (?:answer|go with)|i choose|i'm going with)\s+"
    r"|unlike [^,]{1,60}(?:, which [^,]{1,40})?, "
    r"|(?:i(?:'d| would| will|'ll)? (?:have to |must )?(?:answer|say|go with)(?: this)?(?: with)? )"
    r"(?:an? )?(?=(?:yes|no)\W*$)"
    r"|(?:so )?(?:(?:it|that)(?:'s| is) )?(?:an? )?(?:clear |definite |firm |resounding |simple |plain )?"
    r"(?=(?:yes|no)(?: from me)?\W*$))+",
    re.IGNORECASE,
)
_LAST_PART = re.compile(
    r"(?:[;:\u2014]\s+|,?\s(?:so|thus|therefore|hence|and so)\b[,:]?\s+(?:[\u2013\u2014-]\s)?)",
    re.IGNORECASE,
)
# "True and False = False"
_COMPUTED = re.compile(r"\b(?:true|false)\b.* = (true|false)\W*$", re.IGNORECASE)
_CLAUSES = re.compile(r"[;,] (?:and |but |so )?", re.IGNORECASE)
_CONTRAST = re.compile(r"(?:;|,?\s(?:but|while))\s", re.IGNORECASE)
_HOLDS = re.compile(
    rf"{_SUBJECT}\s(?:(?P<fails>does not hold|doesn't hold|fails)|holds)(?: true)?\W*"
    rf"|{_SUBJECT} (?:has been|is) (?:proven|shown)(?: to be)? (?P<proven>true|false)\W*"
    r"|(?:this|that|it|which) makes (?:it|(?:the|this) (?:statement|claim)) (?P<made>true|false)\W*",
    re.IGNORECASE,
)
_UNTURNED = r"(?<!not )(?<!n't )(?<!than )(?<!nor )"
_OPPOSITE = {
    True: re.compile(
        rf"{_UNTURNED}\b(?:false|untrue|incorrect|nope|no(?=\s*[.,;!?]|\s*$))(?!\w)(?! to| that| of)",
        re.IGNORECASE,
    ),
    False: re.compile(
        rf"{_UNTURNED}\b(?:true(?! that| of|, )(?! [a-z])|yes)\b(?! or)", re.IGNORECASE
    ),
}


class TruthReader:
    """Reads truth values."""

    opens = True

    def read(self, statement: Statement) -> bool | None:
        """The truth value of a statement. Raises UnclearError where it has both."""
        text = (
            statement.text if statement.form == "box" else sentences.first_sentence(statement.text)
        )
        text = _normal(text.partition("\n")[0])
        if text.endswith("?"):
            return None
        if computed := _COMPUTED.search(text):
            return _VALUES[computed[1].lower()]
        last_part = _LAST_PART.split(text)[-1]
        if last_part != text and (concluded := _first_word(last_part)) is not None:
            return concluded  # "It is true that he sang, but not alone, so no."
        value = _first_word(text)
        if value is None:
            value = _claimed(text)
        if value is None and last_part != text:
            value = _first_word(last_part)
            value = _said_of_the_statement(last_part) if value is None else value
        return _in_the_last_clause(text) if value is None else value

    def bare(self, text: str) -> bool | None:
        """The truth value that `text` begins with, or is."""
        try:
            if text.rstrip().endswith("?"):
                return None
            return _first_word(_normal(text))
        except UnclearError:
            return None

    def names_another(self, text: str, value: bool) -> bool:
        """Whether the other truth value stands in `text`."""
        return _OPPOSITE[value].search(_normal(text)) is not None


def gold(text: str) -> bool | None:
    """The truth value that `text` is."""
    return {"true": True, "yes": True, "false": False, "no": False}.get(text.strip(" .*").lower())


def _normal(text: str) -> str:
    text = re.sub(r'(?i)\b(statement|sentence|claim) "[^"\n]{3,300}"', r"\1", text)
    text = re.sub(r"(?<=\w)\s*\(", ", ", options.unwrapped(text))
    text = re.sub(r"[()\[\]]", "", text).strip(" \u2013\u2014-")
    text = re.sub(r"^not (?:true|false),? but (?=(?:true|false)\b)", "", text, flags=re.IGNORECASE)
    return _NO_DOUBT.sub("", text) if _NO_DOUBT.match(text) else text


def _first_word(text: str) -> bool | None:
    leading = _LEADING.match(text)
    match = _FIRST_WORD.match(text) or (_FIRST_WORD.match(text, leading.end()) if leading else None)
    if match is None:
        return None
    value = match["yes"] is not None
    after = re.split(r"\b(?:because|since)\b", text[match.end("yes" if value else "no") :])[0]
    if (
        re.match(r",?\s?but (?:it|that|this) (?:isn't|is not|wasn't)\b", after)
        or _OPPOSITE[value].search(after)
        or re.match(r",? assuming\b", after)
    ):
        raise UnclearError
    return value


def _claimed(text: str) -> bool | None:
    """The one value that the claims of a sentence give. Raises UnclearError where they differ."""
    parts = _CONTRAST.split(text)
    values = [_said_of_the_statement(part) for part in parts]
    if len({*values} - {None}) > 1:
        raise UnclearError
    if len(parts) > 1 and values[0] is not None and re.match(r"(?:\S+ ){2,4}that\b", parts[0]):
        return None  # "It is true that he sang, but not alone."
    return next((value for value in values if value is not None), None)


def _in_the_last_clause(text: str) -> bool | None:
    """The value of "..., and the statement is true", where the clauses before it speak of no truth
    value.
    """
    *before, last = _CLAUSES.split(text)
    if not before or re.search(
        r"\b(?:if|whether|doubt|claims?|says?|said|not)\b", " ".join(before), re.IGNORECASE
    ):
        return None
    return _said_of_the_statement(last)


def _said_of_the_statement(text: str) -> bool | None:
    """The value of "it is true", "the claim is not correct", "the statement holds" and the like."""
    leading = _LEADING.match(text)
    holds = _HOLDS.fullmatch(text, leading.end() if leading else 0)
    if holds:
        return (
            not holds["fails"]
            if not (value := holds["proven"] or holds["made"])
            else _VALUES[value.lower()]
        )
    match = (_IS_TRUE.fullmatch(text, leading.end()) if leading else None) or _IS_TRUE.fullmatch(
        text
    )
    if match is None or not _AFTER_VALUE.match(match["after"]):
        return None
    if re.match(r"\s?(?:to say|that (?:the answer|it|the statement|this)\b)", match["after"]):
        raise UnclearError
    if re.search(r"\b(?:otherwise|assuming)\b", text, re.IGNORECASE):
        return None
    if match["value"].lower() in ("right", "wrong") and not re.match(
        r"\W*$|:\s|,\s(?:it|he|she|they)\b|,?\s(?:since|because|as)\b", match["after"]
    ):
        return None
    turned = (match["is_not"] is not None) != (match["not"] is not None)
    return _VALUES[match["value"].lower()] != turned
