"""The units of a trace that pruning leaves out, and the text that the others make.

A unit is a span of characters, (start, end), that begins and ends without space. Units are in
order and do not overlap. Together they have every character of the trace that is no space.

- token: a token of the student. Tokens that belong to one character or to one number make one unit,
  because a digit left alone would be another number. Space is no unit.
- sentence: as extraction splits them (compressors/sentences.py); lines end a sentence too.
- step: a paragraph, where the trace has several; else a line. Models that reason at length write
  paragraphs, and others a line for each step.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from stages.core.targets.compressors import sentences
from stages.core.targets.pruning.settings import Unit

Span = tuple[int, int]

_LINE = re.compile(r"\S(?:[^\n]*\S)?")
# Lines with text, up to the next line without any
_PARAGRAPH = re.compile(r"\S(?:(?!\n\s*\n)[\s\S])*")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")  # e.g. 12, 1,200 or 3.50
_DIGIT = re.compile(r"\d")


def units(text: str, unit: Unit, tokenizer: Any) -> list[Span]:
    """The spans of the units of `text`. `tokenizer` is the student's."""
    match unit:
        case "token":
            return _tokens(text, tokenizer)
        case "sentence":
            return list(sentences.spans(text))
    paragraphs = _trimmed(text, (match.span() for match in _PARAGRAPH.finditer(text)))
    if len(paragraphs) > 1:
        return paragraphs
    return _trimmed(text, (match.span() for match in _LINE.finditer(text)))


def joined(text: str, spans: Sequence[Span], kept: Iterable[int], unit: Unit) -> str:
    """The text of the units `kept`, indices of `spans` in their order.

    A token brings the space before it. Between two sentences or steps stands the space with most
    line ends of those between them, so that lines stay lines. Where there is none, but units were
    left out, a space keeps two words apart.
    """
    parts: list[str] = []
    previous: int | None = None
    for index in kept:
        start, end = spans[index]
        if previous is not None:
            first = index - 1 if unit == "token" else previous
            parts.append(_gap(text, spans, previous, index, first))
        parts.append(text[start:end])
        previous = index
    return "".join(parts)


def has_number(text: str, span: Span) -> bool:
    """Whether the unit carries a number."""
    return _DIGIT.search(text, *span) is not None


def _gap(text: str, spans: Sequence[Span], before: int, after: int, first: int) -> str:
    """What stands between two units that are neighbours in the text that is left.

    It is one of the spaces after the units from `first` on.
    """
    gaps = [text[spans[index][1] : spans[index + 1][0]] for index in range(first, after)]
    gap = max(gaps, key=lambda space: (space.count("\n"), len(space)))
    if gap or after == before + 1:
        return gap
    are_words = text[spans[before][1] - 1].isalnum() and text[spans[after][0]].isalnum()
    return " " if are_words else ""


def _tokens(text: str, tokenizer: Any) -> list[Span]:
    """The spans of the tokens of `text`, without the space around them."""
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    wholes = iter([*(match.span() for match in _NUMBER.finditer(text)), (len(text), len(text))])
    whole_start, whole_end = next(wholes)
    spans: list[Span] = []
    for start, end in _trimmed(text, encoding["offset_mapping"]):
        while whole_end <= start and whole_end < len(text):
            whole_start, whole_end = next(wholes)
        continues_number = whole_start < start < whole_end
        if spans and (start < spans[-1][1] or continues_number):
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _trimmed(text: str, spans: Iterable[Span]) -> list[Span]:
    """The spans without the space around them, and without those that are space alone."""
    trimmed = []
    for start, end in spans:
        part = text[start:end]
        content = part.strip()
        if content:
            content_start = start + len(part) - len(part.lstrip())
            trimmed.append((content_start, content_start + len(content)))
    return trimmed
