"""A row of a source as a question with its options and its gold."""

import hashlib
import random
import re
from collections.abc import Iterable, Mapping
from typing import Any

from stages.core.grading.choice import options
from stages.core.imports import sources, turns, values
from stages.core.program.errors import StageError, shown
from stages.core.questions import patterns
from stages.core.questions.items import Item, QuestionSet, letter, lettered

LETTERS = 26  # options that have a letter of their own
LONGEST = 1_000_000  # characters of a question, a hundred times a long one
HARDEST = 1e15  # a difficulty beyond this is no difficulty, and its means are no numbers


def read(entry: QuestionSet, place: str, number: int, row: Mapping[str, Any]) -> Item | None:
    """The row as an Item; None for one without a gold where the set drops these."""
    if "question" not in entry.fields or "gold" not in entry.fields:
        raise StageError(
            f"{place}: the field map names no field for question and gold; mend `fields`"
        )
    text = _text(entry, place, row)
    choices = _choices(entry, place, row)
    gold, right = _gold(entry, place, row, choices)
    if not gold and entry.missing_gold == "drop":
        return None
    if not gold:
        raise StageError(f"{place}: no gold answer; give it one, or set missing_gold: drop")
    if not text:
        raise StageError(f"{place}: the question is empty")
    if entry.shuffle:
        choices, right = _shuffled(
            entry, text, choices, _right(place, choices, gold) if right is None else right
        )
    if right is not None:  # from here on its place says which option it is, and never its text
        gold = options.written(right + 1, choices)
    if choices:  # options that are a field of their own are not in the text yet
        text = f"{text}\n{lettered(choices)}"
    found = sources.pick(row, entry.fields, "id", place)
    source_id = values.identifier(found if "id" in entry.fields else number, "id", place)
    return Item(place, source_id, text, choices, gold, difficulty(entry, row, place))


def _text(entry: QuestionSet, place: str, row: Mapping[str, Any]) -> str:
    """The question; of a conversation its one user's message."""
    found = sources.pick(row, entry.fields, "question", place)
    read = turns.asked if turns.conversation(found) else values.text
    text = (read(found, "question", place) or "").strip()
    if len(text) > LONGEST:
        raise StageError(
            f"{place}: the question has {len(text):,} characters, at most {LONGEST:,} are taken"
        )
    return text


