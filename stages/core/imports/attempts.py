"""The attempts of one row: a response, or each of a list of them, with what the row says of it.
Pure.

Lists stand side by side: the third reasoning, finish reason and verdict are those of the third
answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stages.core.imports import ends, marks, values
from stages.core.program.errors import StageError

# What belongs to one attempt; the rest of a field map is about the row
FIELDS = (
    "reasoning",
    "answer",
    "finish_reason",
    "sample",
    "prompt_tokens",
    "completion_tokens",
    "correct",
)
# characters of a response, a hundred times a long one; a longer one takes minutes to compress
LONGEST = 1_000_000


@dataclass(frozen=True)
class Attempt:
    """One response. `correct` is what its source says of it, which counts for nothing here but is
    counted.
    """

    reasoning: str
    answer: str
    finish_reason: str
    sample: int | None
    prompt_tokens: int | None
    completion_tokens: int | None
    correct: bool | None
    ended: bool  # whether marks that end a turn were taken from its end

    @property
    def too_long(self) -> bool:
        """Whether it is beyond what is taken."""
        return len(self.reasoning) + len(self.answer) > LONGEST


def attempts(found: Mapping[str, Any], place: str) -> list[Attempt]:
    """The attempts of a row, whose values by our names are `found`. Raises StageError for lists
    that do not fit.
    """
    count = _several(found.get("answer"))
    if count is None:
        return [
            _attempt(
                {name: _first(found.get(name), name, place) for name in FIELDS},
                place,
                found.get("exact", False),
            )
        ]
    rows = (
        {name: _item(found.get(name), name, number, count, place) for name in FIELDS}
        for number in range(count)
    )
    return [_attempt(row, f"{place}, response {number}") for number, row in enumerate(rows, 1)]


def _several(value: Any) -> int | None:
    """How many a list holds; None for what is one value, as content parts are."""
    return len(value) if isinstance(value, list) and not values.are_content_parts(value) else None


def _first(value: Any, name: str, place: str) -> Any:
    """The value beside a single answer, where a list of one is that one."""
    if not isinstance(value, list) or values.are_content_parts(value):
        return value
    if len(value) != 1:
        raise StageError(
            f"{place}: {name}: {len(value)} of them beside one answer; map a list of answers too, or neither"
        )
    return value[0]


def _item(value: Any, name: str, number: int, count: int, place: str) -> Any:
    """The value of one of `count` answers."""
    if values.is_missing(value) or (
        _several(value) is None and (count == 1 or name == "prompt_tokens")
    ):
        return value
    if _several(value) != count:
        raise StageError(
            f"{place}: {name}: expected a list of {count}, one for each answer; mend the field map"
        )
    return value[number]


def _attempt(row: Mapping[str, Any], place: str, exact: bool = False) -> Attempt:
    """One response; `exact`: marks in its texts are spoken of."""
    given = values.text(row["reasoning"], "reasoning", place)
    if given is None:
        given = values.thinking(row["answer"], "answer", place)
    reasoning, answer = given, values.text(row["answer"], "answer", place) or ""
    ended = False
    if not exact and len(reasoning or "") + len(answer) <= LONGEST:
        reasoning, answer = _apart(reasoning or "", answer, place)
        answer, ended = marks.answer(answer)
    return Attempt(
        reasoning=reasoning or "",
        answer=answer,
        finish_reason=ends.finish_reason(row["finish_reason"], place),
        sample=values.whole_number(row["sample"], "sample", place),
        prompt_tokens=values.whole_number(row["prompt_tokens"], "prompt_tokens", place),
        completion_tokens=values.whole_number(row["completion_tokens"], "completion_tokens", place),
        correct=_verdict(row["correct"], place),
        ended=ended,
    )


def _apart(reasoning: str, answer: str, place: str) -> tuple[str, str]:
    """Reasoning and answer, where the answer may hold both. Raises StageError for two reasonings
    that differ.
    """
    if not reasoning.strip():
        return marks.split(answer)
    reasoning = marks.unmarked(reasoning)
    if not marks.begins(answer):
        return reasoning, answer
    inner, after = marks.split(answer)
    if inner.split() not in (reasoning.split(), []):
        raise StageError(
            f"{place}: the answer begins with another reasoning than its field holds; map one of them"
        )
    return reasoning, after


def _verdict(value: Any, place: str) -> bool | None:
    """Whether the source finds the attempt right; 1 and 0 are true and false."""
    if values.is_missing(value) or isinstance(value, bool):
        return value if isinstance(value, bool) else None
    if value not in (0, 1):
        raise values.refused(value, "correct", place, "true or false")
    return bool(value)
