"""What counts as right. A false accept is worse than a false reject: it teaches, and reports, a wrong answer."""

import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core import grading
from stages.core.errors import StageError
from stages.core.grading import read
from tests.made import SHARED, question

RIGHT, WRONG, NONE = "correct", "wrong", "no_answer"


@pytest.mark.parametrize(
    ("answer", "gold", "outcome"),
    [
        ("The answer is 18.", "18", RIGHT),
        ("The answer is 19.", "18", WRONG),
        ("18", "18", RIGHT),
        ("#### 18", "18", RIGHT),
        ("**Answer:** 18", "18", RIGHT),
        ("The answer is: **18**", "18", RIGHT),
        ("The answer is\n18", "18", RIGHT),
        (r"\boxed{18}", "18", RIGHT),
        (r"\boxed{17} no: \boxed{18}", "18", RIGHT),  # the last box wins
        (r"\boxed{18} no: \boxed{17}", "18", WRONG),
        (r"The answer is 17, so \boxed{18}", "18", RIGHT),  # a box wins over a lead
        ("The answer is 17. No: the answer is 18.", "18", RIGHT),  # the last lead wins
        ("First 3, then 15, so 18", "18", RIGHT),  # without either, the last number
        ("First 18, then 15, so 3", "18", WRONG),
        # the same number in other clothes
        ("The answer is 18.0.", "18", RIGHT),
        ("The answer is 15.", "15.0", RIGHT),
        ("The answer is 1,234.50.", "1234.5", RIGHT),
        (r"\boxed{1{,}234}", "1234", RIGHT),
        ("The answer is $18.", "18", RIGHT),
        (r"The answer is \$18.", "18", RIGHT),
        ("The answer is 18 dollars.", "18", RIGHT),
        ("The answer is 18%.", "18", RIGHT),
        ("The answer is 6/4.", "3/2", RIGHT),
        (r"\boxed{\frac{6}{4}}", "1.5", RIGHT),
        ("The answer is 12 + 6 = 18.", "18", RIGHT),
        ("The answer is 18. She has 3 more than 15.", "18", RIGHT),
        (r"\boxed{90^\circ}", "90", RIGHT),
        # signs
        ("The answer is -5.", "-5", RIGHT),
        ("The answer is \u22125.", "-5", RIGHT),
        ("The answer is - 5.", "-5", RIGHT),
        ("The answer is negative 5.", "-5", RIGHT),
        ("The answer is -5.", "5", WRONG),
        ("The answer is - 5.", "5", WRONG),
        (r"\boxed{-\frac{1}{2}}", "1/2", WRONG),
        # near misses
        ("The answer is 180.", "18", WRONG),
        ("The answer is 1.8.", "18", WRONG),
        ("The answer is 118.", "18", WRONG),
        ("The answer is 0.333.", "1/3", WRONG),
        (r"\boxed{\frac{7}{2}}", "2", WRONG),
        ("The answer is 0.18.", "18%", WRONG),
        # a number that is not the answer's value
        ("The answer is 42, which is 6 times 7.", "7", NONE),
        ("The answer is not 18.", "18", NONE),
        (r"\boxed{2 \times 10^{5}}", "5", NONE),
        (r"\boxed{5\pi}", "5", NONE),
        (r"\boxed{\sqrt{16}}", "16", NONE),
        ("The answer is 1e5.", "1", NONE),
        ("The answer is 3 1/2.", "1/2", NONE),
        ("The answer is 5:30.", "30", NONE),
        ("The answer is x2.", "2", NONE),
        ("The answer is 1/0.", "1", NONE),
        # nothing stated
        ("", "18", NONE),
        ("I do not know.", "18", NONE),
        ("The answer is unknown.", "18", NONE),
        (r"It is 18, so \boxed{}", "18", NONE),
        ("18", "eighteen", "unreadable_gold"),
    ],
)
def test_numeric(answer: str, gold: str, outcome: str) -> None:
    assert grading.grade(answer, gold, "numeric").outcome == outcome


