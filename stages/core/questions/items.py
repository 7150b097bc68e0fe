"""Question sets as params declare them, and a question as its source has it.

reading.py reads the questions of a set.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from stages.core.program.complaints import complaint
from stages.core.program.errors import StageError
from stages.core.program.params import (
    Count,
    NotEmpty,
    Options,
    Seed,
    check_no_duplicates,
    check_watched,
    one_of,
)
from stages.core.questions import patterns

MOST_GENERATED = 1_000_000  # questions of one reasoning_gym task: a million take hours
GOLDS = ("said", "letter", "place", "flags")
SPLITS = ("train", "validation", "test")
FIELDS = ("id", "question", "gold", "choices", "labels", "difficulty")
Values = str | Annotated[list[str], Field(min_length=1)]
Mapped = NotEmpty | Annotated[list[NotEmpty], Field(min_length=1)]


@dataclass(frozen=True)
class QuestionSet:
    """One question set.

    `sizes` has the number of rows of each split, None for all that are left. `files` maps a split
    to a file in data/imports/questions/, or for kind hub to a split of the hub's data set. Its key
    `pool` is for a file that `sizes` divides.

    `fields` maps our names to the source's: a name (with dots into nested objects), a text with
    such names in braces, or, for choices, a list of these. `gold_is` says what the gold's field
    holds:

    - said: the answer, or the letter or text of the right option.
    - letter: the letter of the right option, and never its text.
    - place: the number of the right option, counted from 0.
    - flags: a list with a flag for each option.

    With `labels`, a list beside that of the choices, the gold is the label of the right option.
    (ARC's labels are A to E in one row, and 1 to 4 in another.)
    """

    kind: Literal["reasoning_gym", "file", "hub"]
    group: Literal["in_distribution", "ood_reasoning", "ood_knowledge"]
    grader: Literal["numeric", "math", "choice", "boolean", "exact"]
    sizes: dict[Annotated[str, one_of(*SPLITS)], Count | None]
    seed: Seed = 0
    keep: str | None = None  # only questions in which this regular expression is found
    # file, hub: only rows whose fields have one of these
    where: dict[NotEmpty, Values] = field(default_factory=dict)
    task: str | None = None  # reasoning_gym
    config: Options = field(default_factory=dict)  # reasoning_gym
    # file, hub
    files: dict[Annotated[str, one_of(*SPLITS, "pool")], NotEmpty] = field(default_factory=dict)
    # reasoning_gym: only difficulty
    fields: dict[Annotated[str, one_of(*FIELDS)], Mapped] = field(default_factory=dict)
    gold_is: Literal["said", "letter", "place", "flags"] = "said"
    gold_pattern: str | None = None  # the gold is this expression's first group
    choice_pattern: str | None = None  # an option is this expression's first group: 21 of "A)21"
    missing_gold: Literal["error", "drop"] = "error"
    # drop: leave out questions whose gold their grader cannot read
    unreadable_gold: Literal["error", "drop"] = "error"
    # Draw the options' order for each question: for sets whose right one always comes first
    shuffle: bool = False
    duplicates: Literal["error", "drop"] = "error"
    # numbers: questions with the same numbers, in any order, are duplicates
    distinct_by: Literal["text", "numbers"] = "text"
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
        needs_options = self.kind != "reasoning_gym" and (self.shuffle or self.gold_is != "said")
        if needs_options and "choices" not in self.fields:
            raise StageError("shuffle and gold_is are about the options: fields needs choices")
        if "labels" in self.fields and ("choices" not in self.fields or self.gold_is != "said"):
            raise StageError(
                "fields.labels: labels name the choices, one of them is the gold: for gold_is said "
                "alone"
            )
        if not any(size != 0 for size in self.sizes.values()):
            raise StageError(
                "sizes: no question of any split is asked for; give one a number, or null for all"
            )
        if self.kind == "reasoning_gym":
            self._check_task()
        else:
            self._check_files()

    def _check_files(self) -> None:
        """Raises StageError for files that a set of kind file or hub cannot be read from."""
        if not self.files or (self.kind == "hub" and not self.dataset):
            raise StageError(
                f"kind {self.kind} needs {'dataset and ' if self.kind == 'hub' else ''}files"
            )
        if without_size := sorted((self.files.keys() & set(SPLITS)) - self.sizes.keys()):
            raise StageError(
                f"sizes: files has split {without_size[0]!r}, sizes has not; give it a number, or "
                "null for all"
            )
        for name in self.files.values() if self.kind == "file" else ():
            check_watched(name)
        check_no_duplicates(self.files.values())

    def _check_task(self) -> None:
        """Raises StageError for a task or config that reasoning-gym does not have.

        No question is generated.
        """
        import reasoning_gym
        from reasoning_gym.factory import DATASETS

        if None in self.sizes.values():
            raise StageError(
                "sizes: null is for sets that end; say how many questions reasoning_gym makes"
            )
        if sum(size or 0 for size in self.sizes.values()) > MOST_GENERATED:
            raise StageError(
                f"sizes: more than {MOST_GENERATED:,} questions of a reasoning_gym task; ask for "
                "fewer"
            )
        try:
            config = DATASETS[self.task or ""][1]
            # Through JSON, where a list may stand for a tuple
            TypeAdapter(config).validate_json(json.dumps(self.config), strict=True, extra="forbid")
            reasoning_gym.create_dataset(self.task, seed=self.seed, **self.config)
        except KeyError:
            raise StageError(
                f"task {self.task!r}: reasoning_gym has none of that name; mend task or config"
            ) from None
        except ValidationError as error:
            reason = complaint(error, config, self.config, "config")
            raise StageError(f"task {self.task!r}: {reason}; mend task or config") from None
        except (ValueError, TypeError, AssertionError) as error:
            raise StageError(f"task {self.task!r}: {error}; mend task or config") from error


class RowFilter:
    """Takes the rows whose fields have the values of a set's `where`.

    It counts the rows that it has `looked` at, and holds the (name, value) pairs that no row had
    (`unseen`).
    """

    def __init__(self, where: Mapping[str, Values]) -> None:
        self.values: dict[str, list[str]] = {}
        # A dict for its order; the values mean nothing
        self.unseen: dict[tuple[str, str], None] = {}
        for field_name, values in where.items():
            self.values[field_name] = [values] if isinstance(values, str) else values
            self.unseen |= dict.fromkeys((field_name, value) for value in self.values[field_name])
        self.looked = 0

    def takes(self, row: Mapping[str, Any]) -> bool:
        """Whether each of the row's fields has one of its values."""
        self.looked += 1
        texts = {field_name: str(row.get(field_name)) for field_name in self.values}
        for pair in texts.items():
            self.unseen.pop(pair, None)
        return all(text in self.values[field_name] for field_name, text in texts.items())

    def listed(self) -> str:
        """The values that no row had: "subject 'astronomy'"."""
        return ", ".join(f"{field_name} '{value}'" for field_name, value in self.unseen)


@dataclass(frozen=True, kw_only=True)
class Item:
    """A question as its source has it."""

    location: str  # its file and row, for errors
    source_id: str
    question: str
    choices: tuple[str, ...]
    gold: str
    difficulty: float | None


def letter(index: int) -> str:
    """The letter of the option with this index, which counts from 0."""
    return chr(ord("A") + index)


def lettered(choices: Sequence[str]) -> str:
    """The options as they follow their question, one a line: "A. red"."""
    return "\n".join(f"{letter(index)}. {option}" for index, option in enumerate(choices))
