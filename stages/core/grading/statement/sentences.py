"""Sentences and clauses of an answer's text. Formulas are never cut."""

import re

from stages.core.grading.statement import words
from stages.core.grading.statement.boxes import FORMULA

LONGEST = 2000  # characters of a statement that are read
_ABBREVIATIONS = r"Mrs mrs Mr mr Dr dr Ms ms St e\.g i\.e approx sq No no vs etc ca min max".split()
_NOT_ABBREVIATED = "".join(rf"(?<!\b{word})" for word in _ABBREVIATIONS)
_BEGINNINGS = words.any_of(
    "It The This That These So Thus Therefore Hence Because Since But However Wait No Actually Oops Hold Sorry Hmm Let "
    "I We An? In If As Other Explanation Option Answer [A-Z]_(?:is|was|has)"
)
_SENTENCE_END = re.compile(
    rf"(?<![\s.][A-Z])(?!(?<=^[A-Z])\.\s[A-Z]\.){_NOT_ABBREVIATED}"
    r"[.!?]+[\"')\]]*(?=\s|$)"
    # after a single capital letter, an initial or an option: where a sentence begins that is no
    # name
    rf"|(?<=[\s.][A-Z])\.(?=\s*$|\s+{_BEGINNINGS}\b|\s+[A-Z]\.\s*$)"
)
_END = re.compile(rf"{_SENTENCE_END.pattern}|\n")
# What follows says why, or what the value is not
_ASIDE = re.compile(
    r"[,;]?\s\(?(?:because|since|which|where|when|while|whereas|given that|compared|unlike)\b"
    r"|[,;]?\s\(?(?:i\.e\.|e\.g\.)(?=\W)"
    r"|\sand not\b|,?\sand indeed\b|[,;(]\s?\(?(?:and )?not\b(?! (?:correct|right|true|the))"
    r"|[,;]?\s\(?(?:rather than|instead of)\b"
    r"|\s[\u2014\u2013-]\s(?=[A-Za-z]{2})",
    re.IGNORECASE,
)
_REJECTED = re.compile(
    r"\W*(?:which|and that) (?:is|was)(?:n't| not| wrong| incorrect| false)\b", re.IGNORECASE
)


_LABELLED = re.compile(r"^(?:\u2022 )?(?i:option )?[A-Z]\.(?=\s)", re.MULTILINE)


def sentences(text: str) -> list[str]:
    """The sentences of `text`, formulas whole; what has neither letter nor digit is none."""
    hidden = FORMULA.sub(lambda match: re.sub(r"[.!?\n]", "\0", match[0]), text)
    if len(_LABELLED.findall(hidden)) > 1:  # "A. The ..." is one item of a list there
        hidden = _LABELLED.sub(lambda match: match[0].replace(".", "\0"), hidden)
    ends = [match.end() for match in _END.finditer(hidden)]
    parts = (text[begin:end] for begin, end in zip([0, *ends], [*ends, len(text)], strict=True))
    return [" ".join(part.split()) for part in parts if re.search(r"\w", part)]


def first_sentence(text: str) -> str:
    """`text` up to its first sentence's end; formulas are not cut."""
    text = text[:LONGEST]
    hidden = FORMULA.sub(lambda match: "\0" * len(match[0]), text)
    end = _SENTENCE_END.search(hidden)
    return text[: end.end()] if end else text


def sentence_end(text: str, begin: int) -> int:
    """Where the sentence that goes on at `begin` ends."""
    hidden = FORMULA.sub(lambda match: "\0" * len(match[0]), text)
    end = _SENTENCE_END.search(hidden, begin)
    return end.end() if end else len(text)


def clause(text: str) -> str:
    """A sentence up to where it starts to say why, or what the value is not; formulas are not cut."""
    hidden = FORMULA.sub(lambda match: "\0" * len(match[0]), text)
    aside = _ASIDE.search(hidden)
    if not aside or not aside.start() or _REJECTED.match(hidden, aside.start()):
        return text
    return text[: aside.start()]
