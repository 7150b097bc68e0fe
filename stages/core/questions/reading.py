"""Reads a row of a source as a question with its options and its gold."""

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
HARDEST = 1e15  # means of larger difficulties would be no numbers


def read(entry: QuestionSet, place: str, number: int, row: Mapping[str, Any]) -> Item | None:
    """The row as an Item; None where it has no gold and the set drops such rows.

    `number` counts the rows of a file from 0. Raises StageError for what is wrong with the row.
    """
    if "question" not in entry.fields or "gold" not in entry.fields:
        raise StageError(
            f"{place}: the field map names no field for question and gold; mend `fields`"
        )
    text = _text(entry, place, row)
    choices = _choices(entry, place, row)
    gold, right_index = _gold(entry, place, row, choices)
    if not gold and entry.missing_gold == "drop":
        return None
    if not gold:
        raise StageError(f"{place}: no gold answer; give it one, or set missing_gold: drop")
    if not text:
        raise StageError(f"{place}: the question is empty")
    if entry.shuffle:
        if right_index is None:
            right_index = _index_of_gold(place, choices, gold)
        choices, right_index = _shuffled(entry, text, choices, right_index)
    if right_index is not None:  # from here on the gold is an option's place, never its text
        gold = options.written(right_index + 1, choices)
    if choices:  # options that are a separate field are not in the text yet
        text = f"{text}\n{lettered(choices)}"
    id_in_source = sources.pick(row, entry.fields, "id", place)
    if "id" not in entry.fields:
        id_in_source = number
    return Item(
        place=place,
        source_id=values.identifier(id_in_source, "id", place),
        question=text,
        choices=choices,
        gold=gold,
        difficulty=difficulty(entry, row, place),
    )


def _text(entry: QuestionSet, place: str, row: Mapping[str, Any]) -> str:
    """The question's text; of a conversation its only message of a user."""
    value = sources.pick(row, entry.fields, "question", place)
    to_text = turns.asked if turns.conversation(value) else values.text
    text = (to_text(value, "question", place) or "").strip()
    if len(text) > LONGEST:
        raise StageError(
            f"{place}: the question has {len(text):,} characters, at most {LONGEST:,} are taken"
        )
    return text


