"""Counting and cutting in a student's tokens: one whose tokens are bytes, and one with merges."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from stages.core import tokens
from stages.core.errors import StageError

LINES = [
    "So 12 + 40 = 52. Then 52 + 7 = 59.",
    "the answer is 59, therefore the sum is 59",
    "€ 漢字 漢字 naïve naïve",
] * 9
PIECES = ("answer", "12", " ", "€漢😀é\n")
TEXT = st.text(max_size=30) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@pytest.fixture(scope="module")
def merged() -> PreTrainedTokenizerFast:
    """A byte-level BPE whose tokens span characters and, of rare ones, only parts."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(
        LINES, trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<eos>")


def test_ids_have_nothing_added_and_come_back(tokenizer: Any) -> None:
    assert len(tokens.ids(tokenizer, "abc")) == 3
    assert tokenizer.decode(tokens.ids(tokenizer, "größer 漢\n")) == "größer 漢\n"
    assert tokens.ids(tokenizer, tokenizer.eos_token) == [tokenizer.eos_token_id]


def test_what_a_tokenizer_adds_by_itself_is_left_out(merged: PreTrainedTokenizerFast) -> None:
    adding = PreTrainedTokenizerFast(tokenizer_object=merged.backend_tokenizer, eos_token="<eos>")
    end = adding.eos_token_id
    adding.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", end)]
    )
    assert adding("12")["input_ids"][-1] == end
    assert tokens.count(adding, "") == 0
    assert end not in tokens.ids(adding, "12")
    assert tokens.first(adding, "12 12", 99) == "12 12"


@pytest.mark.parametrize(("text", "size"), [("", 0), ("abc", 3), ("é", 2), ("漢", 3), ("😀", 4), ("a<|im_end|>", 2)])
def test_count_of_a_byte_tokenizer(tokenizer: Any, text: str, size: int) -> None:
    assert tokens.count(tokenizer, text) == size


@pytest.mark.parametrize(
    ("text", "budget", "wanted"),
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
def test_first_cuts_between_characters(tokenizer: Any, text: str, budget: int, wanted: str) -> None:
    assert tokens.first(tokenizer, text, budget) == wanted


@given(text=TEXT, budget=st.integers(0, 40))
def test_first_is_the_longest_start_of_bytes_within_budget(tokenizer: Any, text: str, budget: int) -> None:
    found = tokens.first(tokenizer, text, budget)
    assert text.startswith(found)
    assert tokens.count(tokenizer, found) <= budget
    assert found == text or tokens.count(tokenizer, text[: len(found) + 1]) > budget


@given(text=TEXT, budget=st.integers(0, 12))
def test_first_is_a_start_within_budget_of_merged_tokens(
    merged: PreTrainedTokenizerFast, text: str, budget: int
) -> None:
    found = tokens.first(merged, text, budget)
    assert text.startswith(found)
    assert tokens.count(merged, found) <= budget
    assert found == text or tokens.count(merged, text) > budget


def test_merged_tokens_are_cut_at_a_tokens_end(merged: PreTrainedTokenizerFast) -> None:
    text = LINES[0]
    cuts = [tokens.first(merged, text, budget) for budget in range(tokens.count(merged, text) + 1)]
    assert [tokens.count(merged, cut) for cut in cuts] == list(range(len(cuts)))


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"none: no such folder; run `dvc repro`"):
        tokens.load(tmp_path / "none")


def test_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no tokenizer that transformers can read"):
        tokens.load(tmp_path)


def test_tokenizer_without_an_end_is_refused(tmp_path: Path, merged: PreTrainedTokenizerFast) -> None:
    endless = PreTrainedTokenizerFast(tokenizer_object=merged.backend_tokenizer)
    endless.save_pretrained(tmp_path)
    with pytest.raises(StageError, match="no EOS token, so generation would never stop"):
        tokens.load(tmp_path)
