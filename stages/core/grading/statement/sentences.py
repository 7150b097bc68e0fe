"""Sentences and clauses of an answer's text. Formulas are never cut."""

import re

from stages.core.grading.statement import words
from stages.core.grading.statement.boxes import FORMULA

LONGEST = 2000  # characters of a statement that are read
_ABBREVIATIONS = r"Mrs mrs Mr mr Dr dr Ms ms St e\.g i\.e approx sq No no vs etc ca min max".split()
_NOT_ABBREVIATED = "".join(rf"(?<!\b{word})" for word in _ABBREVIATIONS)
_BEGINNINGS = words.any_of(
    "It The This That These So Thus Therefore Hence Because Since But However Wait No Actually "
    "Oops Hold Sorry Hmm Let I We An? In If As Other Explanation Option Answer [A-Z]_(?:is|was|has)"
)
_SENTENCE_END = re.compile(
    # "is 5.", "(is 5!)"; not "Mr.", nor the label of "B. A." at a text's beginning
    rf"(?<![\s.][A-Z])(?!(?<=^[A-Z])\.\s[A-Z]\.){_NOT_ABBREVIATED}"
    r"[.!?]+[\"')\]]*(?=\s|$)"
    # A single capital letter is an initial or an option. After it, a point ends a sentence only
    # where another one begins: "It is B. The others are wrong."
    rf"|(?<=[\s.][A-Z])\.(?=\s*$|\s+{_BEGINNINGS}\b|\s+[A-Z]\.\s*$)"
)
_SENTENCE_OR_LINE_END = re.compile(rf"{_SENTENCE_END.pattern}|\n")
# What follows says why, or what the value is not
_ASIDE = re.compile(
    # ", because", " (which"
    r"[,;]?\s\(?(?:because|since|which|where|when|while|whereas|given that|compared|unlike)\b"
    r"|[,;]?\s\(?(?:i\.e\.|e\.g\.)(?=\W)"
    # " and not", ", not" but not ", not true"
    r"|\sand not\b|,?\sand indeed\b|[,;(]\s?\(?(?:and )?not\b(?! (?:correct|right|true|the))"
    r"|[,;]?\s\(?(?:rather than|instead of)\b"
    # a dash
    r"|\s[\u2014\u2013-]\s(?=[A-Za-z]{2})",
    re.IGNORECASE,
)
# ", which is wrong": no aside, for it is what the sentence says
_REJECTED = re.compile(
    r"\W*(?:which|and that) (?:is|was)(?:n't| not| wrong| incorrect| false)\b", re.IGNORECASE
)
# "A. " at a line's beginning
_LABELLED = re.compile(r"^(?:\u2022 )?(?i:option )?[A-Z]\.(?=\s)", re.MULTILINE)


def sentences(text: str) -> list[str]:
    """The sentences of `text`, formulas whole; what has neither letter nor digit is none."""
    hidden = FORMULA.sub(lambda match: re.sub(r"[.!?\n]", "\0", match[0]), text)
    if len(_LABELLED.findall(hidden)) > 1:  # "A. The ..." is one item of a list
        hidden = _LABELLED.sub(lambda match: match[0].replace(".", "\0"), hidden)
    ends = [match.end() for match in _SENTENCE_OR_LINE_END.finditer(hidden)]
    borders = zip([0, *ends], [*ends, len(text)], strict=True)
    parts = [text[begin:end] for begin, end in borders]
    return [" ".join(part.split()) for part in parts if re.search(r"\w", part)]


def first_sentence(text: str) -> str:
    """`text` up to its first sentence's end; formulas are not cut."""
    text = text[:LONGEST]
    end = _SENTENCE_END.search(_with_hidden_formulas(text))
    return text[: end.end()] if end else text


def sentence_end(text: str, begin: int) -> int:
    """Where the sentence that goes on at `begin` ends."""
    end = _SENTENCE_END.search(_with_hidden_formulas(text), begin)
    return end.end() if end else len(text)


def clause(text: str) -> str:
    """A sentence up to where it starts to say why, or what the value is not.

    Formulas are not cut.
    """
    hidden = _with_hidden_formulas(text)
    aside = _ASIDE.search(hidden)
    if not aside or not aside.start() or _REJECTED.match(hidden, aside.start()):
        return text
    return text[: aside.start()]


def _with_hidden_formulas(text: str) -> str:
    """A text of the same length in which nothing of a formula can be found."""
    return FORMULA.sub(lambda match: "\0" * len(match[0]), text)
