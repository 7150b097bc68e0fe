"""Pruning: units of a trace go in an order until a budget of tokens is kept."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from stages.core import tokens
from stages.core.program import params
from stages.core.program.errors import StageError
from stages.core.records import Trace
from stages.core.targets import lengths
from stages.core.targets.pruning import order, units, windows
from stages.core.targets.pruning.pruner import Pruner
from stages.core.targets.pruning.removal import Ranked, shortened
from stages.core.targets.pruning.settings import Prune, Unit
from tests.made import trace

APPLES = """Let me count the apples. There are 4 bags.
Each bag has 6, so 4 * 6 = 24.
Hmm, 3 of them are bad. That leaves 24 - 3 = 21.
So 21 apples are good."""
PROOF = """First I look at the even case.
Then n = 2k, and n * n = 4kk.

Now the odd case. Here n = 2k + 1.

So a square leaves 0 or 1."""
UNITS: tuple[Unit, ...] = ("token", "sentence", "step")
WORDS = "so 12 7 3.5 1,000 = + is wait answer $x$ (a) . ? ! \n \n\n 漢 naïve".split(" ")
TEXT = st.text(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)


def parts(text: str, unit: Unit, tokenizer: Any) -> list[str]:
    """The texts of the units."""
    return [text[start:end] for start, end in units.units(text, unit, tokenizer)]


def random_pruner(tokenizer: Any, unit: Unit, **entries: Any) -> Pruner:
    """A pruner by chance, which needs no model and no store."""
    config = Prune(unit=unit, criterion="random", ratio=0.5, **entries)
    return Pruner(config, tokenizer, Path("no_model"), Path("no_store"))


def is_subsequence(shorter: Sequence[str], longer: Sequence[str]) -> bool:
    """Whether `shorter` is `longer` without some of its items."""
    remaining = iter(longer)
    return all(item in remaining for item in shorter)


# ---- Units ----


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        (PROOF, "step", PROOF.split("\n\n")),
        (APPLES, "step", APPLES.split("\n")),
        (" a \n\n\n b\nc \n", "step", ["a", "b\nc"]),
        (" a \n b\nc \n", "step", ["a", "b", "c"]),
        ("It is 3. So 4.\nYes", "sentence", ["It is 3.", "So 4.", "Yes"]),
        ("a 12\n1,200", "token", ["a", "12", "1,200"]),  # the tiny student's tokens are bytes
        ("a漢=3.5.", "token", ["a", "漢", "=", "3.5", "."]),
        (" \n", "token", []),
        (" \n", "sentence", []),
        ("", "step", []),
    ],
)
def test_units_of_a_text(tokenizer: Any, text: str, unit: Unit, expected: list[str]) -> None:
    assert parts(text, unit, tokenizer) == expected


def test_tokens_are_the_students(merged: PreTrainedTokenizerFast) -> None:
    text = "the answer is 59, therefore 漢字"
    expected = ["the", "answer", "is", "59", ",", "therefore", "漢字"]
    assert parts(text, "token", merged) == expected


@given(text=TEXT, unit=st.sampled_from(UNITS))
def test_units_have_every_character_but_space(
    merged: PreTrainedTokenizerFast, text: str, unit: Unit
) -> None:
    spans = units.units(text, unit, merged)
    assert [edge for span in spans for edge in span] == sorted(
        edge for span in spans for edge in span
    )
    assert all(part and part == part.strip() for part in parts(text, unit, merged))
    assert "".join("".join(parts(text, unit, merged)).split()) == "".join(text.split())


@given(text=TEXT, unit=st.sampled_from(UNITS))
def test_all_units_make_the_text(merged: PreTrainedTokenizerFast, text: str, unit: Unit) -> None:
    spans = units.units(text, unit, merged)
    assert units.joined(text, spans, range(len(spans)), unit) == text.strip()


@pytest.mark.parametrize(
    ("text", "unit", "kept", "expected"),
    [
        ("a b c", "token", [0, 2], "a c"),
        ("a b\nc", "token", [0, 2], "a\nc"),
        ("a\n\nb c", "token", [0, 2], "a c"),
        ("a b c", "token", [1], "b"),
        ("a b c", "token", [], ""),
        ("3*4", "token", [0, 2], "3 4"),  # without a space it would be 34
        ("(3)", "token", [0, 2], "()"),
        ("A.\nB. C.", "sentence", [0, 2], "A.\nC."),
        ("A. B.\nC.", "sentence", [0, 2], "A.\nC."),
        ("A.\n\nB.\n\nC.", "step", [0, 2], "A.\n\nC."),
    ],
)
def test_neighbours_keep_space_between_them(
    tokenizer: Any, text: str, unit: Unit, kept: list[int], expected: str
) -> None:
    assert units.joined(text, units.units(text, unit, tokenizer), kept, unit) == expected


# ---- Order ----


@pytest.mark.parametrize(
    ("scores", "protect", "expected"),
    [
        ([3.0, 1.0, 2.0], False, [1, 2, 0]),
        ([1.0, 1.0, 0.0], False, [2, 0, 1]),
        ([3.0, 1.0, 2.0], True, [2, 0, 1]),
    ],
)
def test_lowest_scores_go_first(scores: list[float], protect: bool, expected: list[int]) -> None:
    text = "Hmm. It is 4. So."
    spans = units.units(text, "sentence", None)
    assert order.order(scores, text, spans, protect) == expected


@pytest.mark.parametrize(
    ("token_spans", "expected"),
    [
        ([(0, 2), (2, 3), (3, 5)], [1.5, 3.0]),  # two tokens of the first unit, one of the second
        ([(0, 5), (5, 5), (5, 5)], [1.0, 1.0]),  # one token over both
        ([(0, 3), (2, 3), (2, 3)], [2.0, 1.0]),  # none in the second: the lowest score
    ],
)
def test_units_get_the_mean_of_their_tokens(
    token_spans: list[tuple[int, int]], expected: list[float]
) -> None:
    assert order.unit_means([(0, 3), (3, 5)], token_spans, [1.0, 2.0, 3.0]) == expected


def test_text_without_tokens_has_scores() -> None:
    assert order.unit_means([(0, 1)], [], []) == [0.0]


# ---- Budget ----


@given(
    text=TEXT,
    unit=st.sampled_from(UNITS),
    budget=st.integers(1, 30),
    seed=st.integers(0, 9),
    protect=st.booleans(),
)
def test_budget_and_order_are_kept(
    merged: PreTrainedTokenizerFast, text: str, unit: Unit, budget: int, seed: int, protect: bool
) -> None:
    pruner = random_pruner(merged, unit, seed=seed, protect_numbers=protect)
    row = trace(reasoning=text)
    [left] = pruner.shorten([row], [budget])
    assert tokens.count(merged, left) <= budget
    assert is_subsequence("".join(left.split()), "".join(text.split()))
    if text.strip() and budget >= 4:  # no character has more tokens
        assert left
    assert pruner.shorten([trace(1), row, trace(2)], [3, budget, 2])[1] == left


@given(text=TEXT, unit=st.sampled_from(UNITS), budget=st.integers(1, 30))
def test_one_unit_more_would_not_fit(
    merged: PreTrainedTokenizerFast, text: str, unit: Unit, budget: int
) -> None:
    spans = units.units(text, unit, merged)
    ranked = Ranked(text, spans, list(range(len(spans))), unit)  # the first go first
    unit_tokens = lengths.counts(merged, [text[start:end] for start, end in spans])
    [left] = shortened([ranked], [unit_tokens], [budget], merged)
    fits = [tokens.count(merged, ranked.left(count)) <= budget for count in range(len(spans) + 1)]
    ends = [
        ranked.left(count)
        for count in range(len(spans))
        if fits[count] and (count == 0 or not fits[count - 1])
    ]
    assert left in ends or not any(fits[:-1])


def test_trace_within_its_budget_stays_as_it_is(tokenizer: Any) -> None:
    row = trace(reasoning=" It is 2.\n")
    assert random_pruner(tokenizer, "sentence").shorten([row], [99]) == [" It is 2.\n"]


@pytest.mark.parametrize(
    ("text", "budget", "expected"),
    [
        ("Enough of it.", 6, "Enough"),  # a head of the only unit
        ("Enough of it.", 7, "Enough"),  # the space at its end goes too
        ("漢 a", 1, ""),  # as a sentence, its first character has three tokens
        ("漢. So", 2, "So"),  # then the next best unit
        ("\n", 0, ""),
        ("some", 0, ""),
    ],
)
def test_unit_that_cannot_fit_is_cut(tokenizer: Any, text: str, budget: int, expected: str) -> None:
    row = trace(reasoning=text)
    results = {
        random_pruner(tokenizer, "sentence", seed=seed).shorten([row], [budget])[0]
        for seed in range(9)
    }
    assert results == {expected}


# ---- By chance ----


@pytest.mark.parametrize(
    ("unit", "text", "expected"),
    [
        ("token", "So 12 + 40 = 52. Then 52 + 7 = 59.", "So =. Then + = 59"),
        ("sentence", APPLES, "Let me count the apples.\nThat leaves 24 - 3 = 21."),
        ("step", APPLES, "Let me count the apples. There are 4 bags."),
    ],
)
def test_golden_by_chance(
    merged: PreTrainedTokenizerFast, unit: Unit, text: str, expected: str
) -> None:
    budget = tokens.count(merged, text) // 2
    assert random_pruner(merged, unit).shorten([trace(reasoning=text)], [budget]) == [expected]


def test_chance_depends_on_seed_and_trace_alone(tokenizer: Any) -> None:
    rows: list[Trace] = [
        trace(number, sample, reasoning=APPLES) for number in range(4) for sample in range(2)
    ]
    budgets = [60] * len(rows)
    left = random_pruner(tokenizer, "sentence").shorten(rows, budgets)
    assert len(set(left)) > 2
    assert random_pruner(tokenizer, "sentence").shorten(rows[::-1], budgets) == left[::-1]
    assert random_pruner(tokenizer, "sentence", seed=1).shorten(rows, budgets) != left


def test_numbers_go_last(tokenizer: Any) -> None:
    budget = tokens.count(tokenizer, APPLES) // 2
    for seed in range(9):
        pruner = random_pruner(tokenizer, "token", seed=seed, protect_numbers=True)
        [left] = pruner.shorten([trace(reasoning=APPLES)], [budget])
        assert re.findall(r"\d+", left) == re.findall(r"\d+", APPLES)


# ---- Windows ----


@given(context=st.integers(1, 30), text=st.integers(0, 80), size=st.integers(4, 24))
def test_causal_windows_score_each_token_once(context: int, text: int, size: int) -> None:
    context_ids = list(range(-context, 0))
    scored = []
    for window in windows.causal(context_ids, list(range(text)), size):
        assert len(window.ids) <= size
        part = window.ids[window.first : window.first + window.scored]
        assert part == list(range(window.start, window.start + window.scored))
        assert window.first >= 1
        scored += part
    assert scored == list(range(text))


@given(text=st.integers(0, 80), size=st.integers(2, 24))
def test_overlapping_windows_score_each_token_once(text: int, size: int) -> None:
    scored = []
    for window in windows.overlapping(list(range(text)), size):
        assert len(window.ids) <= size
        scored += window.ids[window.first : window.first + window.scored]
    assert scored == list(range(text))


# ---- Params ----


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "expected exactly one of ratio, a share of the raw tokens, and budget_of"),
        (
            {"ratio": 0.5, "budget_of": "mild"},
            "expected exactly one of ratio, a share of the raw tokens, and budget_of",
        ),
        ({"ratio": 0.0}, "x.ratio: 0.0: input should be greater than 0"),
        ({"ratio": 1.5}, "x.ratio: 1.5: input should be less than or equal to 1"),
        ({"ratio": 0.5, "unit": "word"}, "x.unit: 'word' is unknown; known: token, sentence, step"),
        ({"ratio": 0.5, "criterion": "luck"}, "x.criterion: 'luck' is unknown"),
        ({"ratio": 0.5, "scorer": "student"}, "criterion random asks no model; leave it out"),
        ({"ratio": 0.5, "criterion": "entropy"}, "scorer: missing: criterion entropy needs"),
        ({"ratio": 0.5, "criterion": "entropy", "scorer": "x"}, "scorer: 'x' is unknown"),
        (
            {"ratio": 0.5, "criterion": "entropy", "scorer": {"revision": "1"}},
            "scorer.model: missing",
        ),
        (
            {"ratio": 0.5, "criterion": "entropy", "scorer": {"folder": "1"}},
            "scorer.folder: unknown entry; known: model, revision",
        ),
        (
            {"ratio": 0.5, "criterion": "classifier", "scorer": "student"},
            "criterion classifier needs a token-classification model",
        ),
        (
            {"ratio": 0.5, "criterion": "answer", "unit": "token", "scorer": "student"},
            "choose sentence or step",
        ),
        (
            {"ratio": 0.5, "criterion": "entropy", "scorer": "student", "seed": 1},
            "seed: criterion entropy draws nothing",
        ),
        (
            {"ratio": 0.5, "criterion": "entropy", "scorer": {"model": 3}},
            "scorer.model: 3 is not a text",
        ),
        ({"ratio": 0.5, "keep": "head"}, "x.keep: unknown entry"),
    ],
)
def test_bad_params_end_in_one_line(entries: dict[str, Any], message: str) -> None:
    section = {"unit": "sentence", "criterion": "random"} | entries
    with pytest.raises(StageError) as caught:
        params.section(Prune, section, "x")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "entries",
    [
        {"criterion": "random", "seed": 7, "ratio": 0.3},
        {"criterion": "surprisal", "scorer": "student", "budget_of": "mild"},
        {"criterion": "classifier", "scorer": {"model": "some/model", "revision": "1"}, "ratio": 1},
    ],
)
def test_good_params_are_taken(entries: dict[str, Any]) -> None:
    config = params.section(Prune, {"unit": "sentence"} | entries, "x")
    assert config.scoring_model == (
        entries["scorer"] if isinstance(entries.get("scorer"), dict) else None
    )
