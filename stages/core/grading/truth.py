"""Reading a statement as true or false, alike for both sides.

A truth value is one of three things: the first word of an answer ("No, whales are mammals."), what
the statement is said to be ("It is not true."), or what a sentence concludes ("..., so yes."). A
"not" turns it round. Other words that weaken or doubt it ("hardly", "partly", "might be") leave no
value. Both values in one statement make it unclear.
"""

import re

from stages.core.grading.choice import options
from stages.core.grading.statement import phrases, sentences, words
from stages.core.grading.statement.candidates import Statement, UnclearError

_SURELY = "certainly|of course|absolutely|definitely"
_YES = rf"true|yes|yeah|yep|yup|correct|right|affirmative|{_SURELY}"
_NO = (
    rf"false|no way|nope|nah|no|incorrect|wrong|untrue|negative|(?:{_SURELY}) not"
    r"|not at all|not (?:true|correct)"
)
# What follows a first word: "No, ...", "Yes it is", "True."; not "no evidence", "No. 5", "true in"
_WORD_ENDS = (
    r"(?:(?: from me)?\W*$|\s?[,;!\u2014\u2013-]|[.:](?!\s?\d)"
    r"|\s(?:because|since|as|it|they|he|she|we|you|i|that|this|there|indeed|rather than"
    r"|and not)\b)"
)
_FIRST_WORD = re.compile(rf"(?:(?P<no>{_NO})|(?P<yes>{_YES})){_WORD_ENDS}", re.IGNORECASE)
# "it", "the given statement in question", "the claim that whales are fish", "the truth value"
_SUBJECT = (
    r"(?:it|this|that|(?:the|this|that|my|your) (?:\w+ )?"
    r"(?:statement|claim|sentence|answer|assertion|proposition"
    r"|hypothesis|conclusion|equation|inequality|identity|formula|equality)(?: in question)?"
    r"(?: (?:that|is that) [^.]{1,200}?)?|this one|the truth value(?: of [^.]{1,80})?)"
    r"(?:, (?:though|however),)?"
)
_ADVERB = words.any_of(
    "in_fact, indeed definitely clearly certainly actually therefore thus also in_fact simply "
    "absolutely"
)
# "it is in fact not true", "the claim isn't correct"
_IS_TRUE = re.compile(
    rf"{_SUBJECT}\s?(?:is,?|was|'s|must be|has to be|should be|holds|evaluates to"
    r"|turns out to be|comes out"
    r"|(?P<is_not>isn't|is not|'s not|wasn't|cannot be|can't be))"
    rf"\s(?:{_ADVERB},?\s)*(?P<not>not )?"
    r"(?P<value>true|false|correct|incorrect|untrue|right|wrong|the case)\b(?P<after>[^\n]*)",
    re.IGNORECASE,
)
# ".", ", ", " because"
_AFTER_VALUE = re.compile(
    r"\W*$|\s?[.,;:!]|\s(?:that|because|since|as|to say|according to|based on)\b"
)
# " that the answer" of "it is true that the answer is 5", which says no truth value
_SAYS_MORE = re.compile(r"\s?(?:to say|that (?:the answer|it|the statement|this)\b)")
# After "right" and "wrong", which may also be adjectives: ". ", ", since"
_AFTER_RIGHT_OR_WRONG = re.compile(r"\W*$|:\s|,\s(?:it|he|she|they)\b|,?\s(?:since|because|as)\b")
_VALUES = dict.fromkeys(("true", "correct", "right", "the case"), True) | dict.fromkeys(
    ("false", "incorrect", "untrue", "wrong"), False
)
# "No doubt, "
_NO_DOUBT = re.compile(r"no (?:doubt|question)(?: about it)?[,:]?\s(?:that\s)?", re.IGNORECASE)
# What may stand before a truth value
_LEADING = re.compile(
    # "So ", "According to the passage, ", "The answer is "
    rf"(?:{phrases.CONNECTIVE}|(?:according to|based on|from|given) [^,]{{1,80}},\s+"
    r"|the answer is:?\s+"
    # "Clearly, ", "I'd go with "
    r"|(?:definitely|certainly|clearly|absolutely),?\s+(?!not)"
    r"|(?:i'd (?:answer|go with)|i choose|i'm going with)\s+"
    # "Unlike fish, which have gills, "
    r"|unlike [^,]{1,60}(?:, which [^,]{1,40})?, "
    # "I have to say " and "so it's a clear " before a "yes" at the end
    r"|(?:i(?:'d| would| will|'ll)? (?:have to |must )?(?:answer|say|go with)(?: this)?(?: with)? )"
    r"(?:an? )?(?=(?:yes|no)\W*$)"
    r"|(?:so )?(?:(?:it|that)(?:'s| is) )?(?:an? )?"
    r"(?:clear |definite |firm |resounding |simple |plain )?"
    r"(?=(?:yes|no)(?: from me)?\W*$))+",
    re.IGNORECASE,
)
# "; ", ": ", ", so "
_LAST_PART = re.compile(
    r"(?:(?:[;:\u2014]|=>)\s+"
    r"|,?\s(?:so|thus|therefore|hence|and so)\b[,:]?\s+(?:[\u2013\u2014-]\s)?)",
    re.IGNORECASE,
)
# "True and False = False"
_COMPUTED = re.compile(r"\b(?:true|false)\b.* = (true|false)\W*$", re.IGNORECASE)
_CLAUSES = re.compile(r"[;,] (?:and |but |so )?", re.IGNORECASE)
# "; ", ", but "
_CONTRAST = re.compile(r"(?:;|,?\s(?:but|while))\s", re.IGNORECASE)
_HOLDS = re.compile(
    # "The statement does not hold."
    rf"{_SUBJECT}\s(?:(?P<fails>does not hold|doesn't hold|fails)|holds)(?: true)?\W*"
    # "It has been shown to be false."
    rf"|{_SUBJECT} (?:has been|is) (?:proven|shown)(?: to be)? (?P<proven>true|false)\W*"
    # "Which makes the claim false."
    r"|(?:this|that|it|which) makes (?:it|(?:the|this) (?:statement|claim)) "
    r"(?P<made>true|false)\W*",
    re.IGNORECASE,
)
_NOT_TURNED_ROUND = r"(?<!not )(?<!n't )(?<!than )(?<!nor )"
# For each truth value what says the other one
_OPPOSITE = {
    True: re.compile(
        rf"{_NOT_TURNED_ROUND}\b"
        r"(?:false|untrue|incorrect|nope|no(?=\s*[.,;!?]|\s*$))(?!\w)(?! to| that| of)",
        re.IGNORECASE,
    ),
    False: re.compile(
        rf"{_NOT_TURNED_ROUND}\b(?:true(?! that| of|, )(?! [a-z])|yes)\b(?! or)", re.IGNORECASE
    ),
}
# "The statement "whales are fish"": what is quoted is not said
_QUOTED = re.compile(r'(?i)\b(statement|sentence|claim) "[^"\n]{3,300}"')
# "Not true, but " of "Not true, but false"
_NOT_BUT = re.compile(r"^not (?:true|false),? but (?=(?:true|false)\b)", re.IGNORECASE)
# ", but it is not" after a first word
_BUT_NOT = re.compile(r",?\s?but (?:it|that|this) (?:isn't|is not|wasn't)\b")
_DOUBTING = re.compile(
    r"\b(?:if|whether|doubt|says?|said|not (?:think|believe|say|true|false|correct)|n't)\b",
    re.IGNORECASE,
)
# ", even though many people believe the answer is yes", ". (Light does, yes, but sound does not.)"
_CONCESSION = re.compile(r",?\s(?:even though|although|though|even if|while)\b.*", re.IGNORECASE)


