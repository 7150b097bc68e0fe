"""Cuts: true parts of the text, within their budget of tokens, with whole characters."""

from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from stages.core import tokens
from stages.core.targets.lengths import LastEncodings
from stages.core.targets.shorteners.cuts import Cut, Cutter, Keep
from stages.core.targets.shorteners.kinds import Student, settings_of
from tests.made import trace

KEEPS: tuple[Keep, ...] = get_args(Keep)
PIECES = ("answer", "12", " ", "  ", "€漢😀é\n", "\n\n", "don't")
TEXT = st.text(max_size=30) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
GOLDEN = "Let me add. 12 + 40 = 52. Wait, is it? 52 + 7 = 59. So it is 59."


def cutter(tokenizer: Any, keep: str) -> Cutter:
    """The shortener as the stage opens it from params."""
    kind, settings = settings_of({"kind": "cut", "keep": keep, "ratio": 0.5}, "shorteners.x")
    student = Student(
        tokenizer=tokenizer,
        encodings=LastEncodings(tokenizer),
        model_folder=Path("models"),
        store_folder=Path("store"),
    )
    with kind.open(settings, student, "shorteners.x") as opened:
        assert isinstance(opened, Cutter)
        return opened


def cut(tokenizer: Any, keep: str, text: str, budget: int) -> str:
    """What stays of one text, which does not depend on those beside it."""
    shortener = cutter(tokenizer, keep)
    (alone,) = shortener.shorten([trace(0, reasoning=text)], [budget])
    beside = [trace(0, reasoning=other) for other in ("12 and 漢字", text, "")]
    _, among, _ = shortener.shorten(beside, [2, budget, 0])
    assert alone == among
    return alone


@pytest.mark.parametrize(
    ("keep", "budget", "expected"),
    [
        ("head", 9, "abcé"),
        ("head", 5, "abcé"),
        ("head", 4, "abc"),  # half of the é
        ("head", 2, "ab"),
        ("head", 0, ""),
        ("tail", 5, "abcé"),
        ("tail", 4, "bcé"),
        ("tail", 1, ""),
        ("tail", 0, ""),
        ("ends", 5, "abcé"),
        ("ends", 4, "abé"),
        ("ends", 3, "ab"),  # of an odd budget the beginning gets more
        ("ends", 1, "a"),
        ("ends", 0, ""),
    ],
)
def test_bytes(tokenizer: Any, keep: str, budget: int, expected: str) -> None:
    assert cut(tokenizer, keep, "abcé", budget) == expected


@pytest.mark.parametrize(
    ("keep", "text", "budget", "expected"),
    [
        ("head", "😀b", 3, ""),
        ("head", "😀b", 4, "😀"),
        ("head", "漢漢漢", 8, "漢漢"),
        ("tail", "b😀", 3, ""),
        ("tail", "b😀", 4, "😀"),
        ("tail", "漢漢漢", 8, "漢漢"),
        ("ends", "漢漢漢", 6, "漢漢"),
        ("head", "", 0, ""),
    ],
)
def test_characters_stay_whole(
    tokenizer: Any, keep: str, text: str, budget: int, expected: str
) -> None:
    assert cut(tokenizer, keep, text, budget) == expected


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ("head", "Let me add. 12 + 40 = 52."),
        ("tail", "2 + 7 = 59. So it is 59."),  # a digit is a token
        ("ends", "Let me add. 12 +. So it is 59."),
    ],
)
def test_golden_trace(smollm2: Path, keep: str, expected: str) -> None:
    tokenizer = tokens.load(smollm2)
    shortened = cut(tokenizer, keep, GOLDEN, 16)
    assert shortened == expected
    assert tokens.count(tokenizer, shortened) <= 16


def test_ends_that_make_more_tokens_where_they_meet_are_cut_further(smollm2: Path) -> None:
    tokenizer = tokens.load(smollm2)
    assert tokens.count(tokenizer, "answering") > 2  # though "answer" and "ing" are one each
    assert cut(tokenizer, "ends", "answer\n\n==xing", 2) == "answer"


@given(text=TEXT, budget=st.integers(0, 40), keep=st.sampled_from(KEEPS))
def test_parts_of_bytes_fill_the_budget(tokenizer: Any, text: str, budget: int, keep: Keep) -> None:
    shortened = cut(tokenizer, keep, text, budget)
    assert _is_part(shortened, text, keep)
    assert tokens.count(tokenizer, shortened) <= budget
    # No character more would fit: none is longer than four bytes, and each end may lack a part
    assert shortened == text or tokens.count(tokenizer, shortened) > budget - 8


@given(text=TEXT, budget=st.integers(0, 12), keep=st.sampled_from(KEEPS))
def test_parts_of_merged_tokens_keep_the_budget(
    merged: PreTrainedTokenizerFast, text: str, budget: int, keep: Keep
) -> None:
    shortened = cut(merged, keep, text, budget)
    assert _is_part(shortened, text, keep)
    assert tokens.count(merged, shortened) <= budget
    assert shortened == text or tokens.count(merged, text) > budget
    # Never empty, unless one character takes more than half of the budget
    assert shortened or not text or budget < 8


def _is_part(shortened: str, text: str, keep: Keep) -> bool:
    """Whether `shortened` is the part of `text` that `keep` says."""
    if keep == "head":
        return text.startswith(shortened)
    if keep == "tail":
        return text.endswith(shortened)
    return any(
        text.startswith(shortened[:split]) and text.endswith(shortened[split:])
        for split in range(len(shortened) + 1)
    )


def test_heads_end_at_a_tokens_end(merged: PreTrainedTokenizerFast) -> None:
    text = "So 12 + 40 = 52. Then 52 + 7 = 59."
    heads = [cut(merged, "head", text, budget) for budget in range(tokens.count(merged, text) + 1)]
    assert [tokens.count(merged, head) for head in heads] == list(range(len(heads)))


def test_settings_are_those_of_the_params() -> None:
    _, settings = settings_of({"kind": "cut", "keep": "tail", "budget_of": "mild"}, "shorteners.x")
    assert settings == Cut(keep="tail", budget_of="mild")
