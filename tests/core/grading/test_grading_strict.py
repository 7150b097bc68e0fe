"""Answers that a careful person would not accept, though the right value stands in them."""

import pytest

from stages.core import grading
from tests.made import question

# around 18
NUMERIC = [
    *(
        "The answer is 18 million.",
        "The answer is 18k.",
        "The answer is 18 dozen.",
        "The answer is 18 and a half.",
    ),
    *(
        "The answer is half of 18.",
        "The answer is twice 18.",
        "The answer isn't 18.",
        "The answer cannot be 18.",
    ),
    *(
        "It is not true that the answer is 18.",
        "The answer is \u2260 18",
        r"\boxed{y \neq 18}",
        r"\boxed{x != 18}",
    ),
    *(
        "The answer is more than 18.",
        "The answer is at least 18.",
        r"\boxed{x \geq 18}",
        "The answer is \u00b118.",
    ),
    *(
        "The answer is approximately 18.",
        "The answer is 18x.",
        "The answer is 18i.",
        "The answer is 18 pi.",
    ),
    *(
        "The answer is 18/x.",
        "The answer is 18 + x.",
        "The answer is 18!",
        "The answer is 18\u00b2.",
        "The answer is 18 cubed.",
    ),
    *(
        "The answer is sqrt(18).",
        r"\boxed{\log 18}",
        r"\boxed{\frac{18}{x}}",
        r"\boxed{18 + 18}",
        r"\boxed{18 - 18}",
    ),
    *(
        "The answer is 18 \u00b7 18.",
        r"\boxed{\overline{18}}",
        r"\boxed{x = 18 y}",
        r"\boxed{x = 18, y = 6}",
    ),
    *(
        "The answer is x = 5 or x = 18.",
        r"$x = \boxed{5}$ or $x = \boxed{18}$",
        r"\boxed{5}\text{ or }\boxed{18}",
    ),
    *(
        r"-\boxed{18}",
        r"$-\boxed{18}$",
        r"\boxed{18}\pi",
        r"\boxed{18}x",
        r"\boxed{18}^2",
        r"2 + \boxed{18}",
    ),
    *(
        r"\boxed{18} so \boxed 5",
        r"\boxed{18}. Wait, that is wrong.",
        r"\boxed{17} \\boxed{18} \boxed{19",
    ),
    *(
        "The answer is x = - 18",
        r"\boxed{- 18}",
        "The answer is -\u00a318.",
        "The answer is minus 18.",
        "so it is - 18",
    ),
    *(
        "The answer is 18 if x > 2 and 19 otherwise.",
        "The answer is 18. No, 19.",
        "The answer is 18. Wait, it is 19.",
    ),
    *(
        "The answer is 18\n\nWait, that's wrong. I get 19.",
        "The answer is 18 or 19.",
        "The answer is 18 or so.",
        f"The answer is 18{' and' * 200} 19.",
        "so 2^18",
        r"so \sqrt{18}",
    ),
    *(
        "It isn't 18.",
        "I got 18 but that is wrong",
        "so 3 - 18",
        "So it's 18 million.",
        "Is it 18?",
        "It is between 5 and 18.",
    ),
    *("<think>a</think> hmm <think> so 18", "The answer is " + "1" * 4000 + "." + "1" * 4000),
]


@pytest.mark.parametrize("answer", NUMERIC)
def test_number(answer: str) -> None:
    assert grading.grade(answer, "18", "numeric").outcome in ("wrong", "no_answer")


@pytest.mark.parametrize(
    "gold", ["2^18", "between 5 and 18", "3 or 18", "18x", "18 million", "eighteen", ""]
)
def test_gold_that_is_not_one_number_is_unreadable(gold: str) -> None:
    assert grading.grade("The answer is 18.", gold, "numeric").outcome == "unreadable_gold"


