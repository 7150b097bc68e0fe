"""The messages of one conversation. Pure.

OpenAI's API writes them with role and content, ShareGPT with from and value.
"""

from dataclasses import dataclass
from typing import Any

from stages.core.imports.values import text
from stages.core.program.errors import StageError, shown

# By others' words, our words for the three roles that a question and its answer need
ROLES = {
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
    "ai": "assistant",
    "system": "system",
    "developer": "system",
}


@dataclass(frozen=True)
class Turn:
    """One message. `role` is ours where we know it, and `fields` is the message as it was."""

    role: str
    content: Any
    fields: dict[str, Any]


def turns(value: Any, location: str) -> list[Turn]:
    """The messages of a conversation. Raises StageError where `value` is no list of objects."""
    if not isinstance(value, list) or not all(isinstance(message, dict) for message in value):
        raise StageError(f"{location}: messages: expected a list of objects with role and content")
    return [_turn(number, message, location) for number, message in enumerate(value, 1)]


def _turn(number: int, message: dict[str, Any], location: str) -> Turn:
    role_key, content_key = ("role", "content") if "role" in message else ("from", "value")
    if role_key not in message:
        listed_keys = ", ".join(shown(key) for key in sorted(message)) or "nothing"
        raise StageError(
            f"{location}: messages: message {number} has no role but {listed_keys}; name it role "
            "and content"
        )
    role = text(message[role_key], f"messages: role of message {number}", location) or ""
    our_role = ROLES.get(role.strip().lower(), role)
    return Turn(role=our_role, content=message.get(content_key), fields=message)


def conversation(value: Any) -> bool:
    """Whether `value` looks like the messages of a conversation."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(message, dict) and {"role", "from"} & message.keys() for message in value)


def only_user_text(value: Any, name: str, location: str) -> str | None:
    """The text of the only message of a user. System messages may be beside it.

    Raises StageError for further messages, because a question that follows others is not complete
    by itself.
    """
    other_turns = [turn for turn in turns(value, location) if turn.role != "system"]
    if [turn.role for turn in other_turns] != ["user"]:
        roles = ", ".join(shown(turn.role) for turn in other_turns) or "none"
        raise StageError(
            f"{location}: {name}: expected one user's message, found {roles}; bring one question a "
            "row"
        )
    return text(other_turns[0].content, name, location)
