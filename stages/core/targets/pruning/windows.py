"""Windows over texts that are longer than what a model reads at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """A part of a text as a causal model reads it.

    `ids` are those of the context and of the text's part. The model's scores of the last `scored`
    ids are those of the text's tokens from `start` on.
    """

    ids: list[int]
    scored: int
    start: int


def causal(context: Sequence[int], text: Sequence[int], size: int) -> Iterator[Window]:
    """Yields windows of at most `size` ids that together score each token of `text` once.

    `context` has one token or more. Each window begins with it; of a context that leaves the text
    less than half a window, and less than it needs, the last tokens are taken. From the second
    window on, half of the room goes to the tokens before the scored ones.
    """
    least_room = min(len(text), size // 2)
    context = context[-(size - least_room) :]
    room = size - len(context)
    start, scored = 0, min(room, len(text))
    while start < len(text):
        end = start + scored
        first = max(0, end - room)
        yield Window([*context, *text[first:end]], scored, start)
        start, scored = end, min(max(room // 2, 1), len(text) - end)
