"""How many steps of a solution a shorter text keeps."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.asking.engines import scripted
from stages.core.targets.compressors.extractive import Extractive, compress
from stages.core.targets.steps import StepCounts, StepsKept, steps_kept

HALTING = scripted.ScriptedSettings(wrong_rate=0, false_start_rate=0.5, check_rate=1)
QUESTION = "Calculate 12 + 40 - 7."
REASONING = """Okay, I have to work out 12 + 40 - 7.
I think 12 + 40 = 42. Wait, that does not look right.
First, 12 + 40 = 52.
Then, 52 - 7 = 45.
Let me check it backwards: 45 + 7 = 52. That fits what I had.
So the result is 45."""
# By no teacher of ours
SHIRTS = "A shop sells 6 shirts at 15 dollars and 3 hats at 9 dollars. What does it take in?"
SHOP = """The shirts first. 6 * 15 = 90 dollars.
Hats: maybe 3 * 10 = 30? No, 3 * 9 = 27 dollars.
Together they are 90 + 27 = 117 dollars."""


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (REASONING, 2),
        ("12 + 40 = 52.\n52 - 7 = 45.", 2),
        ("12 + 40 = 52 - 7 = 45", 2),
        ("1. 12+40=52\n2. 52\u22127=45", 2),
        ("52 - 7 = 45, because 12 + 40 = 52.", 2),
        ("So 52 - 7 = 45.", 1),
        ("7 = 45.", 0),
        ("12 + 40 = 42.", 0),
        ("112 + 40 = 52; 12 + 40 = 520; 12 + 40 = 52.5; 3.12 + 40 = 52", 0),
        ("The result is 45.", 0),
        ("", 0),
    ],
)
def test_steps_of_the_scripted_teacher_are_counted_by_their_equations(text: str, kept: int) -> None:
    assert steps_kept(QUESTION, REASONING, "45", text) == StepsKept(2, kept, exact=True)


@pytest.mark.parametrize(
    ("text", "kept"),
    [(SHOP, 3), ("90 and 27 make 117.", 3), ("90 + 27 = 117", 3), ("= 117 dollars.", 1), ("", 0)],
)
def test_numbers_that_the_solution_derives_are_counted_for_others(text: str, kept: int) -> None:
    assert steps_kept(SHIRTS, SHOP, "117", text) == StepsKept(3, kept, exact=False)


def test_other_steps_to_a_question_that_the_script_can_read_are_counted_by_numbers() -> None:
    own_way = "40 - 7 = 33. So 12 + 33 = 45."
    assert steps_kept(QUESTION, own_way, "45", "12 + 33 = 45") == StepsKept(2, 2, exact=False)


@pytest.mark.parametrize(
    ("question", "reasoning", "stated"),
    [
        ("Which city?", "Canberra hosts parliament. So it is Canberra.", "Canberra"),
        ("What is 5?", "It is 5.", "5"),
        ("Solve for x: 1*x = 3", "So x is 3.", "3"),
        ("", "", ""),
    ],
)
def test_nothing_is_measured_where_no_step_is_known(
    question: str, reasoning: str, stated: str
) -> None:
    assert steps_kept(question, reasoning, stated, reasoning) is None


@given(
    numbers=st.lists(st.integers(2, 99), min_size=2, max_size=5),
    operator=st.sampled_from("+-*"),
    seed=st.integers(0, 999),
)
def test_all_steps_of_a_script_are_found_in_it(
    numbers: list[int], operator: str, seed: int
) -> None:
    """Whatever its false starts and checks are, and in what `extractive` keeps of it too."""
    question = f" {operator} ".join(map(str, numbers)) + " ="
    reasoning, answer = scripted.write(question, HALTING, seed)
    stated = answer.removeprefix("The answer is ").rstrip(".")
    steps = scripted.solve(question, random.Random(0), 0).steps
    kept = steps_kept(question, reasoning, stated, reasoning)
    distinct = {(step.left.rpartition("= ")[2], step.value) for step in steps}
    assert kept == StepsKept(len(distinct), len(distinct), exact=True)
    short = compress(question, reasoning, stated, Extractive(ratio=0.3))
    shorter = steps_kept(question, reasoning, stated, short)
    assert shorter is not None
    assert shorter.kept <= kept.kept


def test_shares_are_means_over_what_is_measured() -> None:
    counts = StepCounts()
    for kept in (StepsKept(2, 1, exact=True), StepsKept(4, 4, exact=False), None):
        counts.add("sums", kept)
    assert counts.of("sums") == {
        "steps": 3.0,
        "steps_kept": 0.75,
        "steps_measured": 2,
        "steps_exact": 1,
    }
    assert counts.of("words") == {
        "steps": None,
        "steps_kept": None,
        "steps_measured": 0,
        "steps_exact": 0,
    }