ANIMALS = ("a cat", "a heron", "a toad")
CHOICE = [
    *(
        "It isn't B.",
        "It can't be B.",
        "The answer is not **B**.",
        r"The answer is not \text{B}.",
        "NOT B",
        "not answer B",
    ),
    *(
        "It is definitely not option B.",
        "everything except B",
        "B is wrong.",
        "I ruled out B",
        "B or a cat",
        "answer2 or C",
    ),
    *(
        "It is not true that the answer is B.",
        "B, or maybe a cat",
        "(B) a toad",
        "Vitamin B is needed",
        "hepatitis B.",
    ),
    *(
        "Plan B",
        "The answer is B or C.",
        "Is it B?",
        "The answer is B. Wait, it is C.",
        "Solution 2 does not work.",
        "(A) or (B)",
    ),
]


@pytest.mark.parametrize("answer", CHOICE)
def test_choice(answer: str) -> None:
    asked = question(choices=ANIMALS, grader="choice")
    assert grading.grade(answer, "B", "choice", question=asked).outcome in ("wrong", "no_answer")


@pytest.mark.parametrize(
    ("answer", "gold", "choices", "outcome"),
    [
        ("(B)", "B", ("B", "A", "C"), "correct"),  # a label first, then a text
        ("(A)", "A", ("B", "A", "C"), "correct"),
        ("A", "A", ("B", "A", "C"), "no_answer"),  # the first option, or the one that says A?
        ("F", "F", ("a", "b"), "unreadable_gold"),
        ("F", "A", ("a", "b"), "no_answer"),
        ("(B) Vitamin D.", "B", ("Vitamin C", "Vitamin D"), "correct"),
        ("B. Plan C", "B", ("Plan A", "Plan C"), "correct"),
        ("b", "B", ANIMALS, "correct"),
        ("(c)", "C", ANIMALS, "correct"),
        (r"\boxed{\text{a toad}}", "C", ANIMALS, "correct"),
        ("B because A is not a bird", "B", ANIMALS, "correct"),
        ("The answer is B, not C.", "B", ANIMALS, "correct"),
        ("The answer is a toad, not a cat.", "C", ANIMALS, "correct"),
        ("It must be the third: a toad", "C", ANIMALS, "correct"),
    ],
)
def test_choice_of_unusual_options(
    answer: str, gold: str, choices: tuple[str, ...], outcome: str
) -> None:
    asked = question(choices=choices, grader="choice")
    assert grading.grade(answer, gold, "choice", question=asked).outcome == outcome


TRUE = [
    *(
        "Is it true?",
        "the true number is 5",
        "It cannot be true",
        "It is far from true.",
        "It is hardly true.",
        "not yes",
    ),
    *(
        r"\neg true",
        "I don't think the answer is true",
        "not at all true",
        "true or false",
        "The answer is true. Wait, no.",
    ),
]
FALSE = [
    *("I have no idea.", "There is no answer.", "no evidence", "There is no doubt that it is so."),
    *("There is no limit, which means the claim holds.", "No one knows."),
]


@pytest.mark.parametrize(
    ("answer", "gold"), [(text, "true") for text in TRUE] + [(text, "false") for text in FALSE]
)
def test_boolean(answer: str, gold: str) -> None:
    assert grading.grade(answer, gold, "boolean").outcome in ("wrong", "no_answer")


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("No. It is not true.", "false"),
        ("Yes, because no one objects", "true"),
        ("true, not false", "true"),
        ("**Yes**", "true"),
    ],
)
def test_boolean_that_gives_reasons(answer: str, gold: str) -> None:
    assert grading.grade(answer, gold, "boolean").outcome == "correct"


@pytest.mark.parametrize(
    ("answer", "gold", "right"),
    [
        (r"\boxed{\text{Paris}}", "Paris", True),
        ("Paris!", "Paris", True),
        (".5", "5", False),
        ("not Paris", "Paris", False),
    ],
)
def test_exact(answer: str, gold: str, right: bool) -> None:
    assert (grading.grade(answer, gold, "exact").outcome == "correct") is right


