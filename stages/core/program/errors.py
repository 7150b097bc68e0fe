"""The one error that a stage shows to its user, and how it prints what came from data."""

import reprlib

LONGEST = 2000  # characters of a message, whatever was put into it
_NESTED = reprlib.Repr()
_NESTED.maxlevel = 3
_NESTED.maxstring = 60
_NESTED.maxother = 60


class StageError(Exception):
    """One line that names the file, row or parameter, what was expected, and the remedy.

    Line ends become spaces and control characters become their escapes, wherever in the message
    they came from.
    """

    def __init__(self, message: str) -> None:
        line = " ".join(message.split())
        if len(line) > LONGEST:
            line = f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"
        super().__init__(_escaped(line))


def shown(value: object, limit: int = 60) -> str:
    """`value`, which came from data, for a message: without quotes, escaped, and shortened.

    A text is cut at `limit` characters, and then says how many it has.
    """
    if not isinstance(value, str):
        return _escaped(_NESTED.repr(value))
    text = repr(value[:limit])[1:-1]
    return text if len(value) <= limit else f"{text}... ({len(value):,} characters)"


def _escaped(text: str) -> str:
    """`text` with an escape, such as `\\x1b`, for each character that cannot be printed."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
