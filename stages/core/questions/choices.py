"""Reads the options of a question from a row of its source."""

import hashlib
import random
from collections.abc import Mapping
from typing import Any

from stages.core.imports import sources, values
from stages.core.program.errors import StageError, shown
from stages.core.questions import patterns
from stages.core.questions.items import QuestionSet

LETTERS = 26  # options that have a letter of their own


def read(entry: QuestionSet, location: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """The options' texts; empty where the set has no options."""
    option_texts = texts(entry, "choices", row, location)
    if len(option_texts) > LETTERS:
        raise StageError(
            f"{location}: {len(option_texts)} choices, at most {LETTERS} have a letter; mend the "
            "field map"
        )
    numbered = enumerate(option_texts, 1)
    return tuple(_stripped(entry, option, number, location) for number, option in numbered)


def _stripped(entry: QuestionSet, option: str, number: int, location: str) -> str:
    """An option's own text, which is the first group of `choice_pattern`."""
    if not entry.choice_pattern:
        return option
    match = patterns.search(entry.choice_pattern, option, location)
    if not match:
        raise StageError(
            f"{location}: choices: option {number} '{shown(option)}' does not match "
            "choice_pattern; mend the pattern"
        )
    return (match[1] or "").strip()


def texts(
    entry: QuestionSet, field_name: str, row: Mapping[str, Any], location: str
) -> tuple[str, ...]:
    """The list in the field, a text for each option. (`field_name`: choices, or labels.)

    It is empty where the field is null or not mapped.
    """
    listed = sources.pick(row, entry.fields, field_name, location) or []
    if not isinstance(listed, list):
        raise StageError(
            f"{location}: {field_name} are no list but {type(listed).__name__}; mend the field map"
        )
    numbered = enumerate(listed, 1)
    return tuple(_option(option, field_name, number, location) for number, option in numbered)


def _option(value: Any, field_name: str, number: int, location: str) -> str:
    option = values.text(value, f"{field_name}: option {number}", location)
    if option is None:
        raise StageError(
            f"{location}: {field_name}: option {number} is null; mend the field map or the file"
        )
    return option.strip()


def shuffled(
    entry: QuestionSet, text: str, choices: tuple[str, ...], right_index: int
) -> tuple[tuple[str, ...], int]:
    """The options in another order, and the index of the right one in it.

    The order depends on seed and question alone: other rows of the file do not change it.
    """
    order = list(range(len(choices)))
    random.Random(hashlib.sha256(f"{entry.seed}\n{text}".encode()).digest()).shuffle(order)
    return tuple(choices[index] for index in order), order.index(right_index)
