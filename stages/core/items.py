"""Question sets as params declare them, and a row of a source as a question with its options and its gold."""

import hashlib
import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from stages.core import patterns, sources, turns, values
from stages.core.complaints import complaint
from stages.core.errors import StageError, shown
from stages.core.params import Count, NotEmpty, Options, Seed, once, watched, words

MADE = 1_000_000  # questions of one task at most: a million take hours
GOLDS = ("said", "place", "flags")
SPLITS = ("train", "validation", "test")
FIELDS = ("id", "question", "gold", "choices", "difficulty")
Wanted = str | Annotated[list[str], Field(min_length=1)]
Mapped = NotEmpty | Annotated[list[NotEmpty], Field(min_length=1)]
LETTERS = 26  # options that have a letter of their own
LONGEST = 1_000_000  # characters of a question, a hundred times a long one
HARDEST = 1e15  # a difficulty beyond this is no difficulty, and its means are no numbers


@dataclass(frozen=True)
class QuestionSet:
    """One question set. `sizes` gives the rows of each split, None for all that are left.

    `files` maps a split, or `pool` for a file that is to be divided by `sizes`, to a file in data/imports/questions/;
    for kind hub to a split of the hub's data set.

    `fields` maps our names to the source's: a name (with dots into nested objects), a text with such names in braces,
    or, of choices, a list of these. `gold_is` says what the gold's field holds: the answer as it is said (or its
    option's letter or text), the option's place counted from 0, or a flag for each option.
    """

    kind: Literal["reasoning_gym", "file", "hub"]
    group: Literal["in_distribution", "ood_reasoning", "ood_knowledge"]
    grader: Literal["numeric", "math", "choice", "boolean", "exact"]
    sizes: dict[Annotated[str, words(*SPLITS)], Count | None]
    seed: Seed = 0
    keep: str | None = None  # only questions in which this regular expression is found
    # file, hub: only rows whose fields have one of these
    where: dict[NotEmpty, Wanted] = field(default_factory=dict)
    task: str | None = None  # reasoning_gym
    config: Options = field(default_factory=dict)  # reasoning_gym
    files: dict[Annotated[str, words(*SPLITS, "pool")], NotEmpty] = field(default_factory=dict)  # file, hub
    # reasoning_gym: difficulty alone
    fields: dict[Annotated[str, words(*FIELDS)], Mapped] = field(default_factory=dict)
    gold_is: Literal["said", "place", "flags"] = "said"
    gold_pattern: str | None = None  # the gold is this expression's first group
    choice_pattern: str | None = None  # an option is this expression's first group: 21 of "A)21"
    missing_gold: Literal["error", "drop"] = "error"
    unreadable_gold: Literal["error", "drop"] = "error"  # drop: questions whose gold their grader cannot read
    shuffle: bool = False  # options in an order drawn for each question: for sets whose right one always comes first
    duplicates: Literal["error", "drop"] = "error"
    distinct_by: Literal["text", "numbers"] = "text"  # numbers: those with the same ones, in any order, are duplicates
    dataset: str | None = None  # hub
    name: str | None = None  # hub: configuration
    revision: str | None = None  # hub

    def __post_init__(self) -> None:
        patterns.compiled(self.keep or "")
        for name, pattern in (("gold", self.gold_pattern), ("choice", self.choice_pattern)):
            if not patterns.compiled(pattern or "()").groups:
                raise StageError(f"{name}_pattern {pattern!r} needs (brackets) around the {name}")
        if self.gold_is not in GOLDS:
            raise StageError(f"gold_is: {self.gold_is!r} is unknown; known: {', '.join(GOLDS)}")
        if (self.shuffle or self.gold_is != "said") and "choices" not in self.fields and self.kind != "reasoning_gym":
            raise StageError("shuffle and gold_is are about the options: fields needs choices")
        if not any(size != 0 for size in self.sizes.values()):
            raise StageError("sizes: no question of any split is asked for; give one a number, or null for all")
        if self.kind == "reasoning_gym":
            self._check_made()
        else:
            self._check_read()

    def _check_read(self) -> None:
        """Raises StageError for files that a set of kind file or hub cannot be read from."""
        if not self.files or (self.kind == "hub" and not self.dataset):
            raise StageError(f"kind {self.kind} needs {'dataset and ' if self.kind == 'hub' else ''}files")
        if odd := sorted((self.files.keys() & set(SPLITS)) - self.sizes.keys()):
            raise StageError(f"sizes: files has split {odd[0]!r}, sizes has not; give it a number, or null for all")
        for name in self.files.values() if self.kind == "file" else ():
            watched(name)
        once(self.files.values())

    def _check_made(self) -> None:
        """Raises StageError for a task or config that reasoning-gym does not have; no question is made."""
        import reasoning_gym
        from reasoning_gym.factory import DATASETS

        if None in self.sizes.values():
            raise StageError("sizes: null is for sets that end; say how many questions reasoning_gym makes")
        if sum(size or 0 for size in self.sizes.values()) > MADE:
            raise StageError(f"sizes: more than {MADE:,} questions of a reasoning_gym task; ask for fewer")
        try:
            config = DATASETS[self.task or ""][1]
            # Of JSON, for which lists are tuples too
            TypeAdapter(config).validate_json(json.dumps(self.config), strict=True, extra="forbid")
            reasoning_gym.create_dataset(self.task, seed=self.seed, **self.config)
        except KeyError:
            raise StageError(f"task {self.task!r}: reasoning_gym has none of that name; mend task or config") from None
        except ValidationError as error:
            reason = complaint(error, config, self.config, "config")
            raise StageError(f"task {self.task!r}: {reason}; mend task or config") from None
        except (ValueError, TypeError, AssertionError) as error:
            raise StageError(f"task {self.task!r}: {error}; mend task or config") from error


