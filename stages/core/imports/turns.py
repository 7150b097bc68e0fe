"""Messages of one conversation as OpenAI's API has them (role, content) or ShareGPT (from, value).
Pure.
"""

from dataclasses import dataclass
from typing import Any

from stages.core.imports.values import text
from stages.core.program.errors import StageError, shown

# Others' words for the three roles that a question and its answer need
ROLES = {
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "chatgpt", "ai"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
}


@dataclass(frozen=True)
class Turn:
    """One message: `role` by our names where we know it, and all that its source says of it."""

    role: str
    content: Any
    fields: dict[str, Any]


def turns(value: Any, place: str) -> list[Turn]:
    """The messages of a conversation. Raises StageError for what is none."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise StageError(f"{place}: messages: expected a list of objects with role and content")
    return [_turn(number, one, place) for number, one in enumerate(value, 1)]


def _turn(number: int, message: dict[str, Any], place: str) -> Turn:
    role, content = ("role", "content") if "role" in message else ("from", "value")
    if role not in message:
        keys = ", ".join(shown(key) for key in sorted(message)) or "nothing"
        raise StageError(
            f"{place}: messages: message {number} has no role but {keys}; name it role and content"
        )
    name = text(message[role], f"messages: role of message {number}", place) or ""
    return Turn(ROLES.get(name.strip().lower(), name), message.get(content), message)


def conversation(value: Any) -> bool:
    """Whether `value` looks like the messages of a conversation."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and {"role", "from"} & one.keys() for one in value)
    )


def asked(value: Any, name: str, place: str) -> str | None:
    """The text of the one user's message among system messages.

    Raises StageError for further messages: a question that follows others is not a question by
    itself.
    """
    found = [turn for turn in turns(value, place) if turn.role != "system"]
    if [turn.role for turn in found] != ["user"]:
        roles = ", ".join(shown(turn.role) for turn in found) or "none"
        raise StageError(
            f"{place}: {name}: expected one user's message, found {roles}; bring one question a row"
        )
    return text(found[0].content, name, place)