@pytest.mark.parametrize(
    ("answer", "gold", "outcome"),
    [
        (r"\boxed{\frac{9}{7}}", r"\dfrac97", RIGHT),
        (r"\boxed{\dfrac97}", r"\frac{9}{7}", RIGHT),
        (r"\boxed{x=5}", "5", RIGHT),
        (r"\boxed{2x+3}", "3+2x", RIGHT),
        (r"\boxed{p - q}", "-q + p", RIGHT),
        (r"\boxed{\sqrt{4}}", "2", RIGHT),
        (r"\boxed{5,3}", "3,5", RIGHT),
        (r"\boxed{90^\circ}", "90", RIGHT),
        (r"\boxed{1,000}", "1000", RIGHT),
        (r"\boxed{50}", r"50\%", RIGHT),
        (r"\boxed{\text{Evelyn}}", r"\text{Evelyn}", RIGHT),
        ("The answer is $\\frac{1}{2}$.", "0.5", RIGHT),
        (r"\boxed{7} so \boxed{\frac{\sqrt{3}}{2}}", r"\frac{\sqrt{3}}{2}", RIGHT),
        (r"\boxed{\frac{7}{9}}", r"\dfrac97", WRONG),
        (r"\boxed{50}", r"5\%", WRONG),
        (r"\boxed{\text{Carla}}", r"\text{Evelyn}", WRONG),
        (r"\boxed{q - p}", "p - q", WRONG),
        (r"\boxed{(1,2)}", "(2,1)", WRONG),
        (r"\boxed{[1,2)}", "[1,2]", WRONG),
        (r"\boxed{y=2x+3}", "y=2x+4", WRONG),  # equations once compared as 0 = 0
        (r"\boxed{2x+3=7}", "x=5", WRONG),
        (r"\boxed{A}", "B", WRONG),
        (r"\boxed{0.333}", r"\frac13", WRONG),
        (r"\boxed{1 \pm 2}", "3", WRONG),
        ("First we add 5 and get 7", "7", WRONG),  # an unfinished trace is not its last number
        (r"\boxed{}", "3", NONE),
        ("", "3", NONE),
        ("3", r"\text{}", "unreadable_gold"),
    ],
)
def test_math(answer: str, gold: str, outcome: str) -> None:
    assert grading.grade(answer, gold, "math").outcome == outcome


ANIMALS = ("a heron", "a toad", "A", "not a bird")
SIZES = ("3", "4", "12")


@pytest.mark.parametrize(
    ("answer", "gold", "choices", "outcome"),
    [
        ("the correct answer is answer3", "answer3", (), RIGHT),
        ("The answer is answer 3.", "C", (), RIGHT),
        ("solution2", "solution2", (), RIGHT),
        ("option1", "option2", (), WRONG),
        ("(C)", "C", (), RIGHT),
        ("C", "answer3", (), RIGHT),
        ("C.", "C", (), RIGHT),
        ("C) a toad", "C", (), RIGHT),
        ("**C**", "C", (), RIGHT),
        (r"\boxed{C}", "C", (), RIGHT),
        (r"\boxed{\text{C}}", "C", (), RIGHT),
        (r"First \boxed{A}, but no: \boxed{C}", "C", (), RIGHT),
        ("A looks right. The answer is C.", "C", (), RIGHT),
        ("A looks right. The answer is C.", "A", (), WRONG),
        ("Answer1 seems off. The answer is C.", "answer1", (), WRONG),
        ("I think it is C", "C", (), RIGHT),
        ("The answer is A because it floats.", "A", (), RIGHT),
        ("The answer is a toad.", "B", ANIMALS, RIGHT),
        ("The answer is a toad.", "a toad", ANIMALS, RIGHT),
        ("The answer is a heron.", "B", ANIMALS, WRONG),
        ("The answer is (B) a toad.", "B", ANIMALS, RIGHT),
        ("The answer is not a bird.", "D", ANIMALS, RIGHT),
        ("The answer is 2.", "B", ANIMALS, RIGHT),
        ("The answer is 2.", "B", (), RIGHT),
        ("The answer is 12.", "C", SIZES, RIGHT),
        # named twice, denied, or not named at all
        ("The answer is B or C.", "B", (), NONE),
        ("answer1 and answer2", "answer1", (), NONE),
        ("The answer is 3.", "C", SIZES, NONE),  # the third option, or the one that says 3?
        ("The answer is 3.", "A", SIZES, NONE),
        ("The answer is not B.", "B", (), NONE),
        ("not answer1", "answer1", (), NONE),
        ("A heavier object falls faster", "A", (), NONE),  # an article
        ("I am not sure", "I", (), NONE),  # a pronoun
        ("I don't know", "I", (), NONE),
        ("The answer is 7.", "B", ANIMALS, NONE),
        ("DNA", "A", (), NONE),
        ("a bear", "A", ("a bee", "a cat"), NONE),
        ("", "A", (), NONE),
        ("The answer is B.", "?", (), "unreadable_gold"),
    ],
)
def test_choice(answer: str, gold: str, choices: tuple[str, ...], outcome: str) -> None:
    asked = question(choices=choices, grader="choice")
    assert grading.grade(answer, gold, "choice", question=asked).outcome == outcome


