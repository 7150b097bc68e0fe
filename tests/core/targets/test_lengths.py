"""Many texts at once are counted and cut as each by itself."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from stages.core import tokens
from stages.core.targets import lengths

PIECES = ("answer", "12", " ", "€漢😀é\n")
TEXT = st.text(max_size=30) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


def first(tokenizer: Any, text: str, budget: int) -> str:
    """The start of one text, which does not depend on those beside it."""
    ((alone, size),) = lengths.firsts(tokenizer, [text], [budget])
    _, (among, again), _ = lengths.firsts(tokenizer, ["12 and 漢字", text, ""], [2, budget, 0])
    assert alone == among
    assert size == again == tokens.count(tokenizer, text)
    return alone


@pytest.mark.parametrize(
    ("text", "budget", "expected"),
    [
        ("abc", 9, "abc"),
        ("abc", 3, "abc"),
        ("abc", 2, "ab"),
        ("abc", 0, ""),
        ("", 0, ""),
        ("aéb", 1, "a"),
        ("aéb", 2, "a"),  # half of the é
        ("aéb", 3, "aé"),
        ("😀b", 3, ""),
        ("😀b", 4, "😀"),
        ("漢漢漢", 8, "漢漢"),
    ],
)
def test_first_cuts_between_characters(
    tokenizer: Any, text: str, budget: int, expected: str
) -> None:
    assert first(tokenizer, text, budget) == expected


@given(text=TEXT, budget=st.integers(0, 40))
def test_first_is_the_longest_start_of_bytes_within_budget(
    tokenizer: Any, text: str, budget: int
) -> None:
    start = first(tokenizer, text, budget)
    assert text.startswith(start)
    assert tokens.count(tokenizer, start) <= budget
    assert start == text or tokens.count(tokenizer, text[: len(start) + 1]) > budget


@given(text=TEXT, budget=st.integers(0, 12))
def test_first_is_a_start_within_budget_of_merged_tokens(
    merged: PreTrainedTokenizerFast, text: str, budget: int
) -> None:
    start = first(merged, text, budget)
    assert text.startswith(start)
    assert tokens.count(merged, start) <= budget
    assert start == text or tokens.count(merged, text) > budget


def test_merged_tokens_are_cut_at_a_tokens_end(merged: PreTrainedTokenizerFast) -> None:
    text = "So 12 + 40 = 52. Then 52 + 7 = 59."
    cuts = [first(merged, text, budget) for budget in range(tokens.count(merged, text) + 1)]
    assert [tokens.count(merged, cut) for cut in cuts] == list(range(len(cuts)))


@given(texts=st.lists(TEXT, max_size=9))
def test_counts_are_those_of_single_texts(
    merged: PreTrainedTokenizerFast, texts: list[str]
) -> None:
    assert lengths.counts(merged, texts) == [tokens.count(merged, text) for text in texts]


def test_what_a_tokenizer_file_cuts_and_fills_up_is_whole(merged: PreTrainedTokenizerFast) -> None:
    cutting = PreTrainedTokenizerFast(tokenizer_object=merged.backend_tokenizer, eos_token="<eos>")
    cutting.backend_tokenizer.enable_truncation(3)
    cutting.backend_tokenizer.enable_padding(length=50)
    text = "the answer is 59, therefore the sum is 59"
    assert lengths.counts(cutting, [text]) == [tokens.count(merged, text)]
    assert lengths.firsts(cutting, [text], [99]) == [(text, tokens.count(merged, text))]
    (encoding,) = lengths.LastEncodings(cutting).of([text])
    assert len(encoding) == tokens.count(merged, text)


def test_encodings_of_the_last_texts_are_kept(merged: PreTrainedTokenizerFast) -> None:
    encodings = lengths.LastEncodings(merged)
    before = encodings.of(["a b", "12"])
    assert encodings.of(["a b", "12"]) is before
    assert [len(encoding) for encoding in encodings.of(["12"])] == [tokens.count(merged, "12")]
    assert encodings.counts(["a b"]) is encodings.counts(["a b"])
    assert encodings.counts(["12", ""]) == [tokens.count(merged, "12"), 0]


@pytest.mark.parametrize(
    ("size", "expected"),
    [(2, [[0, 1], [2, 3], [4]]), (5, [[0, 1, 2, 3, 4]]), (9, [[0, 1, 2, 3, 4]])],
)
def test_batches(size: int, expected: list[list[int]]) -> None:
    assert list(lengths.batches(range(5), size)) == expected
    assert list(lengths.batches([], size)) == []


@pytest.mark.parametrize("count", [0, 1, 64, 65, 200])
def test_ahead_is_map_over_batches_in_order(count: int) -> None:
    assert list(lengths.ahead(sum, range(count))) == [
        sum(batch) for batch in lengths.batches(range(count))
    ]


def test_ahead_reads_one_batch_while_another_is_at_work() -> None:
    read: list[int] = []
    counts_of_batches = lengths.ahead(
        len, (read.append(number) or number for number in range(1000))
    )
    assert next(counts_of_batches) == lengths.BATCH
    assert len(read) == 2 * lengths.BATCH
    counts_of_batches.close()  # type: ignore[attr-defined]


def test_ahead_raises_what_its_function_and_its_rows_raise() -> None:
    def failing(batch: list[int]) -> int:
        return batch[0] // (batch[0] - lengths.BATCH)

    with pytest.raises(ZeroDivisionError):
        list(lengths.ahead(failing, range(300)))
    with pytest.raises(ValueError, match="x"):
        list(lengths.ahead(len, map(int, "12x")))
