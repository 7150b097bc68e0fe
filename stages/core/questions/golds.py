"""Reads the gold of a question from a row of its source.

Where a question has options, the gold names one of them. Sources do so by its letter, its place,
its text, its label or a flag. An index counts options from 0.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from stages.core.grading.choice import options
from stages.core.imports import sources, values
from stages.core.program.errors import StageError, shown
from stages.core.questions import choices as choices_of_row
from stages.core.questions import patterns
from stages.core.questions.items import Item, QuestionSet, letter


def read(
    entry: QuestionSet, location: str, row: Mapping[str, Any], choices: tuple[str, ...]
) -> tuple[str, int | None]:
    """The gold as the source has it, and the index of its option.

    The gold is "" where there is none. The index is None where the gold may be a text.
    """
    value = sources.pick(row, entry.fields, "gold", location)
    if entry.gold_is == "flags":
        right_index = _flagged(value, choices, location)
        return "" if right_index is None else str(value), right_index
    gold = _stated(entry, value, location).strip()
    if entry.gold_pattern and gold:
        match = patterns.search(entry.gold_pattern, gold, location)
        gold = (match[1] or "").strip() if match else ""
    if entry.gold_is == "place" and gold:
        return gold, _counted(gold, choices, location)
    if entry.gold_is == "letter" and gold:
        return gold, _lettered(gold, choices, location)
    if "labels" not in entry.fields:
        return gold, None
    # Checked even without a gold: labels that do not fit the options are a wrong field map
    labels = choices_of_row.texts(entry, "labels", row, location)
    return gold, _labelled(labels, gold, choices, location)


def _counted(gold: str, choices: tuple[str, ...], location: str) -> int:
    """The index of the option that the number `gold` names."""
    if not re.fullmatch(r"[0-9]{1,2}", gold) or int(gold) >= len(choices):
        raise StageError(
            f"{location}: gold '{shown(gold)}' is no place of {len(choices)} options, counted from "
            "0"
        )
    return int(gold)


def _lettered(gold: str, choices: tuple[str, ...], location: str) -> int:
    """The index of the option that has this letter, whatever the texts of the options are."""
    if not re.fullmatch("[A-Z]", gold) or options.position_of(gold) > len(choices):
        raise StageError(
            f"{location}: gold '{shown(gold)}' is no letter of {len(choices)} options, which begin "
            "with A"
        )
    return options.position_of(gold) - 1


def _labelled(
    labels: tuple[str, ...], gold: str, choices: tuple[str, ...], location: str
) -> int | None:
    """The index of the option that the label `gold` names, None without a gold."""
    if len(set(labels)) != len(choices) or len(labels) != len(choices):
        raise StageError(
            f"{location}: {len(labels)} labels for {len(choices)} choices, expected a different "
            "one for each"
        )
    if gold and gold not in labels:
        raise StageError(
            f"{location}: gold '{shown(gold)}' is none of the labels {shown(', '.join(labels))}; "
            "mend fields"
        )
    return labels.index(gold) if gold else None


def _flagged(flags: Any, choices: tuple[str, ...], location: str) -> int | None:
    """The index of the only option whose flag is set, None without any flags."""
    if flags is None:
        return None
    if not isinstance(flags, list) or not all(map(_is_flag, flags)):
        raise values.refused(flags, "gold", location, "a list of flags, true or false, 1 or 0")
    flagged = [index for index, flag in enumerate(flags) if flag]
    if len(flagged) != 1 or flagged[0] >= len(choices):
        raise StageError(
            f"{location}: {len(flagged)} options are flagged as right, expected one; mend fields "
            "or gold_is"
        )
    return flagged[0]


def _is_flag(value: Any) -> bool:
    return type(value) is bool or value in (0, 1)


def _stated(entry: QuestionSet, value: Any, location: str) -> str:
    """The gold as text, empty where there is none.

    true and false are for the boolean grader. A list of several values is for math.
    """
    if value == []:  # a list of golds that holds none
        return ""
    if isinstance(value, bool) and entry.grader == "boolean":
        return str(value).lower()
    if entry.gold_is == "place" and isinstance(value, float):
        return str(values.whole_number(value, "gold", location))
    if entry.grader == "math" and isinstance(value, list) and not values.are_content_parts(value):
        numbered = enumerate(value, 1)
        return ", ".join(_gold_value(item, number, location) for number, item in numbered)
    return values.text(value, "gold", location) or ""


def _gold_value(value: Any, number: int, location: str) -> str:
    """One of several golds as text."""
    text = values.text(value, f"gold: value {number}", location)
    if not text or not text.strip():
        raise values.refused(value, f"gold: value {number}", location, "text")
    return text.strip()


def index_of(location: str, choices: tuple[str, ...], gold: str) -> int:
    """The index of the only option whose letter or text is the gold."""
    matches = [index for index, option in enumerate(choices) if gold in (letter(index), option)]
    if len(matches) != 1:
        raise StageError(
            f"{location}: gold '{shown(gold)}' is the letter or text of {len(matches)} options, "
            "expected one"
        )
    return matches[0]


def check_numbers(items: Iterable[Item]) -> None:
    """Raises StageError where golds are numbers: places in some rows and texts in others.

    `1` is the right option's text where an option is `1`, else the option's place. If the set means
    places everywhere, its golds would be wrong wherever an option is a number.
    """
    # The first item whose gold is the place of an option, and the first whose gold is a text
    first_by_place: Item | None = None
    first_by_text: Item | None = None
    for candidate in items:
        if not candidate.choices or not re.fullmatch("[1-9]", candidate.gold):
            continue
        if int(candidate.gold) > len(candidate.choices):
            continue
        option_in_place = candidate.choices[int(candidate.gold) - 1]
        if candidate.gold not in candidate.choices:
            first_by_place = first_by_place or candidate
        elif option_in_place != candidate.gold:  # else both readings agree
            first_by_text = first_by_text or candidate
    if first_by_place and first_by_text:
        raise StageError(
            f"{first_by_text.location}: gold '{first_by_text.gold}' is an option's text, but a "
            f"place in {first_by_place.location}: map the options' labels as fields.labels, or set "
            "gold_is"
        )