@pytest.mark.parametrize(
    ("answer", "gold", "outcome"),
    [
        ("the correct answer is true", "true", RIGHT),
        ("True.", "true", RIGHT),
        ("Yes.", "true", RIGHT),
        ("No, the answer is true.", "true", RIGHT),
        ("no", "False", RIGHT),
        (r"\boxed{\text{false}}", "no", RIGHT),
        ("the correct answer is false", "true", WRONG),
        ("true or false", "true", NONE),
        ("The answer is not true.", "true", NONE),
        ("It isn't true", "true", NONE),
        ("Nothing is known.", "false", NONE),
        ("", "true", NONE),
        ("true", "maybe", "unreadable_gold"),
    ],
)
def test_boolean(answer: str, gold: str, outcome: str) -> None:
    assert grading.grade(answer, gold, "boolean").outcome == outcome


@pytest.mark.parametrize(
    ("answer", "gold", "outcome"),
    [
        ("The answer is New  York.", "new york", RIGHT),
        ("*New York*", "New York", RIGHT),
        ("Answer: 'New York'", "New York", RIGHT),
        ("STRASSE", "straße", RIGHT),
        ("The answer is York.", "New York", WRONG),
        ("New York City", "New York", WRONG),
        ("  ", "New York", NONE),
        ("x", " . ", "unreadable_gold"),
    ],
)
def test_exact(answer: str, gold: str, outcome: str) -> None:
    assert grading.grade(answer, gold, "exact").outcome == outcome


def test_unknown_grader_is_answered_with_the_known_ones() -> None:
    with pytest.raises(StageError, match="'fuzzy': unknown; known: boolean, choice, exact, math, numeric"):
        grading.grade("1", "1", "fuzzy")


@pytest.mark.parametrize(
    ("gold", "kind", "readable"),
    [
        ("12", "numeric", True),
        ("twelve", "numeric", False),
        ("3 1/2", "numeric", False),
        ("", "exact", False),
        ("answer3", "choice", True),
        ("both", "choice", False),
        ("maybe", "boolean", False),
        (r"\frac{1}{2}", "math", True),
        (r"\text{Evelyn}", "math", True),
    ],
)
def test_readable_gold(gold: str, kind: str, readable: bool) -> None:
    assert grading.readable(gold, kind) is readable


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_number_is_right_exactly_when_equal(found: int, gold: int) -> None:
    for written in (f"The answer is {found}.", rf"so \boxed{{{found}}}", f"{found:,}", f"It is {found}.00."):
        assert (grading.grade(written, str(gold), "numeric").outcome == RIGHT) is (found == gold)
        assert grading.grade(written, str(found), "numeric").outcome == RIGHT


@pytest.mark.parametrize("kind", ["numeric", "choice", "boolean", "exact"])
@given(
    answer=st.text(max_size=60)
    | st.lists(st.sampled_from("answer is \\boxed{ } - $ 1,2 ² (A) .".split())).map(" ".join)
)
def test_any_text_gets_an_outcome(kind: str, answer: str) -> None:
    assert grading.grade(answer, "1", kind).outcome in (RIGHT, WRONG, NONE, "unreadable_gold")