def _choices(entry: QuestionSet, place: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    found = _texts(entry, "choices", row, place)
    if len(found) > LETTERS:
        raise StageError(
            f"{place}: {len(found)} choices, at most {LETTERS} have a letter; mend the field map"
        )
    return tuple(_stripped(entry, option, number, place) for number, option in enumerate(found, 1))


def _stripped(entry: QuestionSet, option: str, number: int, place: str) -> str:
    """An option without what its text says beside it, as `choice_pattern` has it."""
    if not entry.choice_pattern:
        return option
    match = patterns.search(entry.choice_pattern, option, place)
    if not match:
        raise StageError(
            f"{place}: choices: option {number} '{shown(option)}' does not match choice_pattern; mend the pattern"
        )
    return (match[1] or "").strip()


def _texts(entry: QuestionSet, name: str, row: Mapping[str, Any], place: str) -> tuple[str, ...]:
    """The list that the field of this name holds, a text for each option; empty where it is not
    mapped or null.
    """
    found = sources.pick(row, entry.fields, name, place)
    if not isinstance(found or [], list):
        raise StageError(
            f"{place}: {name} are no list but {type(found).__name__}; mend the field map"
        )
    return tuple(
        _option(option, name, number, place) for number, option in enumerate(found or (), 1)
    )


def _option(value: Any, name: str, number: int, place: str) -> str:
    option = values.text(value, f"{name}: option {number}", place)
    if option is None:
        raise StageError(
            f"{place}: {name}: option {number} is null; mend the field map or the file"
        )
    return option.strip()


def _gold(
    entry: QuestionSet, place: str, row: Mapping[str, Any], choices: tuple[str, ...]
) -> tuple[str, int | None]:
    """The gold as the source has it, "" where there is none; and its option's number, None where it
    may be a text.
    """
    value = sources.pick(row, entry.fields, "gold", place)
    if entry.gold_is == "flags":
        right = _flagged(value, choices, place)
        return "" if right is None else str(value), right
    gold = _stated(entry, value, place).strip()
    if entry.gold_pattern and gold:
        match = patterns.search(entry.gold_pattern, gold, place)
        gold = (match[1] or "").strip() if match else ""
    if entry.gold_is == "place" and gold:
        if not re.fullmatch(r"[0-9]{1,2}", gold) or int(gold) >= len(choices):
            raise StageError(
                f"{place}: gold '{shown(gold)}' is no place of {len(choices)} options, counted from 0"
            )
        return gold, int(gold)
    if entry.gold_is == "letter" and gold:
        return gold, _lettered(gold, choices, place)
    if "labels" not in entry.fields:
        return gold, None
    return gold, _labelled(_texts(entry, "labels", row, place), gold, choices, place)


def _lettered(gold: str, choices: tuple[str, ...], place: str) -> int:
    """The number of the option that has this letter, whatever the texts of the options are."""
    if not re.fullmatch("[A-Z]", gold) or options.place_of(gold) > len(choices):
        raise StageError(
            f"{place}: gold '{shown(gold)}' is no letter of {len(choices)} options, which begin with A"
        )
    return options.place_of(gold) - 1


def _labelled(
    labels: tuple[str, ...], gold: str, choices: tuple[str, ...], place: str
) -> int | None:
    """The number of the option that the label `gold` names, None without a gold."""
    if len(set(labels)) != len(choices) or len(labels) != len(choices):
        raise StageError(
            f"{place}: {len(labels)} labels for {len(choices)} choices, expected a different one for each"
        )
    if gold and gold not in labels:
        raise StageError(
            f"{place}: gold '{shown(gold)}' is none of the labels {shown(', '.join(labels))}; mend fields"
        )
    return labels.index(gold) if gold else None


def check_numbers(found: Iterable[Item]) -> None:
    """Raises StageError where golds that are numbers are labels in some rows and, it seems, texts
    in others.

    `1` is the right option's text where an option is `1`, else its place: a set that means places
    by all of them would have the wrong golds wherever an option is a number.
    """
    label = text = None
    for item in found:
        if (
            item.choices
            and re.fullmatch("[1-9]", item.gold)
            and int(item.gold) <= len(item.choices)
        ):
            if item.gold not in item.choices:
                label = label or item
            elif item.choices[int(item.gold) - 1] != item.gold:
                text = text or item
    if label and text:
        raise StageError(
            f"{text.place}: gold '{text.gold}' is an option's text, but a place in {label.place}: map the options' "
            "labels as fields.labels, or set gold_is"
        )


def _flagged(found: Any, choices: tuple[str, ...], place: str) -> int | None:
    """The number of the one option whose flag is set, None without any flags."""
    if found is None:
        return None
    if not isinstance(found, list) or any(
        type(flag) is not bool and flag not in (0, 1) for flag in found
    ):
        raise values.refused(found, "gold", place, "a list of flags, true or false, 1 or 0")
    right = [number for number, flag in enumerate(found) if flag]
    if len(right) != 1 or right[0] >= len(choices):
        raise StageError(
            f"{place}: {len(right)} options are flagged as right, expected one; mend fields or gold_is"
        )
    return right[0]


def _stated(entry: QuestionSet, found: Any, place: str) -> str:
    """The gold as text. true and false are for the boolean grader, several values for math, where
    they are a list.
    """
    if found == []:
        return ""
    if isinstance(found, bool) and entry.grader == "boolean":
        return str(found).lower()
    if entry.gold_is == "place" and isinstance(found, float):
        return str(values.whole_number(found, "gold", place))
    if entry.grader == "math" and isinstance(found, list) and not values.are_content_parts(found):
        return ", ".join(_value(value, number, place) for number, value in enumerate(found, 1))
    return values.text(found, "gold", place) or ""


def _value(value: Any, number: int, place: str) -> str:
    found = values.text(value, f"gold: value {number}", place)
    if not found or not found.strip():
        raise values.refused(value, f"gold: value {number}", place, "text")
    return found.strip()


def _right(place: str, choices: tuple[str, ...], gold: str) -> int:
    """The number of the one option that a gold is the letter or text of."""
    right = [number for number, option in enumerate(choices) if gold in (letter(number), option)]
    if len(right) != 1:
        raise StageError(
            f"{place}: gold '{shown(gold)}' is the letter or text of {len(right)} options, expected one"
        )
    return right[0]


def _shuffled(
    entry: QuestionSet, text: str, choices: tuple[str, ...], right: int
) -> tuple[tuple[str, ...], int]:
    """The options in another order, which depends on seed and question alone, and the number of the
    right one.
    """
    order = list(range(len(choices)))
    random.Random(hashlib.sha256(f"{entry.seed}\n{text}".encode()).digest()).shuffle(order)
    return tuple(choices[number] for number in order), order.index(right)


def difficulty(entry: QuestionSet, row: Mapping[str, Any], place: str) -> float | None:
    """The first number in what the source says of it: 5 of "Level 5". None where it says nothing."""
    found = sources.pick(row, entry.fields, "difficulty", place)
    match = re.search(r"\d+(?:\.\d+)?", values.text(found, "difficulty", place) or "")
    level = float(match[0]) if match else None
    if level is not None and level > HARDEST:
        raise StageError(
            f"{place}: difficulty: {shown(match and match[0])} is no difficulty, which is at most {HARDEST:g}"
        )
    return level
