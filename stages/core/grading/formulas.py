"""Finding the mathematics of a final answer: the formulas of its box, its statement or its last sentence."""

import re

from stages.core.grading import final, plain

# What may stand before the formulas of a statement, between them, and before an answer that is not stated as one
_BEFORE = re.compile(
    r"[\s,:;(*_]*(?:(?:equal to|given by|simply|just|therefore|thus|exactly|then|that|the|an?|[A-Za-z] ?=)[\s:*_]*)*"
)
_BETWEEN = re.compile(r"[\s.*_]*(?:,|;|\b(?:and|or)\b)+[\s*_]*(?:\b(?:and|or|[A-Za-z] ?=)\b)?[\s*_]*", re.IGNORECASE)
_AFTER = re.compile(r"[A-Za-z\s,.;:!*_()'-]*")
_HENCE = re.compile(
    r"^\W*(?:(?:so|thus|hence|therefore|then|finally|and|that|we (?:get|have|find|obtain)|this gives)\b[,:]?\s?)+",
    re.IGNORECASE,
)


def stated(text: str) -> str:
    """The final answer's mathematics, "" where there is none.

    That is the box, else the formulas of what is stated, or of the last sentence, if the words beside them leave them
    as they are; else the words and all, which will be equal to no formula.
    """
    found = final.boxed(text)
    if found is not None:
        return found.strip()
    said = final.stated(text)
    if said is not None:
        clause = final.clause(said)
        spans = list(final.FORMULA.finditer(clause))
        whole = spans and _BEFORE.fullmatch(clause, 0, spans[0].start()) and _listed(clause, spans) == spans
        return ", ".join(map(_inner, spans)) if whole and _fine(clause[spans[-1].end() :]) else final.bare(clause)
    sentence = " ".join(final.last_sentence(text).split())
    if plain.DENIED.search(sentence) or sentence.endswith("?"):
        return ""
    if spans := list(final.FORMULA.finditer(sentence)):
        last = _listed(sentence, spans)
        beside = sentence[: last[0].start()].split()[-2:]
        fine = _fine(sentence[last[-1].end() :]) and not plain.changed(" ".join(beside))
        return ", ".join(map(_inner, last)) if fine and not re.search(r"[-+*/\d]\s?$", " ".join(beside)) else sentence
    return final.bare(_HENCE.sub("", re.split(r"\b(?:is|are|equals)\b", sentence)[-1]))


def _listed(text: str, spans: list[re.Match[str]]) -> list[re.Match[str]]:
    """The last of `spans`, with those before it that it is listed with."""
    found = spans[-1:]
    for span in reversed(spans[:-1]):
        if not _BETWEEN.fullmatch(text, span.end(), found[0].start()):
            break
        found.insert(0, span)
    return found


def _fine(after: str) -> bool:
    """Whether the words after a formula leave it as it is."""
    return _AFTER.fullmatch(after) is not None and not plain.changed(after) and not plain.DENIED.search(after)


def _inner(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None).strip()
