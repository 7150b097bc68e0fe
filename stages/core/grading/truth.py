"""Reading a statement as true or false, alike for both sides.

A truth value is one of three things: the first word of an answer ("No, whales are mammals."), what
the statement is said to be ("It is not true."), or what a sentence concludes ("..., so yes."). A
"not" turns it round. Other words that weaken or doubt it ("hardly", "partly", "might be") leave no
value. Both values in one statement make it unclear.
"""

import re

from stages.core.grading import truth_patterns as patterns
from stages.core.grading.choice import options
from stages.core.grading.statement import sentences
from stages.core.grading.statement.candidates import Statement, UnclearError


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
        if computed := patterns.COMPUTED.search(text):
            return patterns.VALUES[computed[1].lower()]
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
        return patterns.OPPOSITE[value].search(_normal(text)) is not None


def gold(text: str) -> bool | None:
    """The truth value that `text` is; None where it is none."""
    return {"true": True, "yes": True, "false": False, "no": False}.get(text.strip(" .*").lower())


def _normal(text: str) -> str:
    """A sentence without quotations, brackets and "no doubt"."""
    text = patterns.QUOTED.sub(r"\1", text)
    text = re.sub(r"(?<=\w)\s*\(", ", ", options.unwrapped(text))
    text = re.sub(r"[()\[\]]", "", text).strip(" \u2013\u2014-")
    text = patterns.NOT_BUT.sub("", text)
    return patterns.NO_DOUBT.sub("", text) if patterns.NO_DOUBT.match(text) else text


def _value_of(text: str) -> bool | None:
    """The truth value of a normal sentence: of its conclusion, its first word, or its claims."""
    last_part = patterns.LAST_PART.split(text)[-1]
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
    word = text.strip(" .!\u3002").lower()
    if word in patterns.YES_ELSEWHERE | patterns.NO_ELSEWHERE:
        return word in patterns.YES_ELSEWHERE
    leading = patterns.LEADING.match(text)
    match = patterns.FIRST_WORD.match(text)
    if match is None and leading:
        match = patterns.FIRST_WORD.match(text, leading.end())
    if match is None:
        return None
    value = match["yes"] is not None
    after_word = text[match.end("yes" if value else "no") :]
    after = re.split(r"\b(?:because|since)\b", after_word)[0]
    is_taken_back = patterns.BUT_NOT.match(after) or patterns.OPPOSITE[value].search(
        patterns.CONCESSION.sub("", after)
    )
    if is_taken_back or re.match(r",? assuming\b", after):
        raise UnclearError
    return value


def _claimed(text: str) -> bool | None:
    """The one value that the claims of a sentence give. Raises UnclearError where they differ."""
    parts = patterns.CONTRAST.split(text)
    values = [_said_of_the_statement(part) for part in parts]
    given_values = [value for value in values if value is not None]
    if len(set(given_values)) > 1:
        raise UnclearError
    if len(parts) > 1 and values[0] is not None and re.match(r"(?:\S+ ){2,4}that\b", parts[0]):
        return None  # "It is true that he sang, but not alone."
    return given_values[0] if given_values else None


def _in_the_last_clause(text: str) -> bool | None:
    """The value of "..., and the statement is true".

    The clauses before it must speak of no truth value. "..., and it is true that she sang" is about
    a fact beside the statement.
    """
    *before, last_clause = patterns.CLAUSES.split(text)
    if (
        not before
        or patterns.DOUBTING.search(" ".join(before))
        or patterns.FACT_BESIDE.match(last_clause)
    ):
        return None
    return _said_of_the_statement(last_clause)


def _said_of_the_statement(text: str) -> bool | None:
    """The value of "it is true", "the claim is not correct", "the statement holds" and the like.

    Raises UnclearError for "it is true that the answer is ...".
    """
    leading = patterns.LEADING.match(text)
    holds = patterns.HOLDS.fullmatch(text, leading.end() if leading else 0)
    if holds:
        shown_value = holds["proven"] or holds["made"]
        return patterns.VALUES[shown_value.lower()] if shown_value else not holds["fails"]
    match = patterns.IS_TRUE.fullmatch(text, leading.end()) if leading else None
    match = match or patterns.IS_TRUE.fullmatch(text)
    if match is None or not patterns.AFTER_VALUE.match(match["after"]):
        return None
    if patterns.SAYS_MORE.match(match["after"]):
        raise UnclearError
    if re.search(r"\b(?:otherwise|assuming)\b", text, re.IGNORECASE):
        return None
    value = match["value"].lower()
    if value in ("right", "wrong") and not patterns.AFTER_RIGHT_OR_WRONG.match(match["after"]):
        return None
    is_turned_round = (match["is_not"] is not None) != (match["not"] is not None)
    return patterns.VALUES[value] != is_turned_round