@pytest.mark.parametrize(
    ("text", "held"),
    [
        (r"\boxed{a}", "a"),
        (r"\boxed{a} \boxed{b}", "b"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{}", ""),
        (r"\boxed{a", None),
        ("no box", None),
    ],
)
def test_boxed(text: str, held: str | None) -> None:
    assert read.boxed(text) == held


def next_digit(gold: str) -> str:
    """`gold` with its first digit changed, never to zero."""
    return re.sub(r"\d", lambda digit: str(int(digit[0]) % 9 + 1), gold, count=1)


def other_of(*labels: str) -> Callable[[str], str]:
    """The label after the gold."""
    return lambda gold: labels[(labels.index(gold) + 1) % len(labels)]


def after_hashes(row: dict[str, Any]) -> str:
    """GSM8K's gold."""
    return str(row["answer"]).partition("####")[2].strip()


def answer(row: dict[str, Any]) -> str:
    """Everyone else's."""
    return str(row["answer"])


ANSWERS = tuple(f"answer{place}" for place in range(1, 6))


@pytest.mark.parametrize(
    ("file", "kind", "gold_of", "changed"),
    [
        ("gsm8k/test.jsonl", "numeric", after_hashes, next_digit),
        ("multiarith/test.json", "numeric", answer, next_digit),
        ("arc_challenge/test.json", "choice", answer, other_of(*ANSWERS)),
        ("boolq/test.json", "boolean", answer, other_of("true", "false")),
        ("piqa/test.json", "choice", answer, other_of("solution1", "solution2")),
        ("winogrande/test.json", "choice", answer, other_of("option1", "option2")),
    ],
)
def test_gold_of_real_sets_is_right_and_another_answer_wrong(
    file: str, kind: str, gold_of: Callable[[dict[str, Any]], str], changed: Callable[[str], str]
) -> None:
    for gold in real_golds(file, gold_of, 200):
        assert grading.grade(f"The answer is {gold}.", gold, kind).outcome == RIGHT
        assert grading.grade(f"The answer is {changed(gold)}.", gold, kind).outcome == WRONG, gold


def test_gold_of_math500_is_right_and_the_next_rows_wrong() -> None:
    golds = real_golds("math500/test.jsonl", answer, 50)
    for gold, other in zip(golds, golds[1:] + golds[:1], strict=True):
        assert grading.grade(f"The answer is ${gold}$.", gold, "math").outcome == RIGHT
        if other.split("=")[-1] != gold.split("=")[-1]:  # 5 is right where x=5 is
            assert grading.grade(f"The answer is ${other}$.", gold, "math").outcome == WRONG, (gold, other)


def real_golds(file: str, gold_of: Callable[[dict[str, Any]], str], most: int) -> list[str]:
    """At most so many golds of one of the shared sets, drawn with a fixed seed."""
    path = SHARED / "questions" / file
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    text = path.read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)
    golds = [gold_of(row) for row in rows]
    return golds[:most] if "math500" in file else random.Random(0).sample(golds, min(most, len(golds)))


@pytest.mark.parametrize(
    ("kind", "answer", "gold", "choices", "wanted"),
    [
        ("numeric", "It costs 3 + 19.5, so the answer is $22.50.", "22.5", (), "$22.50"),
        ("numeric", "First 3, then 1,200", "1200", (), "1,200"),
        ("choice", "The answer is B.", "B", ("red", "blue"), "blue"),
        ("choice", "The answer is B.", "B", (), "B"),
        ("boolean", "The answer is yes.", "true", (), "yes"),
        ("math", "\\boxed{\\frac{1}{2}}", "1/2", (), "\\frac{1}{2}"),
    ],
)
def test_stated_answer_is_in_the_answers_words(
    kind: str, answer: str, gold: str, choices: tuple[str, ...], wanted: str
) -> None:
    asked = question(0, grader=kind, gold=gold, choices=choices)
    verdict = grading.grade(answer, gold, kind, question=asked)
    assert verdict.outcome == "correct"
    assert grading.stated(answer, verdict, asked) == wanted