class TruthReader:
    """Reads truth values."""

    opens = True

    def read(self, statement: Statement) -> bool | None:
        """The truth value of a statement. Raises UnclearError where it has both."""
        text = statement.text
        if statement.form != "box":
            text = sentences.first_sentence(text)
        text = _normal(text.partition("\n")[0])
        if text.endswith("?"):
            return None
        if computed := _COMPUTED.search(text):
            return _VALUES[computed[1].lower()]
        return _value_of(text)

    def bare(self, text: str) -> bool | None:
        """The truth value that `text` begins with, or is."""
        if text.rstrip().endswith("?"):
            return None
        try:
            return _first_word(_normal(text))
        except UnclearError:
            return None

    def names_another(self, text: str, value: bool) -> bool:
        """Whether the other truth value stands in `text`."""
        return _OPPOSITE[value].search(_normal(text)) is not None


def gold(text: str) -> bool | None:
    """The truth value that `text` is; None where it is none."""
    return {"true": True, "yes": True, "false": False, "no": False}.get(text.strip(" .*").lower())


def _normal(text: str) -> str:
    """A sentence without quotations, brackets and "no doubt"."""
    text = _QUOTED.sub(r"\1", text)
    text = re.sub(r"(?<=\w)\s*\(", ", ", options.unwrapped(text))
    text = re.sub(r"[()\[\]]", "", text).strip(" \u2013\u2014-")
    text = _NOT_BUT.sub("", text)
    return _NO_DOUBT.sub("", text) if _NO_DOUBT.match(text) else text


