"""Training questions that are nearly a test question are found, templates with other numbers are
not.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.program.errors import StageError
from stages.core.questions.contamination import Decontaminate, near_duplicates
from stages.core.questions.items import lettered
from stages.core.records import Question
from tests.made import question

LONG = (
    "A shop sells {0} boxes on Monday, {1} on Tuesday and twice as many as on both days together "
    "on Wednesday; how many"
)
WORDING = "Please choose the right answer to the question and give nothing else than its letter: "


def found(
    pairs: list[tuple[str, str]], rules: Decontaminate | None = None
) -> list[tuple[str, str]]:
    """The training questions near a test question, with that; of (split, text) pairs."""
    rows = [
        question(place, question=text, split=split) for place, (split, text) in enumerate(pairs)
    ]
    return [
        (one.train.question, one.test.question)
        for one in near_duplicates(rows, rules or Decontaminate())
    ]


@pytest.mark.parametrize(
    ("train", "near"),
    [
        (LONG.format(3, 4), True),
        (LONG.format(3, 4) + "?", True),
        (LONG.format(3, 4).upper(), True),
        ("Hm. " + LONG.format(3, 4), True),
        ("  ".join(LONG.format(3, 4).split()), True),
        (LONG.format(9, 8), False),
        (LONG.format(3, 5), False),
        (LONG.format(4, 3), False),  # the same numbers elsewhere
        ("How many boxes does the shop sell on Wednesday, if it sells 3 on Monday?", False),
    ],
)
def test_near(train: str, near: bool) -> None:
    test = LONG.format(3, 4)
    assert found([("test", test), ("train", train)]) == ([(train, test)] if near else [])


def test_wording_that_a_set_shares_makes_no_duplicates() -> None:
    """Of 52 questions of one form each has only one word for itself, which is little of its text."""
    rows = [
        ("test" if place % 2 else "train", WORDING + 2 * chr(ord("a") + place))
        for place in range(26)
    ]
    rows += [(split, WORDING + "q" + text[-2:]) for split, text in rows]
    assert found(rows) == []
    assert len(found(rows, Decontaminate(common=1.0))) == 26  # were the wording not left out


def test_many_copies_do_not_hide_each_other() -> None:
    rows = [
        ("test", LONG.format(3, 4)),
        *(("train", f"{'Hm. ' * place}{LONG.format(3, 4)}") for place in range(5)),
    ]
    assert len(found(rows)) >= 3


def test_short_sums_that_share_a_run_are_no_duplicates() -> None:
    sums = ["5 * 8 * 1", "5 * 8", "5 * 8 * 3", "1 * 5 * 8", "8 * 5 * 1"]
    rows = [
        ("train" if place else "test", f"Solve the following multiplication: {text}.")
        for place, text in enumerate(sums)
    ]
    assert found(rows) == []


def test_same_text_in_two_sets_is_found_whatever_their_wording() -> None:
    other = [question(place, question=WORDING + str(place), source="b") for place in range(50)]
    same = [question(60, question=WORDING + "7", source="a", split="test")]
    assert [
        (one.train.question_id, one.similarity)
        for one in near_duplicates([*same, *other], Decontaminate())
    ] == [("q7", 1.0)]


def test_nearest_of_several_is_named() -> None:
    rows = [
        ("test", LONG.format(3, 4)),
        ("validation", LONG.format(3, 4) + " ?"),
        ("train", LONG.format(3, 4) + " ?"),
    ]
    assert found(rows) == [(rows[2][1], rows[1][1])]


ASKED = (
    "Which gland lies in front of the windpipe and stores iodine for the hormones that it makes?"
)
GLANDS = (
    "the thyroid gland of the neck",
    "the adrenal gland",
    "pituitary gland",
    "the pancreas behind the stomach",
)
OTHERS = (
    "the spleen on the left side",
    "the liver on the right",
    "a kidney",
    "the heart between both of the lungs",
)


def optioned(split: str, choices: tuple[str, ...], text: str = ASKED) -> Question:
    """A question of another set for each split, with its options as reading.py writes them."""
    return question(
        split=split,
        question_id=split,
        source=split,
        choices=choices,
        question=f"{text}\n{lettered(choices)}",
    )


@pytest.mark.parametrize(
    ("choices", "similarity"),
    [
        (GLANDS, 1.0),
        (GLANDS[::-1], 1.0),
        ((*GLANDS[2:], *(gland.upper() for gland in GLANDS[:2])), 1.0),
        (OTHERS, None),
        ((*GLANDS[:3], "another one"), None),
    ],
)
@pytest.mark.parametrize("words", [1, 3, 5])
def test_order_of_options_makes_no_difference(
    choices: tuple[str, ...], similarity: float | None, words: int
) -> None:
    rows = [optioned("test", GLANDS), optioned("train", choices)]
    near = list(near_duplicates(rows, Decontaminate(words=words, threshold=0.9)))
    assert [one.similarity for one in near] == ([] if similarity is None else [similarity])
    assert [one.train.question for one in near] == [rows[1].question] * len(
        near
    )  # the listing shows it as it is asked


def test_options_that_a_text_lists_in_its_own_way_are_compared_as_written() -> None:
    rows = [
        question(0, split="test", choices=("red", "blue"), question=f"{ASKED} red or blue"),
        question(1, split="train", choices=("blue", "red"), question=f"{ASKED} red or blue"),
    ]
    assert [one.similarity for one in near_duplicates(rows, Decontaminate())] == [1.0]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=8))
def test_every_text_is_near_itself_alone_where_nothing_is_shared(texts: list[str]) -> None:
    rows = [(split, text) for text in texts for split in ("test", "train")]
    same = dict(found(rows))
    assert all(text in same for text in texts)


@pytest.mark.parametrize(
    "values", [{"threshold": 0}, {"threshold": 1.1}, {"words": 0}, {"common": -1}]
)
def test_rules_out_of_range_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(StageError, match="expected shares between 0 and 1 and at least one word"):
        Decontaminate(**values)  # type: ignore[arg-type]
