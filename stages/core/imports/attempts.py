"""The attempts of one row: its response, or each of its list of responses. Pure.

Lists go side by side: the third reasoning, finish reason and verdict belong to the third answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stages.core.imports import ends, marks, values
from stages.core.program.errors import StageError

# The fields of one attempt; the other fields of a field map are about the row
FIELDS = (
    "reasoning",
    "answer",
    "finish_reason",
    "sample",
    "prompt_tokens",
    "completion_tokens",
    "correct",
)
# Characters of a response, a hundred times a long one. A longer one takes minutes to compress.
LONGEST = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One response. `correct` is its source's verdict, which is counted and not believed."""

    reasoning: str
    answer: str
    finish_reason: str
    sample: int | None
    prompt_tokens: int | None
    completion_tokens: int | None
    correct: bool | None
    ended: bool  # whether marks that end a turn were removed from its end

    @property
    def too_long(self) -> bool:
        """Whether it has more characters than are taken."""
        return len(self.reasoning) + len(self.answer) > LONGEST


def attempts(row: Mapping[str, Any], location: str) -> list[Attempt]:
    """The attempts of a row, whose values have our names.

    `location` names the file and the row, for errors. Raises StageError for lists that do not fit.
    """
    count = _list_length(row.get("answer"))
    if count is None:
        fields = {}
        for field_name in FIELDS:
            fields[field_name] = _single(row.get(field_name), field_name, location)
        return [_attempt(fields, location, row.get("exact", False))]
    several = []
    for index in range(count):
        fields = {}
        for field_name in FIELDS:
            fields[field_name] = _item(row.get(field_name), field_name, index, count, location)
        several.append(_attempt(fields, f"{location}, response {index + 1}"))
    return several


def _list_length(value: Any) -> int | None:
    """The length of a list; None for a single value, which content parts are too."""
    if not isinstance(value, list) or values.are_content_parts(value):
        return None
    return len(value)


def _single(value: Any, name: str, location: str) -> Any:
    """The value beside a single answer. A list of one value stands for that value."""
    if not isinstance(value, list) or values.are_content_parts(value):
        return value
    if len(value) != 1:
        raise StageError(
            f"{location}: {name}: {len(value)} of them beside one answer; map a list of answers "
            "too, or neither"
        )
    return value[0]


def _item(value: Any, name: str, index: int, count: int, location: str) -> Any:
    """The value that belongs to one of `count` answers."""
    length = _list_length(value)
    # All answers follow one prompt, so a single number of its tokens is for each of them
    is_shared = length is None and (count == 1 or name == "prompt_tokens")
    if values.is_missing(value) or is_shared:
        return value
    if length != count:
        raise StageError(
            f"{location}: {name}: expected a list of {count}, one for each answer; mend the field "
            "map"
        )
    return value[index]


def _attempt(row: Mapping[str, Any], location: str, exact: bool = False) -> Attempt:
    """One response. `exact`: its texts only speak of marks, so the marks in them stay."""
    reasoning = values.text(row["reasoning"], "reasoning", location)
    if reasoning is None:
        reasoning = values.thinking(row["answer"], "answer", location)
    answer = values.text(row["answer"], "answer", location) or ""
    ended = False
    # A text that is too long is only counted, and its marks need not be looked for
    if not exact and len(reasoning or "") + len(answer) <= LONGEST:
        reasoning, answer = _set_apart(reasoning or "", answer, location)
        answer, ended = marks.answer(answer)
    return Attempt(
        reasoning=reasoning or "",
        answer=answer,
        finish_reason=ends.finish_reason(row["finish_reason"], location),
        sample=values.whole_number(row["sample"], "sample", location),
        prompt_tokens=values.whole_number(row["prompt_tokens"], "prompt_tokens", location),
        completion_tokens=values.whole_number(
            row["completion_tokens"], "completion_tokens", location
        ),
        correct=_verdict(row["correct"], location),
        ended=ended,
    )


def _set_apart(reasoning: str, answer: str, location: str) -> tuple[str, str]:
    """Reasoning and answer, where the answer's text may hold both.

    Raises StageError where the answer begins with another reasoning than `reasoning`.
    """
    if not reasoning.strip():
        return marks.split(answer)
    reasoning = marks.unmarked(reasoning)
    if not marks.begins(answer):
        return reasoning, answer
    inner_reasoning, bare_answer = marks.split(answer)
    if inner_reasoning.split() not in (reasoning.split(), []):
        raise StageError(
            f"{location}: the answer begins with another reasoning than its field holds; map one "
            "of them"
        )
    return reasoning, bare_answer


def _verdict(value: Any, location: str) -> bool | None:
    """The source's verdict, None where it has none. 1 and 0 are true and false."""
    if isinstance(value, bool):
        return value
    if values.is_missing(value):
        return None
    if value not in (0, 1):
        raise values.refused(value, "correct", location, "true or false")
    return bool(value)