def _choices(entry: QuestionSet, place: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """The options' texts; empty where the set has no options."""
    texts = _texts(entry, "choices", row, place)
    if len(texts) > LETTERS:
        raise StageError(
            f"{place}: {len(texts)} choices, at most {LETTERS} have a letter; mend the field map"
        )
    return tuple(_stripped(entry, option, number, place) for number, option in enumerate(texts, 1))


def _stripped(entry: QuestionSet, option: str, number: int, place: str) -> str:
    """An option's own text, which is the first group of `choice_pattern`."""
    if not entry.choice_pattern:
        return option
    match = patterns.search(entry.choice_pattern, option, place)
    if not match:
        raise StageError(
            f"{place}: choices: option {number} '{shown(option)}' does not match choice_pattern; "
            "mend the pattern"
        )
    return (match[1] or "").strip()


def _texts(entry: QuestionSet, name: str, row: Mapping[str, Any], place: str) -> tuple[str, ...]:
    """The list in the field `name`, a text for each option.

    It is empty where the field is null or not mapped.
    """
    listed = sources.pick(row, entry.fields, name, place) or []
    if not isinstance(listed, list):
        raise StageError(
            f"{place}: {name} are no list but {type(listed).__name__}; mend the field map"
        )
    return tuple(_option(option, name, number, place) for number, option in enumerate(listed, 1))


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
    """The gold as the source has it, and the index of its option.

    The gold is "" where there is none. The index is None where the gold may be a text.
    """
    value = sources.pick(row, entry.fields, "gold", place)
    if entry.gold_is == "flags":
        right_index = _flagged(value, choices, place)
        return "" if right_index is None else str(value), right_index
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
    if not re.fullmatch("[A-Z]", gold) or options.position_of(gold) > len(choices):
        raise StageError(
            f"{place}: gold '{shown(gold)}' is no letter of {len(choices)} options, which begin "
            "with A"
        )
    return options.position_of(gold) - 1


def _labelled(
    labels: tuple[str, ...], gold: str, choices: tuple[str, ...], place: str
) -> int | None:
    """The index of the option that the label `gold` names, None without a gold."""
    if len(set(labels)) != len(choices) or len(labels) != len(choices):
        raise StageError(
            f"{place}: {len(labels)} labels for {len(choices)} choices, expected a different one "
            "for each"
        )
    if gold and gold not in labels:
        raise StageError(
            f"{place}: gold '{shown(gold)}' is none of the labels {shown(', '.join(labels))}; "
            "mend fields"
        )
    return labels.index(gold) if gold else None


def check_numbers(items: Iterable[Item]) -> None:
    """Raises StageError where golds are numbers: places in some rows and, it seems, texts in others.

    `1` is the right option's text where an option is `1`, else the option's place. If the set means
    places everywhere, its golds would be wrong wherever an option is a number.
    """
    first_place = first_text = None  # the first item whose gold is a place, and a text
    for item in items:
        if not item.choices or not re.fullmatch("[1-9]", item.gold):
            continue
        if int(item.gold) > len(item.choices):
            continue
        if item.gold not in item.choices:
            first_place = first_place or item
        elif item.choices[int(item.gold) - 1] != item.gold:
            first_text = first_text or item
    if first_place and first_text:
        raise StageError(
            f"{first_text.place}: gold '{first_text.gold}' is an option's text, but a place in "
            f"{first_place.place}: map the options' labels as fields.labels, or set gold_is"
        )


def _flagged(flags: Any, choices: tuple[str, ...], place: str) -> int | None:
    """The index of the only option whose flag is set, None without any flags."""
    if flags is None:
        return None
    if not isinstance(flags, list) or not all(map(_is_flag, flags)):
        raise values.refused(flags, "gold", place, "a list of flags, true or false, 1 or 0")
    flagged = [index for index, flag in enumerate(flags) if flag]
    if len(flagged) != 1 or flagged[0] >= len(choices):
        raise StageError(
            f"{place}: {len(flagged)} options are flagged as right, expected one; mend fields or "
            "gold_is"
        )
    return flagged[0]


def _is_flag(value: Any) -> bool:
    return type(value) is bool or value in (0, 1)


def _stated(entry: QuestionSet, value: Any, place: str) -> str:
    """The gold as text, empty where there is none.

    true and false are for the boolean grader. A list of several values is for math.
    """
    if value == []:
        return ""
    if isinstance(value, bool) and entry.grader == "boolean":
        return str(value).lower()
    if entry.gold_is == "place" and isinstance(value, float):
        return str(values.whole_number(value, "gold", place))
    if entry.grader == "math" and isinstance(value, list) and not values.are_content_parts(value):
        return ", ".join(_gold_value(item, number, place) for number, item in enumerate(value, 1))
    return values.text(value, "gold", place) or ""


def _gold_value(value: Any, number: int, place: str) -> str:
    """One of several golds as text."""
    text = values.text(value, f"gold: value {number}", place)
    if not text or not text.strip():
        raise values.refused(value, f"gold: value {number}", place, "text")
    return text.strip()


def _index_of_gold(place: str, choices: tuple[str, ...], gold: str) -> int:
    """The index of the only option whose letter or text is the gold."""
    matches = [index for index, option in enumerate(choices) if gold in (letter(index), option)]
    if len(matches) != 1:
        raise StageError(
            f"{place}: gold '{shown(gold)}' is the letter or text of {len(matches)} options, "
            "expected one"
        )
    return matches[0]


def _shuffled(
    entry: QuestionSet, text: str, choices: tuple[str, ...], right_index: int
) -> tuple[tuple[str, ...], int]:
    """The options in another order, and the index of the right one in it.

    The order depends on seed and question alone.
    """
    order = list(range(len(choices)))
    random.Random(hashlib.sha256(f"{entry.seed}\n{text}".encode()).digest()).shuffle(order)
    return tuple(choices[index] for index in order), order.index(right_index)


def difficulty(entry: QuestionSet, row: Mapping[str, Any], place: str) -> float | None:
    """The first number in the source's difficulty: 5 of "Level 5". None where it has none."""
    value = sources.pick(row, entry.fields, "difficulty", place)
    match = re.search(r"\d+(?:\.\d+)?", values.text(value, "difficulty", place) or "")
    level = float(match[0]) if match else None
    if level is not None and level > HARDEST:
        raise StageError(
            f"{place}: difficulty: {shown(match and match[0])} is no difficulty, which is at most "
            f"{HARDEST:g}"
        )
    return level
