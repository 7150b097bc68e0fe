"""Counting and cutting many texts: in batches on all cores, and without a list of ids for each
text.

The tokenizer's own Rust code is called, whose encodings stay there. A list of a long trace's ids
and offsets costs Python more than it costs to find them.
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
    """`rows` in lists of `size`."""
    waiting = iter(rows)
    while batch := list(itertools.islice(waiting, size)):
        yield batch


def ahead(function: Callable[[list[Row]], Result], rows: Iterable[Row]) -> Iterator[Result]:
    """`function` of each batch of `rows`, in order: in a thread, while the next batch is read here.

    Encoding holds no lock of Python's, and reading is a fourth of the time where it has to wait for
    it.
    """
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        going: concurrent.futures.Future[Result] | None = None
        for batch in batches(rows):
            following = pool.submit(function, batch)
            if going:
                yield going.result()
            going = following
        if going:
            yield going.result()


def counts(tokenizer: Any, texts: Sequence[str]) -> list[int]:
    """tokens.count of each of `texts`, which are held all at once with their encodings."""
    return [
        len(found)
        for found in _backend(tokenizer).encode_batch_fast(texts, add_special_tokens=False)
    ]


def firsts(tokenizer: Any, texts: Sequence[str], budgets: Sequence[int]) -> list[tuple[str, int]]:
    """Of each of `texts` its longest start of at most its budget of tokens, and tokens.count of it
    whole.

    Cut at a token's end in the text itself, so that the result is a true prefix; a budget inside a
    character of several tokens gives the text before that character.
    """
    found = _backend(tokenizer).encode_batch(texts, add_special_tokens=False)
    return [(_first(*one), len(one[0])) for one in zip(found, texts, budgets, strict=True)]


def _first(found: Any, text: str, budget: int) -> str:
    """The start of `text`, encoded as `found`."""
    if len(found) <= budget:
        return text
    if budget <= 0:
        return ""
    end, following = found.token_to_chars(budget - 1)[1], found.token_to_chars(budget)[0]
    return text[: min(end, following)]  # they overlap where a character is cut


def _backend(tokenizer: Any) -> Any:
    """The Rust tokenizer behind `tokenizer`, set as each of its calls sets it: nothing is cut,
    nothing filled up.
    """
    tokens.ids(tokenizer, "")
    return tokenizer.backend_tokenizer
