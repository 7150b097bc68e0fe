"""Windows over texts that are longer than what a model reads at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """What a model reads at once, `ids`, to score the text's tokens from `start` on.

    The scores of `scored` ids from the index `first` on are theirs.
    """

    ids: list[int]
    first: int
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
        ids = [*context, *text[max(0, end - room) : end]]
        yield Window(ids, len(ids) - scored, scored, start)
        start, scored = end, min(max(room // 2, 1), len(text) - end)


def overlapping(text: Sequence[int], size: int) -> Iterator[Window]:
    """Yields windows of at most `size` ids, of two or more, which overlap by half.

    Together they score each token of `text` once, in the window in which it is farther from the
    edges.
    """
    step = size // 2
    begin, start = 0, 0
    while start < len(text):
        end = min(begin + size, len(text))
        is_last = end == len(text)
        scored_end = end if is_last else end - (size - step) // 2
        yield Window(list(text[begin:end]), start - begin, scored_end - start, start)
        begin, start = begin + step, scored_end