@dataclass(frozen=True)
class Item:
    """A question as its source has it."""

    place: str  # for error messages
    source_id: str
    question: str
    choices: tuple[str, ...]
    gold: str
    difficulty: float | None


def read(entry: QuestionSet, place: str, number: int, row: Mapping[str, Any]) -> Item | None:
    """The row as an Item; None for one without a gold where the set drops these."""
    if "question" not in entry.fields or "gold" not in entry.fields:
        raise StageError(f"{place}: the field map names no field for question and gold; mend `fields`")
    text = _text(entry, place, row)
    choices = _choices(entry, place, row)
    gold = _gold(entry, place, row, choices)
    if not gold and entry.missing_gold == "drop":
        return None
    if not gold:
        raise StageError(f"{place}: no gold answer; give it one, or set missing_gold: drop")
    if not text:
        raise StageError(f"{place}: the question is empty")
    if entry.shuffle:
        choices, gold = _shuffled(entry, place, text, choices, gold)
    lettered = (f"{_letter(number)}. {option}" for number, option in enumerate(choices))
    text = "\n".join((text, *lettered))  # options that are a field of their own are not in the text yet
    found = sources.pick(row, entry.fields, "id", place)
    source_id = values.identifier(found if "id" in entry.fields else number, "id", place)
    return Item(place, source_id, text, choices, gold, difficulty(entry, row, place))


def _text(entry: QuestionSet, place: str, row: Mapping[str, Any]) -> str:
    """The question; of a conversation its one user's message."""
    found = sources.pick(row, entry.fields, "question", place)
    read = turns.asked if turns.conversation(found) else values.text
    text = (read(found, "question", place) or "").strip()
    if len(text) > LONGEST:
        raise StageError(f"{place}: the question has {len(text):,} characters, at most {LONGEST:,} are taken")
    return text


def _letter(place: int) -> str:
    return chr(ord("A") + place)


