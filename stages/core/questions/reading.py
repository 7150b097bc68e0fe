"""Reads a row of a source as a question with its options and its gold."""

import re
from collections.abc import Mapping
from typing import Any

from stages.core.grading.choice import options
from stages.core.imports import sources, turns, values
from stages.core.program.errors import StageError, shown
from stages.core.questions import choices as choices_of_row
from stages.core.questions import golds
from stages.core.questions.items import Item, QuestionSet, lettered

LONGEST = 1_000_000  # characters of a question, a hundred times a long one
HARDEST = 1e15  # means of larger difficulties would be no numbers


def read(entry: QuestionSet, location: str, number: int, row: Mapping[str, Any]) -> Item | None:
    """The row as an Item; None where it has no gold and the set drops such rows.

    `number` counts the rows of a file from 0. Raises StageError for what is wrong with the row.
    """
    if "question" not in entry.fields or "gold" not in entry.fields:
        raise StageError(
            f"{location}: the field map names no field for question and gold; mend `fields`"
        )
    text = _text(entry, location, row)
    choices = choices_of_row.read(entry, location, row)
    gold, right_index = golds.read(entry, location, row, choices)
    if not gold and entry.missing_gold == "drop":
        return None
    if not gold:
        raise StageError(f"{location}: no gold answer; give it one, or set missing_gold: drop")
    if not text:
        raise StageError(f"{location}: the question is empty")
    if entry.shuffle:
        if right_index is None:
            right_index = golds.index_of(location, choices, gold)
        choices, right_index = choices_of_row.shuffled(entry, text, choices, right_index)
    if right_index is not None:  # from here on the gold is an option's place, never its text
        gold = options.written(right_index + 1, choices)
    if choices:  # options that are a separate field are not in the text yet
        text = f"{text}\n{lettered(choices)}"
    return Item(
        location=location,
        source_id=_source_id(entry, location, number, row),
        question=text,
        choices=choices,
        gold=gold,
        difficulty=difficulty(entry, row, location),
    )


def _source_id(entry: QuestionSet, location: str, number: int, row: Mapping[str, Any]) -> str:
    """The question's id in its source; without a field for it, the row's number."""
    id_in_source: Any = number
    if "id" in entry.fields:
        id_in_source = sources.pick(row, entry.fields, "id", location)
    return values.identifier(id_in_source, "id", location)


def _text(entry: QuestionSet, location: str, row: Mapping[str, Any]) -> str:
    """The question's text; of a conversation its only message of a user."""
    value = sources.pick(row, entry.fields, "question", location)
    to_text = turns.only_user_text if turns.conversation(value) else values.text
    text = (to_text(value, "question", location) or "").strip()
    if len(text) > LONGEST:
        raise StageError(
            f"{location}: the question has {len(text):,} characters, at most {LONGEST:,} are taken"
        )
    return text


def difficulty(entry: QuestionSet, row: Mapping[str, Any], location: str) -> float | None:
    """The first number in the source's difficulty: 5 of "Level 5". None where it has none."""
    value = sources.pick(row, entry.fields, "difficulty", location)
    match = re.search(r"\d+(?:\.\d+)?", values.text(value, "difficulty", location) or "")
    if not match:
        return None
    level = float(match[0])
    if level > HARDEST:
        raise StageError(
            f"{location}: difficulty: {shown(match[0])} is no difficulty, which is at most "
            f"{HARDEST:g}"
        )
    return level
