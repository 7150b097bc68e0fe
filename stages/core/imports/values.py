"""Values of mapped fields as text, whole numbers and ids: used as they are, null, or refused by
row. Pure.

Nothing becomes text that was no text: a list or an object in a text's field is refused, never
written out.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.program.errors import StageError, shown

LARGEST = 2**63 - 1  # of the whole numbers that our files hold
_THINKING = ("thinking", "reasoning")  # types of content parts that hold reasoning
_TEXTS = ("text", "output_text", "input_text")


def is_missing(value: Any) -> bool:
    """Whether a value is missing. NaN is what pandas writes for it."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def refused(value: Any, name: str, place: str, wanted: str) -> StageError:
    """The error for a value of another kind."""
    size = f" of {len(value)}" if isinstance(value, list | dict) else ""
    found = f"{type(value).__name__}{size}: {shown(value)}"
    return StageError(
        f"{place}: {name}: expected {wanted}, found {found}; mend the field map or the file"
    )


def text(value: Any, name: str, place: str) -> str | None:
    """`value` as text, None where it is missing.

    Numbers are text as they are written. So is a list of one text, and a list of content parts that
    are all text.
    """
    if is_missing(value):
        return None
    if are_content_parts(value):
        return _joined(value, name, place)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]
    if type(value) is int or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    if not isinstance(value, str):
        raise refused(value, name, place, "text")
    return _whole_characters(value, name, place)


def _whole_characters(value: str, name: str, place: str) -> str:
    """Half of a surrogate pair is no character: no file can hold it."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        half = shown(value[error.start])
        raise StageError(
            f"{place}: {name}: character {error.start + 1} is {half}, half of a surrogate pair; mend the file"
        ) from None
    return value


def are_content_parts(value: Any) -> bool:
    """Whether `value` is a list of content parts, as servers write a message's content."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(part, dict) and "type" in part for part in value)
    )


def _joined(value: Sequence[Mapping[str, Any]], name: str, place: str) -> str:
    """The text of content parts."""
    if any(part["type"] not in (*_TEXTS, *_THINKING) for part in value):
        raise refused(value, name, place, "parts of type text alone")
    texts = [text(part.get("text"), name, place) for part in value if part["type"] in _TEXTS]
    return "".join(one or "" for one in texts)


def thinking(value: Any, name: str, place: str) -> str | None:
    """The text of those content parts that hold reasoning, None where there are none."""
    own = [part for part in value if part["type"] in _THINKING] if are_content_parts(value) else []
    texts = [text(part.get(part["type"], part.get("text")), name, place) for part in own]
    return "\n".join(one or "" for one in texts) if own else None


def whole_number(value: Any, name: str, place: str) -> int | None:
    """`value` as a count, None where it is missing. pandas writes whole numbers beside missing ones
    as 9.0.
    """
    if is_missing(value):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        quoted = f"'{shown(value)}'" if isinstance(value, str) else shown(value)
        raise StageError(
            f"{place}: {name}: {quoted} is no whole number; mend the field map or the file"
        )
    if not 0 <= value <= LARGEST:
        raise StageError(
            f"{place}: {name}: {shown(value)} is not between 0 and {LARGEST}; mend the file"
        )
    return int(value)


def identifier(value: Any, name: str, place: str) -> str:
    """`value` as an id: text or a whole number."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise refused(value, name, place, "an id, a text or a whole number")
    return text(value, name, place) or ""
