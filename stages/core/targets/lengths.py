"""Counting the tokens of many texts, and cutting many texts to numbers of tokens.

It works in batches on all cores. The tokenizer's own Rust code is called, and its encodings stay
in Rust. For a long trace, lists of its ids and offsets in Python cost more time than finding them
does.
"""

import concurrent.futures
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from stages.core import tokens

BATCH = 64  # texts whose encodings are held at a time: some 20 MB of 10,000-character traces

Row = TypeVar("Row")
Result = TypeVar("Result")


def batches(rows: Iterable[Row], size: int = BATCH) -> Iterator[list[Row]]:
    """Yields `rows` in lists of `size`; the last one may be shorter."""
    remaining = iter(rows)
    while batch := list(itertools.islice(remaining, size)):
        yield batch


def ahead(function: Callable[[list[Row]], Result], rows: Iterable[Row]) -> Iterator[Result]:
    """Yields `function` of each batch of `rows`, in order.

    The function runs in a thread, while the next batch is read here. Encoding does not hold
    Python's lock, and reading takes a fourth of the time where the two wait for each other.
    """
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
        running: concurrent.futures.Future[Result] | None = None
        for batch in batches(rows):
            # Submitted before the result of the one before is taken, so the thread never waits
            following = pool.submit(function, batch)
            if running:
                yield running.result()
            running = following
        if running:
            yield running.result()


def counts(tokenizer: Any, texts: Sequence[str]) -> list[int]:
    """The number of tokens of each of `texts`, as tokens.count gives it.

    All texts are held at once with their encodings.
    """
    encodings = _backend(tokenizer).encode_batch_fast(texts, add_special_tokens=False)
    return [len(encoding) for encoding in encodings]


def firsts(tokenizer: Any, texts: Sequence[str], budgets: Sequence[int]) -> list[tuple[str, int]]:
    """The longest start of each of `texts` within its budget of tokens.

    Beside it stands the number of tokens of the text before the cut. The text itself is cut, at the
    end of a token, so that the result is a true prefix. A budget that ends inside a character of
    several tokens gives the text before that character.
    """
    # Not encode_batch_fast: it leaves out the offsets, which say where to cut
    encodings = _backend(tokenizer).encode_batch(texts, add_special_tokens=False)
    starts = []
    for encoding, text, budget in zip(encodings, texts, budgets, strict=True):
        starts.append((start(encoding, text, budget), len(encoding)))
    return starts


def start(encoding: Any, text: str, count: int) -> str:
    """The first `count` tokens of `text`, without a character of which a token is missing."""
    if len(encoding) <= count:
        return text
    if count <= 0:
        return ""
    _, last_end = encoding.token_to_chars(count - 1)
    next_start, _ = encoding.token_to_chars(count)
    # The tokens of a character that is cut overlap: each spans all of it
    return text[: min(last_end, next_start)]


def end(encoding: Any, text: str, count: int) -> str:
    """The last `count` tokens of `text`, without a character of which a token is missing."""
    if len(encoding) <= count:
        return text
    if count <= 0:
        return ""
    first_start, _ = encoding.token_to_chars(len(encoding) - count)
    _, previous_end = encoding.token_to_chars(len(encoding) - count - 1)
    return text[max(first_start, previous_end) :]


class LastEncodings:
    """Encodings with the offsets of their tokens, which say where a text can be cut, and counts.

    Those of the last texts are kept: a batch's lengths are asked for before it is cut, and what is
    left of it is counted by whoever cuts it and by whoever asked. Encodings of 10,000 characters
    take 0.3 MB.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._texts: list[str] = []
        self._encodings: list[Any] = []
        self._counted_texts: list[str] = []
        self._counts: list[int] = []

    def of(self, texts: Sequence[str]) -> list[Any]:
        """The encoding of each of `texts`, as Rust objects without special tokens."""
        if self._texts != list(texts):
            # Not encode_batch_fast: it leaves out the offsets
            self._encodings = _backend(self._tokenizer).encode_batch(
                texts, add_special_tokens=False
            )
            self._texts = list(texts)
        return self._encodings

    def counts(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each of `texts`."""
        if self._counted_texts != list(texts):
            self._counts = counts(self._tokenizer, texts)
            self._counted_texts = list(texts)
        return self._counts


def _backend(tokenizer: Any) -> Any:
    """The Rust tokenizer behind `tokenizer`, set to neither truncate nor pad."""
    tokens.ids(tokenizer, "")  # every call of `tokenizer` sets this
    return tokenizer.backend_tokenizer
