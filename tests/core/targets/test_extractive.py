"""Extractive compression: what the answer rests on stays, in the source's own words and order."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.asking.engines import scripted
from stages.core.program.errors import StageError
from stages.core.targets.compressors import sentences
from stages.core.targets.compressors.extractive import Extractive, compress
from stages.core.targets.compressors.support import support_of

MILD, STRONG = Extractive(0.6, trim=False), Extractive(0.0, trim=True)
HALTING = scripted.ScriptedSettings(wrong_rate=0, false_start_rate=0.5, check_rate=1)
# Text in the shape of reasoning, of any sense or none, and text of no shape at all
WORDS = "so 12 7 3.5 1,000 = + * is gives wait maybe answer $x$ \\frac{1}{2} (a) Therefore . ? ! \n 漢".split(
    " "
)
TEXT = st.text(max_size=80) | st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)
BUDGETS = st.floats(0, 1, exclude_min=True)
STRENGTH = st.builds(Extractive, st.floats(0, 1), st.booleans()) | st.builds(
    Extractive, trim=st.booleans(), ratio=BUDGETS
)
CHAINS = st.lists(st.integers(1, 99), min_size=2, max_size=5).map(
    lambda numbers: " + ".join(map(str, numbers)) + " ="
)

# By no teacher of ours: nothing may hang on the scripted one's phrases
BOOKS = """Sam bought 13 adventure books and 17 mystery books, and 15 of them were used.
Hmm, maybe I should subtract first: 17 - 15 = 2. No wait, that is wrong.
In total he bought 13 + 17 = 30 books.
Books are a nice thing to have, I must say.
30 - 15 gives 15 new books.
So the number of new books is 15."""
CAPITALS = """The question asks about Australia.
Sydney is the largest city, and many take it for the seat of government.
Wait, perhaps it is Sydney?
Canberra was founded as a compromise and hosts parliament.
The weather there is mild."""


def lines(text: str) -> list[str]:
    """Its sentences as the compressor sees them."""
    return sentences.passage_of(text).texts


def is_in_order(some_lines: list[str], all_lines: list[str]) -> bool:
    """Whether `part` is a subsequence of `whole`."""
    rest = iter(all_lines)
    return all(line in rest for line in some_lines)


@given(question=TEXT, reasoning=TEXT, answer=TEXT, strength=STRENGTH)
def test_any_text_gets_no_longer_and_never_empty(
    question: str, reasoning: str, answer: str, strength: Extractive
) -> None:
    compressed = compress(question, reasoning, answer, strength)
    assert len(compressed) <= len(reasoning)
    assert bool(compressed) == bool(lines(reasoning))


@given(question=TEXT, reasoning=TEXT, answer=TEXT, ratio=st.floats(0, 1))
def test_untrimmed_sentences_are_the_sources_in_its_order(
    question: str, reasoning: str, answer: str, ratio: float
) -> None:
    compressed = compress(question, reasoning, answer, Extractive(ratio, trim=False))
    assert is_in_order(compressed.split("\n") if compressed else [], lines(reasoning))


@given(question=CHAINS, seed=st.integers(0, 10**6))
def test_solution_of_a_chain_stays_and_false_starts_go(question: str, seed: int) -> None:
    reasoning, answer = scripted.write(question, HALTING, seed)
    steps = scripted.solve(question, random.Random(0), 0).steps
    mild, strong = (compress(question, reasoning, answer, strength) for strength in (MILD, STRONG))
    for text in (mild, strong):
        assert f"{steps[-1].left} = {steps[-1].value}." in text
        assert "slipped" not in text
        assert "guess" not in text
        assert "not look right" not in text
    assert all(f"{step.left} = {step.value}." in strong for step in steps)
    assert len(strong) < len(mild) < len(reasoning)


@pytest.mark.parametrize(
    ("reasoning", "question", "answer", "strength", "expected"),
    [
        (
            BOOKS,
            "Sam bought 13 and 17 books, 15 used. How many new?",
            "15",
            STRONG,
            ["13 + 17 = 30.", "30 - 15 gives 15 new books."],
        ),
        (
            BOOKS,
            "Sam bought 13 and 17 books, 15 used. How many new?",
            "15",
            Extractive(0.5, trim=False),
            [
                BOOKS.splitlines()[0],
                "In total he bought 13 + 17 = 30 books.",
                "30 - 15 gives 15 new books.",
            ],
        ),
        (
            CAPITALS,
            "What is the capital of Australia?",
            "Canberra",
            STRONG,
            [
                "The question asks about Australia.",
                "Canberra was founded as a compromise and hosts parliament.",
            ],
        ),
        ("2 + 2 = 4. 2 + 2 = 4.", "2 + 2?", "4", MILD, ["2 + 2 = 4."]),
        ("Four.", "2 + 2?", "4", STRONG, ["Four."]),
        ("1+1=2", "1+1?", "2", STRONG, ["1+1=2"]),
        ("Wait, maybe 5?", "2 + 2?", "5", STRONG, ["maybe 5?"]),
        (" \n", "2 + 2?", "4", MILD, [""]),
    ],
)
def test_compressed(
    reasoning: str, question: str, answer: str, strength: Extractive, expected: list[str]
) -> None:
    assert compress(question, reasoning, answer, strength).split("\n") == expected


def test_ratio_bounds_what_is_added_beyond_the_support() -> None:
    question, sizes = "Sam bought 13 and 17 books, 15 used. How many new?", []
    for ratio in (0.0, 0.3, 0.6, 1.0):
        compressed = compress(question, BOOKS, "15", Extractive(ratio, trim=False))
        support = compress(question, BOOKS, "15", Extractive(0, trim=False))
        assert len(compressed) <= max(len(support), ratio * len(BOOKS) + 1)
        sizes.append(len(compressed))
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


BOOKS_QUESTION = "Sam bought 13 and 17 books, 15 used. How many new?"


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (0.001, ["."]),  # a character in any case
        (0.02, ["ooks."]),
        (0.03, ["books."]),  # the end of the last step, in whole words
        (0.08, ["15 gives 15 new books."]),
        (0.1, ["30 - 15 gives 15 new books."]),
        (0.22, ["30 - 15 gives 15 new books."]),
        (0.24, ["In total he bought 13 + 17 = 30 books.", "30 - 15 gives 15 new books."]),
        (
            0.5,
            [
                BOOKS.splitlines()[0],
                "In total he bought 13 + 17 = 30 books.",
                "30 - 15 gives 15 new books.",
            ],
        ),
        (1.0, lines(BOOKS)),
    ],
)
def test_smaller_budget_keeps_what_is_nearer_to_the_answer(
    ratio: float, expected: list[str]
) -> None:
    compressed = compress(BOOKS_QUESTION, BOOKS, "15", Extractive(ratio=ratio))
    assert compressed.split("\n") == expected


@given(question=TEXT, reasoning=TEXT, answer=TEXT, ratio=BUDGETS, trim=st.booleans())
def test_ratio_is_never_exceeded(
    question: str, reasoning: str, answer: str, ratio: float, trim: bool
) -> None:
    compressed = compress(question, reasoning, answer, Extractive(trim=trim, ratio=ratio))
    assert len(compressed) <= max(1, ratio * len(reasoning))


@given(question=TEXT, reasoning=TEXT, answer=TEXT, ratios=st.tuples(BUDGETS, BUDGETS))
def test_larger_budget_keeps_all_of_a_smaller_one(
    question: str, reasoning: str, answer: str, ratios: tuple[float, float]
) -> None:
    small, large = (
        compress(question, reasoning, answer, Extractive(ratio=ratio)).split("\n")
        for ratio in sorted(ratios)
    )
    all_lines = lines(reasoning)
    if set(small) <= set(all_lines):  # else it is the end of one sentence
        assert is_in_order(small, all_lines)
        assert set(small) <= set(large)


@given(question=CHAINS, seed=st.integers(0, 10**6), ratio=BUDGETS)
def test_steps_that_are_left_lead_to_the_answer(question: str, seed: int, ratio: float) -> None:
    """Of a chain, a step is kept only with all that come after it."""
    reasoning, answer = scripted.write(question, HALTING, seed)
    steps = scripted.solve(question, random.Random(0), 0).steps
    compressed = compress(question, reasoning, answer, Extractive(ratio=ratio))
    kept = [f" {step.left} = {step.value}." in f" {compressed}" for step in steps]
    assert kept == sorted(kept)


@given(question=TEXT, reasoning=TEXT, answer=TEXT, strength=STRENGTH)
def test_same_trace_gives_the_same_bytes(
    question: str, reasoning: str, answer: str, strength: Extractive
) -> None:
    first = compress(question, reasoning, answer, strength)
    support_of.cache_clear()
    assert compress(question, reasoning, answer, strength) == first


@pytest.mark.parametrize("ratio", [0.0, -0.1, 1.1, float("nan")])
def test_budget_out_of_range_is_refused(ratio: float) -> None:
    with pytest.raises(StageError, match="expected a share above 0 and up to 1"):
        Extractive(ratio=ratio)


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_ratio_out_of_range_is_refused(ratio: float) -> None:
    with pytest.raises(StageError, match="expected a share between 0 and 1"):
        Extractive(ratio, trim=True)