MATH = [  # (answer, gold)
    *(
        (f"The answer is {text}.", "5")
        for text in ("not $5$", "either $5$ or 6", "-$5$", "half of $5$", "less than $5$")
    ),
    *(
        (f"The answer is {text}.", "5")
        for text in ("$5$ million", "undefined at $5$", "$5 or $6", "5 times pi", "5 squared")
    ),
    *(
        (text, "5")
        for text in (
            "x is not $5$",
            "Hence $5$ is not a solution.",
            r"\boxed{5\text{ million}}",
            r"\boxed{5} or 6",
        )
    ),
    *(
        (rf"\boxed{{{text}}}", "5")
        for text in ("5xy", "5 minus x", "5 over x", "cos x = 5", "5 in base nine", r"\pm 5")
    ),
    *(
        (rf"\boxed{{{text}}}", "5")
        for text in (r"5\text{ or less}", "5!", "x > 5", r"x \neq 5", r"\sqrt{5}", "5, 5, 6")
    ),
    *(
        (rf"\boxed{{{text}}}", "(0,100)")
        for text in ("100", "0100", "(0, 10)", "0,100", r"\{0,100\}", "[0,100]", "(100,0)")
    ),
    *(
        (rf"\boxed{{{text}}}", r"\{1,2\}")
        for text in ("(1,2)", "(2,1)", "[1,2]", "12", "1", "1,2,3")
    ),
    *((rf"\boxed{{{text}}}", "2k") for text in ("2", "2m", "2K", "k", "k^2")),
    *(
        ("The solutions are $x=3$ and $x=4$.", "4"),
        ("So $x = 3$ or $x = 4$.", "4"),
        ("The roots are $1$, $2$, and $3$.", "3"),
    ),
    *(
        (r"\boxed{3cd}", "3ac"),
        (r"\boxed{a_2}", "a_1"),
        (r"\boxed{0}", "0.00000000000015"),
        (r"\boxed{\pm 1 \pm \sqrt{2}}", r"1 \pm \sqrt{2}"),
    ),
    *(
        (r"\boxed{ab}", r"\text{ba}"),
        (r"\boxed{1+\sqrt{2}, -1-\sqrt{2}}", r"\pm 1 \pm \sqrt{2}"),
        (r"\boxed{O'Neill}", r"\text{O'Brien}"),
    ),
]


@pytest.mark.parametrize(("answer", "gold"), MATH)
def test_mathematics(answer: str, gold: str) -> None:
    assert grading.grade(answer, gold, "math").outcome in ("wrong", "no_answer")


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        (r"\boxed{(0,100)}", "(0, 100)"),
        (r"\boxed{(0, 100)}", "(0,100)"),
        ("The solutions are $x=3$ and $x=4$.", "3, 4"),
        ("The roots are $1$, $2$, and $3$.", "1,2,3"),
        (r"$x = \boxed{3}$ or $x = \boxed{4}$", "3, 4"),
        ("The answer is $5$ dollars.", "5"),
        (r"\boxed{yx}", "xy"),
        (r"\boxed{5\text{ m}}", "5"),
        (r"\boxed{O'Brien}", r"\text{O'Brien}"),
        (r"\boxed{\text{non-real}}", r"\text{non-real}"),
        (r"\boxed{1+\sqrt2, 1-\sqrt2, -1+\sqrt2, -1-\sqrt2}", r"\pm 1 \pm \sqrt{2}"),
        (r"\boxed{2 \text{ km/h}}", "2"),
        (r"\boxed{1,234,567}", "1234567"),
    ],
)
def test_mathematics_in_other_words(answer: str, gold: str) -> None:
    assert grading.grade(answer, gold, "math").outcome == "correct"


def test_unknown_grader_after_mathematics_is_named() -> None:
    rows = [(r"\boxed{1}", "1", "math", None), ("1", "1", "fuzzy", None)]
    with pytest.raises(grading.StageError, match="'fuzzy': unknown"):
        list(grading.grade_many(rows))