def _choices(entry: QuestionSet, place: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    found = sources.pick(row, entry.fields, "choices", place)
    if not isinstance(found or [], list):
        raise StageError(f"{place}: choices are no list but {type(found).__name__}; mend the field map")
    if len(found or ()) > LETTERS:
        raise StageError(f"{place}: {len(found)} choices, at most {LETTERS} have a letter; mend the field map")
    return tuple(_option(entry, option, number, place) for number, option in enumerate(found or (), 1))


def _option(entry: QuestionSet, value: Any, number: int, place: str) -> str:
    option = values.text(value, f"choices: option {number}", place)
    if option is None:
        raise StageError(f"{place}: choices: option {number} is null; mend the field map or the file")
    if not entry.choice_pattern:
        return option.strip()
    match = patterns.search(entry.choice_pattern, option, place)
    if not match:
        raise StageError(
            f"{place}: choices: option {number} '{shown(option)}' does not match choice_pattern; mend the pattern"
        )
    return (match[1] or "").strip()


def _gold(entry: QuestionSet, place: str, row: Mapping[str, Any], choices: tuple[str, ...]) -> str:
    """The gold as the grader takes it, "" where the row has none."""
    found = sources.pick(row, entry.fields, "gold", place)
    if entry.gold_is == "flags":
        return _flagged(found, choices, place)
    gold = _stated(entry, found, place).strip()
    if entry.gold_pattern and gold:
        match = patterns.search(entry.gold_pattern, gold, place)
        gold = (match[1] or "").strip() if match else ""
    if entry.gold_is == "place" and gold:
        if not re.fullmatch(r"[0-9]{1,2}", gold) or int(gold) >= len(choices):
            raise StageError(f"{place}: gold '{shown(gold)}' is no place of {len(choices)} options, counted from 0")
        return _letter(int(gold))
    return gold


def _flagged(found: Any, choices: tuple[str, ...], place: str) -> str:
    """The letter of the one option whose flag is set, "" without any flags."""
    if found is None:
        return ""
    if not isinstance(found, list) or any(type(flag) is not bool and flag not in (0, 1) for flag in found):
        raise values.refused(found, "gold", place, "a list of flags, true or false, 1 or 0")
    right = [number for number, flag in enumerate(found) if flag]
    if len(right) != 1 or right[0] >= len(choices):
        raise StageError(f"{place}: {len(right)} options are flagged as right, expected one; mend fields or gold_is")
    return _letter(right[0])


def _stated(entry: QuestionSet, found: Any, place: str) -> str:
    """The gold as text. true and false are for the boolean grader, several values for math, where they are a list."""
    if found == []:
        return ""
    if isinstance(found, bool) and entry.grader == "boolean":
        return str(found).lower()
    if entry.gold_is == "place" and isinstance(found, float):
        return str(values.whole(found, "gold", place))
    if entry.grader == "math" and isinstance(found, list) and not values.parts(found):
        return ", ".join(_value(value, number, place) for number, value in enumerate(found, 1))
    return values.text(found, "gold", place) or ""


def _value(value: Any, number: int, place: str) -> str:
    found = values.text(value, f"gold: value {number}", place)
    if not found or not found.strip():
        raise values.refused(value, f"gold: value {number}", place, "text")
    return found.strip()


def _shuffled(
    entry: QuestionSet, place: str, text: str, choices: tuple[str, ...], gold: str
) -> tuple[tuple[str, ...], str]:
    """The options in another order, which depends on seed and question alone, and the letter of the right one."""
    right = [number for number, option in enumerate(choices) if gold in (_letter(number), option)]
    if len(right) != 1:
        raise StageError(f"{place}: gold '{shown(gold)}' is the letter or text of {len(right)} options, expected one")
    order = list(range(len(choices)))
    random.Random(hashlib.sha256(f"{entry.seed}\n{text}".encode()).digest()).shuffle(order)
    return tuple(choices[number] for number in order), _letter(order.index(right[0]))


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