def _value_of(text: str) -> bool | None:
    """The truth value of a normal sentence: of its conclusion, its first word, or its claims."""
    last_part = _LAST_PART.split(text)[-1]
    has_conclusion = last_part != text
    if has_conclusion:  # "It is true that he sang, but not alone, so no."
        concluded = _first_word(last_part)
        if concluded is not None:
            return concluded
    value = _first_word(text)
    if value is None:
        value = _claimed(text)
    if value is None and has_conclusion:
        value = _said_of_the_statement(last_part)
    return _in_the_last_clause(text) if value is None else value


def _first_word(text: str) -> bool | None:
    """The value that a text begins with. Raises UnclearError where what follows takes it back."""
    leading = _LEADING.match(text)
    match = _FIRST_WORD.match(text)
    if match is None and leading:
        match = _FIRST_WORD.match(text, leading.end())
    if match is None:
        return None
    value = match["yes"] is not None
    after_word = text[match.end("yes" if value else "no") :]
    after = re.split(r"\b(?:because|since)\b", after_word)[0]
    is_taken_back = _BUT_NOT.match(after) or _OPPOSITE[value].search(_CONCESSION.sub("", after))
    if is_taken_back or re.match(r",? assuming\b", after):
        raise UnclearError
    return value


def _claimed(text: str) -> bool | None:
    """The one value that the claims of a sentence give. Raises UnclearError where they differ."""
    parts = _CONTRAST.split(text)
    values = [_said_of_the_statement(part) for part in parts]
    given_values = [value for value in values if value is not None]
    if len(set(given_values)) > 1:
        raise UnclearError
    if len(parts) > 1 and values[0] is not None and re.match(r"(?:\S+ ){2,4}that\b", parts[0]):
        return None  # "It is true that he sang, but not alone."
    return given_values[0] if given_values else None


def _in_the_last_clause(text: str) -> bool | None:
    """The value of "..., and the statement is true".

    The clauses before it must speak of no truth value.
    """
    *before, last_clause = _CLAUSES.split(text)
    if not before or _DOUBTING.search(" ".join(before)):
        return None
    return _said_of_the_statement(last_clause)


def _said_of_the_statement(text: str) -> bool | None:
    """The value of "it is true", "the claim is not correct", "the statement holds" and the like.

    Raises UnclearError for "it is true that the answer is ...".
    """
    leading = _LEADING.match(text)
    holds = _HOLDS.fullmatch(text, leading.end() if leading else 0)
    if holds:
        shown_value = holds["proven"] or holds["made"]
        return _VALUES[shown_value.lower()] if shown_value else not holds["fails"]
    match = _IS_TRUE.fullmatch(text, leading.end()) if leading else None
    match = match or _IS_TRUE.fullmatch(text)
    if match is None or not _AFTER_VALUE.match(match["after"]):
        return None
    if _SAYS_MORE.match(match["after"]):
        raise UnclearError
    if re.search(r"\b(?:otherwise|assuming)\b", text, re.IGNORECASE):
        return None
    value = match["value"].lower()
    if value in ("right", "wrong") and not _AFTER_RIGHT_OR_WRONG.match(match["after"]):
        return None
    is_turned_round = (match["is_not"] is not None) != (match["not"] is not None)
    return _VALUES[value] != is_turned_round
