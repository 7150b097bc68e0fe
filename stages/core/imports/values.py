"""Values of mapped fields, as texts, whole numbers and ids. Pure.

A value is used as it is, counts as missing, or is refused with its file and row. A list or an
object in a text's field is refused: it never becomes its text in JSON.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.program.errors import StageError, shown

LARGEST = 2**63 - 1  # the largest whole number that our files hold
# The types of content parts that hold reasoning, and of those that hold text
_THINKING = ("thinking", "reasoning")
_TEXTS = ("text", "output_text", "input_text")


def is_missing(value: Any) -> bool:
    """Whether a value is missing. NaN is what pandas writes for it."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def refused(value: Any, name: str, location: str, expected: str) -> StageError:
    """The error for a value of another kind than `expected`."""
    size = f" of {len(value)}" if isinstance(value, list | dict) else ""
    description = f"{type(value).__name__}{size}: {shown(value)}"
    return StageError(
        f"{location}: {name}: expected {expected}, found {description}; mend the field map or the "
        "file"
    )


def text(value: Any, name: str, location: str) -> str | None:
    """`value` as text, None where it is missing.

    A number becomes its digits. A list of one text becomes that text, and a list of content parts
    the text in them.
    """
    if is_missing(value):
        return None
    if are_content_parts(value):
        return _joined(value, name, location)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]
    # type: True is an int too, and no text of a question or an answer
    if type(value) is int or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    if not isinstance(value, str):
        raise refused(value, name, location, "text")
    return _encodable(value, name, location)


def _encodable(value: str, name: str, location: str) -> str:
    """`value`. Raises StageError for half of a surrogate pair, which no file can hold."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        half = shown(value[error.start])
        raise StageError(
            f"{location}: {name}: character {error.start + 1} is {half}, half of a surrogate pair; "
            "mend the file"
        ) from None
    return value


def are_content_parts(value: Any) -> bool:
    """Whether `value` is a list of content parts, as servers write a message's content."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(part, dict) and "type" in part for part in value)


def _joined(value: Sequence[Mapping[str, Any]], name: str, location: str) -> str:
    """The text of content parts, without their reasoning."""
    for part in value:
        if part["type"] not in _TEXTS and part["type"] not in _THINKING:
            raise refused(value, name, location, "parts of type text alone")
    texts = [text(part.get("text"), name, location) for part in value if part["type"] in _TEXTS]
    return "".join(filter(None, texts))


def thinking(value: Any, name: str, location: str) -> str | None:
    """The text of those content parts that hold reasoning, None where there are none."""
    if not are_content_parts(value):
        return None
    texts = []
    for part in value:
        if part["type"] in _THINKING:
            # {"type": "thinking", "thinking": ...} of Anthropic, {"type": "reasoning", "text": ...}
            content = part.get(part["type"], part.get("text"))
            texts.append(text(content, name, location) or "")
    return "\n".join(texts) if texts else None


def whole_number(value: Any, name: str, location: str) -> int | None:
    """`value` as a count, None where it is missing.

    9.0 is 9: pandas writes whole numbers so in a column that also has missing ones.
    """
    if is_missing(value):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        quoted = f"'{shown(value)}'" if isinstance(value, str) else shown(value)
        raise StageError(
            f"{location}: {name}: {quoted} is no whole number; mend the field map or the file"
        )
    if not 0 <= value <= LARGEST:
        raise StageError(
            f"{location}: {name}: {shown(value)} is not between 0 and {LARGEST}; mend the file"
        )
    return int(value)


def identifier(value: Any, name: str, location: str) -> str:
    """`value` as an id: text or a whole number."""
    if isinstance(value, float) and value.is_integer():  # a column of pandas with missing ids
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise refused(value, name, location, "an id, a text or a whole number")
    return text(value, name, location) or ""
