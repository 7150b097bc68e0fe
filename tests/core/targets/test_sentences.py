"""What general features of text say about a sentence."""

import pytest

from stages.core.targets.compressors import sentences


def lines(text: str) -> list[str]:
    """Its sentences as the compressor sees them."""
    return sentences.passage_of(text).texts


@pytest.mark.parametrize(
    ("text", "operands", "results", "doubtful"),
    [
        ("12 + 7 = 19.", {"12", "7"}, {"19"}, False),
        ("12 * 7 = 70 + 14 = 84.", {"12", "7", "70", "14"}, {"84"}, False),
        ("Adding 12 and 7 gives 19 apples.", {"12", "7"}, {"19"}, False),
        ("There are 1,200 apples and 3.50 pears.", set(), {"1200", "3.5"}, False),
        ("9 - -3 = 12", {"9", "3"}, {"12"}, False),
        ("Is 12 + 7 = 20?", {"12", "7"}, {"20"}, True),
        ("Wait, 12 + 7 = 20.", {"12", "7"}, {"20"}, True),
        ("No numbers here.", set(), set(), False),
        ("007 = 7", {"7"}, {"7"}, False),
        (
            "This area emits a beam of 5",
            set(),
            {"5"},
            False,
        ),  # no word in which a relation only begins or ends
        ("Thus 5 is \\approx 7", {"5"}, {"7"}, False),
        ("I await 5, which I guessed", set(), {"5"}, False),
        ("A 5 \u0130 maybe", set(), {"5"}, True),  # a letter whose lower case is longer
    ],
)
def test_features_of_a_sentence(
    text: str, operands: set[str], results: set[str], doubtful: bool
) -> None:
    (sentence,) = sentences.passage_of(text).sentences
    assert (set(sentence.operands), set(sentence.results), sentence.doubtful) == (
        operands,
        results,
        doubtful,
    )
    assert set(sentence.derived) == (results if operands and not doubtful else set())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It costs 3.50 dollars. 4 of them: 14.", ["It costs 3.50 dollars.", "4 of them: 14."]),
        ("One\n\n  Two\n", ["One", "Two"]),
        ("e.g. this stays whole", ["e.g. this stays whole"]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ('(One.) Two." Three.\nfour', ["(One.)", 'Two."', "Three.", "four"]),
        ("\u00a0 One. \u00a0 Two\u00a0\n.", ["One.", "Two", "."]),
        ("", []),
    ],
)
def test_split(text: str, parts: list[str]) -> None:
    assert lines(text) == parts


@pytest.mark.parametrize(
    ("text", "core"),
    [
        ("With that, 7 + 2 = 9.", "7 + 2 = 9."),
        ("In total he bought 13 + 17 = 30 books.", "13 + 17 = 30."),
        ("So x = 5, and then 12 * x = 60.", "12 * x = 60."),
        ("To begin with, the tank is full.", "the tank is full."),
        ("After 3 days, the tank is full.", "After 3 days, the tank is full."),
        ("The tank is full.", "The tank is full."),
        ("1+1=2", "1+1=2"),
    ],
)
def test_core(text: str, core: str) -> None:
    assert sentences.core(text) == core
