"""What counts as right. A false accept is worse than a false reject: it teaches, and reports, a
wrong answer.
"""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core import grading
from stages.core.grading import readability
from stages.core.grading.statement import boxes
from stages.core.program.errors import StageError
from tests.made import question

RIGHT, WRONG, NONE = "correct", "wrong", "no_answer"
COLUMN = r"\begin{pmatrix} -2 \\ -14 \\ -7 \end{pmatrix}"
SCRAPS = "answer is \\boxed{ } - $ 1,2 ² (A) . \\frac _ ^ = or \\text{ } x".split()


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
        ("The answer is 42, which is 6 times 7.", "42", RIGHT),  # the first clause
        ("The answer is 42, which is 6 times 7.", "7", WRONG),
        ("The answer is not 18.", "18", NONE),
        (r"\boxed{2 \times 10^{5}}", "5", WRONG),
        (r"\boxed{5\pi}", "5", NONE),
        (r"\boxed{\sqrt{16}}", "16", NONE),
        ("The answer is 1e5.", "1", WRONG),
        ("The answer is 1e5.", "100000", RIGHT),
        (r"\boxed{2 \times 10^{5}}", "200000", RIGHT),
        ("The answer is 3 1/2.", "1/2", WRONG),
        ("The answer is 3 1/2.", "3.5", RIGHT),
        (r"\boxed{-3\frac{1}{2}}", "-7/2", RIGHT),
        ("The answer is 3\u00bd cups.", "3.5", RIGHT),
        ("The answer is 5:30.", "30", NONE),
        # several different answers
        ("The answer is 5 or 6.", "5", NONE),
        ("The answer is between 5 and 6.", "6", NONE),
        (r"$\boxed{5}$ or $\boxed{6}$", "6", NONE),
        ("The answer is 5, that is 5.", "5", RIGHT),
        ("The answer is 5, not 6.", "5", RIGHT),
        # units
        ("The answer is 18 km^2.", "18", RIGHT),
        ("The answer is \u20ac18.", "18", RIGHT),
        ("The answer is 3 x^2.", "3", NONE),
        ("The result is 18.", "18", RIGHT),
        ("The answer to the second question is 18.", "18", RIGHT),
        ("The result is 7. So the answer is 18.", "18", RIGHT),
        # the thinking is not graded
        ("<think>The answer is 18.</think> The answer is 17.", "18", WRONG),
        ("<think>The answer is 18.", "18", NONE),
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
        ("x = 5", "x=5", RIGHT),
        (r"\boxed{5}", "x=5", RIGHT),
        (r"\boxed{y=5}", "x=5", WRONG),
        (r"\boxed{2x+3}", "3+2x", RIGHT),
        (r"\boxed{p - q}", "-q + p", RIGHT),
        (r"\boxed{\sqrt{4}}", "2", RIGHT),
        (r"\boxed{5,3}", "3,5", RIGHT),
        (r"\boxed{90^\circ}", "90", RIGHT),
        (r"\boxed{90}", r"90^\circ", RIGHT),
        (r"\boxed{90\text{ degrees}}", r"90^\circ", RIGHT),
        (r"\boxed{1,000}", "1000", RIGHT),
        (r"\boxed{50}", r"50\%", RIGHT),
        (r"\boxed{50\%}", "50", RIGHT),
        (r"\boxed{\text{Evelyn}}", r"\text{Evelyn}", RIGHT),
        ("The answer is Evelyn.", r"\text{Evelyn}", RIGHT),
        ("The answer is neve.", r"\text{even}", WRONG),
        (r"\boxed{neve}", r"\text{even}", WRONG),
        (r"The answer is $\frac{1}{2}$.", "0.5", RIGHT),
        ("The answer is 1/2.", "0.5", RIGHT),
        (r"\boxed{3,5,7}", "3, 5, 7", RIGHT),
        (r"\boxed{3,5}", "3, 5, 7", WRONG),
        (r"\boxed{3}", "3, 5, 7", WRONG),
        (r"\boxed{3, 5, 7, 9}", "3, 5, 7", WRONG),
        ("The answers are 3, 5 and 7.", "3, 5, 7", RIGHT),
        ("The answer is $3$, $5$ and $7$.", "3, 5, 7", RIGHT),
        (r"$\boxed{1}$ and $\boxed{-2}$", "1,-2", RIGHT),
        (r"\boxed{1 \text{ or } -2}", "1,-2", RIGHT),
        (r"\boxed{x=1,x=-2}", "1,-2", RIGHT),
        (r"\boxed{x=1}", "1,-2", WRONG),
        (r"\boxed{-2, 1}", "1,-2", RIGHT),
        (r"\boxed{5 or 6}", "5", WRONG),
        (r"\boxed{5; 6}", "5", WRONG),
        (r"\boxed{5 6}", "5", WRONG),
        (r"\boxed{\text{not } 5}", "5", WRONG),
        (r"\boxed{5 \neq 6}", "5", WRONG),
        ("The answer is about 5.", "5", NONE),
        (r"\boxed{5 to 6}", "5", WRONG),
        (r"\boxed{5-6}", "5", WRONG),
        ("The answer is 5, not 6.", "5", RIGHT),
        (r"\boxed{1\frac{4}{5}}", r"1\frac{4}{5}", RIGHT),
        (r"\boxed{\frac{9}{5}}", r"1\frac{4}{5}", RIGHT),
        (r"\boxed{1.8}", r"1\frac{4}{5}", RIGHT),
        (r"\boxed{1 4/5}", r"1\frac{4}{5}", RIGHT),
        (r"\boxed{\frac{4}{5}}", r"1\frac{4}{5}", WRONG),
        (r"\boxed{137.5}", r"137 \frac{1}{2}", RIGHT),
        (r"\boxed{52_8}", "52_8", RIGHT),
        (r"\boxed{52}", "52_8", RIGHT),
        (r"\boxed{42}", "52_8", WRONG),
        (r"\boxed{52_{9}}", "52_8", WRONG),
        (r"\boxed{10}", "10_2", RIGHT),
        (r"\boxed{2}", "10_2", WRONG),
        (r"\boxed{10_2}", "2", WRONG),
        (r"\boxed{10_2}", "10", WRONG),
        ("The answer is 4210 (base 5).", "4210_{5}", RIGHT),
        (r"\boxed{4210_{\text{five}}}", "4210_{5}", RIGHT),
        (r"\boxed{.0000673}", ".0000672", WRONG),
        (r"\boxed{6.72 \times 10^{-5}}", ".0000672", RIGHT),
        (r"\boxed{0.0000672}", ".0000672", RIGHT),
        (r"\boxed{(1,2)}", "(2,1)", WRONG),
        (r"\boxed{[1,2)}", "[1,2]", WRONG),
        (r"\boxed{(1,2)}", "[1,2]", WRONG),
        (r"\boxed{[1,2]}", "[1,2]", RIGHT),
        (r"\boxed{(3,4]}", "(3,4]", RIGHT),
        (r"\boxed{\left(3,4\right]}", "(3,4]", RIGHT),
        (r"\boxed{(1, 2)}", "1,2", WRONG),
        (r"\boxed{1,2}", "(1,2)", WRONG),
        (r"\boxed{x \in [-2,7]}", r"x \in [-2,7]", RIGHT),
        (r"\boxed{[-2,7]}", r"x \in [-2,7]", RIGHT),
        (r"\boxed{[-2,8]}", r"x \in [-2,7]", WRONG),
        (r"\boxed{-2 \le x \le 7}", r"x \in [-2,7]", RIGHT),
        (r"\boxed{(-\infty,2)\cup(3,\infty)}", r"(-\infty, 2) \cup (3, \infty)", RIGHT),
        (r"\boxed{(3,\infty)\cup(-\infty,2)}", r"(-\infty, 2) \cup (3, \infty)", RIGHT),
        (r"\boxed{(-\infty,2]\cup(3,\infty)}", r"(-\infty, 2) \cup (3, \infty)", WRONG),
        (r"\boxed{\{1,2\}}", "1,2", RIGHT),
        (r"\boxed{\{2,1\}}", r"\{1,2\}", RIGHT),
        (r"\boxed{\{1\pm\sqrt{5},-2\}}", r"\{1\pm\sqrt{5},-2\}", RIGHT),
        (r"\boxed{1+\sqrt5,1-\sqrt5,-2}", r"\{1\pm\sqrt{5},-2\}", RIGHT),
        (r"\boxed{1 \pm \sqrt{19}}", r"1 \pm \sqrt{19}", RIGHT),
        (r"\boxed{1 + \sqrt{19}, 1-\sqrt{19}}", r"1 \pm \sqrt{19}", RIGHT),
        (r"\boxed{1 + \sqrt{19}}", r"1 \pm \sqrt{19}", WRONG),
        (r"\boxed{1 \pm 2}", "3", WRONG),
        (r"\boxed{y=2x+3}", "y=2x+4", WRONG),
        (r"\boxed{y=2x+3}", "y = 2x + 3", RIGHT),
        (r"\boxed{2x+3}", "y = 2x + 3", RIGHT),
        (r"\boxed{2x-y+3=0}", "y = 2x + 3", RIGHT),
        (r"\boxed{2y=4x+6}", "y = 2x + 3", RIGHT),
        (r"\boxed{x=2y+3}", "y = 2x + 3", WRONG),
        (r"\boxed{2x+3=7}", "x=5", WRONG),
        (r"\boxed{5x - 7y + 11z + 4 = 0}", "5x - 7y + 11z + 4 = 0", RIGHT),
        (r"\boxed{-5x + 7y - 11z - 4 = 0}", "5x - 7y + 11z + 4 = 0", RIGHT),
        (r"\boxed{5x - 7y + 11z - 4 = 0}", "5x - 7y + 11z + 4 = 0", WRONG),
        (r"\boxed{x^2+1=0}", "x^2+2=0", WRONG),
        (r"\boxed{5x - 7y + 11z + 4}", "5x - 7y + 11z + 4 = 0", WRONG),
        (
            r"\boxed{\begin{pmatrix} -2 \\ -14 \\ -7 \end{pmatrix}}",
            r"\begin{pmatrix} -2 \\ -14 \\ -7 \end{pmatrix}",
            RIGHT,
        ),
        (
            r"\boxed{\begin{bmatrix} -2 \\ -14 \\ -7 \end{bmatrix}}",
            r"\begin{pmatrix} -2 \\ -14 \\ -7 \end{pmatrix}",
            RIGHT,
        ),
        (
            r"\boxed{\begin{pmatrix} -2 \\ 14 \\ -7 \end{pmatrix}}",
            r"\begin{pmatrix} -2 \\ -14 \\ -7 \end{pmatrix}",
            WRONG,
        ),
        (
            r"\boxed{\begin{pmatrix} -1 & 0 \\ 0 & 1 \end{pmatrix}}",
            r"\begin{pmatrix} -1 & 0 \\ 0 & -1 \end{pmatrix}",
            WRONG,
        ),
        (r"\boxed{\$18.90}", r"\$18.90", RIGHT),
        ("The answer is $18.90.", r"\$18.90", RIGHT),
        (r"\boxed{18.9}", r"\$18.90", RIGHT),
        (r"\boxed{5.4}", r"5.4 \text{ cents}", RIGHT),
        ("The answer is 5.4 cents.", r"5.4 \text{ cents}", RIGHT),
        (r"\boxed{864 \text{ in}^2}", r"864 \mbox{ inches}^2", RIGHT),
        ("The answer is 864 square inches.", r"864 \mbox{ inches}^2", RIGHT),
        (r"\boxed{15}", r"15\mbox{ cm}^2", RIGHT),
        (r"\boxed{225}", r"15\mbox{ cm}^2", WRONG),
        (r"\boxed{10080}", r"10,\!080", RIGHT),
        (r"\boxed{11,111,111,100}", r"11,\! 111,\! 111,\! 100", RIGHT),
        (r"\boxed{58500}", "58,500", RIGHT),
        ("The answer is C.", r"\text{(C)}", RIGHT),
        ("The answer is (C).", r"\text{(C)}", RIGHT),
        (r"\boxed{B}", r"\text{(C)}", WRONG),
        (r"\boxed{\textbf{(C)}}", r"\text{(C)}", RIGHT),
        (r"\boxed{\frac{7}{9}}", r"\dfrac97", WRONG),
        (r"\boxed{50}", r"5\%", WRONG),
        (r"\boxed{q - p}", "p - q", WRONG),
        (r"\boxed{A}", "B", WRONG),
        (r"\boxed{0.333}", r"\frac13", WRONG),
        (r"\boxed{0.333333}", r"\frac13", WRONG),
        (r"\boxed{6-5i}", "6 - 5i", RIGHT),
        (r"\boxed{6+5i}", "6 - 5i", WRONG),
        ("First we add 5 and get 7", "7", NONE),
        (r"\boxed{}", "3", NONE),
        ("", "3", NONE),
        ("3", r"\text{}", "unreadable_gold"),
        ("The answer is 5 because $2+3=5$.", "5", RIGHT),
        ("The answer is $x=5$ since $2+3=5$.", "5", RIGHT),
        ("Therefore $x = 18$.", "18", RIGHT),
        ("We get\n\n$$x = 18$$", "18", RIGHT),
        ("The answer is:\n\n$$\n18\n$$\n", "18", RIGHT),
        ("The answer is:\n\\[\n\\frac{1}{2}\n\\]", "0.5", RIGHT),
        (r"\boxed{\cot x}", r"\cot x", RIGHT),
        (r"\boxed{\frac{\cos x}{\sin x}}", r"\cot x", RIGHT),
        (r"\boxed{\tan x}", r"\cot x", WRONG),
        (r"\boxed{(b+2)(a+5)}", "(a+5)(b+2)", RIGHT),
        (r"\boxed{ab+2a+5b+10}", "(a+5)(b+2)", RIGHT),
        (r"\boxed{k}", "k", RIGHT),
        (r"\boxed{2k}", "2k", RIGHT),
        (r"\boxed{2K}", "2k", WRONG),
        (r"\boxed{\pi}", r"\pi", RIGHT),
        (r"\boxed{3.14159}", r"\pi", WRONG),
        (r"\boxed{288\pi}", r"288 \pi", RIGHT),
        (r"\boxed{288\pi \text{ cm}^3}", r"288 \pi", RIGHT),
        ("The answer is 12 + 6 = 18.", "18", RIGHT),
        (r"\boxed{\text{Area} = 5}", "5", RIGHT),
        (r"\boxed{\frac{270}{7}^\circ}", r"\frac{270}7\text{ degrees}", RIGHT),
        (r"\boxed{\frac{270}{7}}", r"\frac{270}7\text{ degrees}", RIGHT),
        (r"\boxed{(2,12) \cup (12,102)}", r"(2,12) \cup (12,102)", RIGHT),
        ("#### 18", "18", RIGHT),
        ("So we get 18 apples.\n#### 18", "18", RIGHT),
        (r"<think> \boxed{5}", "5", NONE),
        (r"<think> no </think> \boxed{5}", "5", RIGHT),
        (r"The final answer is: $\boxed{5}$. I hope it is correct.", "5", RIGHT),
        ("The answer is five.", "5", RIGHT),
        (r"\boxed{5!}", "120", RIGHT),
        (r"\boxed{2^{10}}", "1024", RIGHT),
        (r"\boxed{\binom{5}{2}}", "10", RIGHT),
        (r"\boxed{1e3}", "1000", RIGHT),
        # in sentences
        ("So x = 5.", "5", RIGHT),
        ("Therefore, the value of x is 5.", "5", RIGHT),
        ("x = 5 or x = 7", "7", WRONG),
        ("x = 5 or x = 7", "5, 7", RIGHT),
        ("x is not 5", "5", NONE),
        ("We have $a = 3$.\nHence the sum is $5$.", "5", RIGHT),
        (r"\boxed{864 \text{ ft}^3}", r"864 \mbox{ inches}^2", WRONG),
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
        ("The answer is not true.", "true", WRONG),
        ("It isn't true", "true", WRONG),
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
        ("The Hague", "hague", RIGHT),
        ("  ", "New York", NONE),
        ("x", " . ", "unreadable_gold"),
    ],
)
def test_exact(answer: str, gold: str, outcome: str) -> None:
    assert grading.grade(answer, gold, "exact").outcome == outcome


def test_unknown_grader_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        StageError, match="'fuzzy': unknown; known: boolean, choice, exact, math, numeric"
    ):
        grading.grade("1", "1", "fuzzy")


@pytest.mark.parametrize(
    ("gold", "kind", "readable"),
    [
        ("12", "numeric", True),
        ("twelve", "numeric", False),
        ("3 1/2", "numeric", True),
        ("3 or 4", "numeric", False),
        ("", "exact", False),
        ("answer3", "choice", True),
        ("both", "choice", False),
        ("maybe", "boolean", False),
        (r"\frac{1}{2}", "math", True),
        (r"\frac{1}{", "math", False),
        (r"\text{Evelyn}", "math", True),
    ],
)
def test_readable_gold(gold: str, kind: str, readable: bool) -> None:
    assert list(readability.readable([question(gold=gold, grader=kind)])) == [readable]


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_number_is_right_exactly_when_equal(number: int, gold: int) -> None:
    for written in (
        f"The answer is {number}.",
        rf"so \boxed{{{number}}}",
        f"{number:,}",
        f"It is {number}.00.",
    ):
        assert (grading.grade(written, str(gold), "numeric").outcome == RIGHT) is (number == gold)
        assert grading.grade(written, str(number), "numeric").outcome == RIGHT


FORMULAS = st.recursive(
    st.integers(0, 99).map(str) | st.sampled_from(["x", r"\pi", "0.5", "n"]),
    lambda part: (
        st.tuples(part, part).map(lambda pair: rf"\frac{{{pair[0]}}}{{{pair[1]}}}")
        | st.tuples(part, st.sampled_from("+-"), part).map(" ".join)
        | part.map(lambda radicand: rf"\sqrt{{{radicand}}}")
        | st.tuples(part, part).map(lambda pair: f"({pair[0]}, {pair[1]})")
    ),
    max_leaves=4,
)


@settings(deadline=None, max_examples=60)
@given(formula=FORMULAS, gold=FORMULAS)
def test_mathematics_ignores_spacing_and_the_kind_of_fraction(formula: str, gold: str) -> None:
    plain = grading.grade(rf"\boxed{{{formula}}}", gold, "math").outcome
    spaced = re.sub(r"(?<=[+\-(),])|(?=[+\-(),])", " ", formula)
    for other in (spaced, formula.replace(r"\frac", r"\dfrac"), rf"\, {formula} \;"):
        assert grading.grade(rf"\boxed{{{other}}}", gold, "math").outcome == plain, other
    assert (
        grading.grade(rf"\boxed{{{formula}}}", gold.replace(r"\frac", r"\dfrac"), "math").outcome
        == plain
    )


@settings(deadline=None, max_examples=60)
@given(formula=FORMULAS, gold=FORMULAS)
def test_equality_goes_both_ways(formula: str, gold: str) -> None:
    outcome = grading.grade(rf"\boxed{{{formula}}}", gold, "math").outcome
    other_outcome = grading.grade(rf"\boxed{{{gold}}}", formula, "math").outcome
    if "unreadable_gold" not in (outcome, other_outcome):
        assert (outcome == RIGHT) == (other_outcome == RIGHT)


@settings(deadline=None)
@pytest.mark.parametrize("kind", ["numeric", "math", "choice", "boolean", "exact"])
@given(
    answer=st.text(max_size=60)
    | st.lists(
        st.sampled_from("answer is \\boxed{ } - $ 1,2 ² (A) . \\frac _ ^ = or \\text{ } x".split())
    ).map(" ".join)
)
def test_any_text_gets_an_outcome(kind: str, answer: str) -> None:
    assert grading.grade(answer, "1", kind).outcome in (RIGHT, WRONG, NONE, "unreadable_gold")


@pytest.mark.parametrize(
    ("text", "held"),
    [
        (r"\boxed{a}", "a"),
        (r"\boxed{a} \boxed{b}", "b"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{}", boxes.UNREADABLE),
        (r"\boxed{a", boxes.UNREADABLE),  # opened last and never closed: nothing is stated
        (r"\boxed{a} \boxed{b", boxes.UNREADABLE),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\fbox{a}", "a"),
        (r"\boxed{\boxed{a}}", r"\boxed{a}"),
        (r"$\boxed{3}$ and $\boxed{4}$", "3, 4"),
        (r"$\boxed{3}$, so not 4 but $\boxed{3}$", "3"),
        (r"\boxed{3} or \boxed{4}", "3, 4"),
        (r"\boxed{3}. Then \boxed{4}", "4"),
        ("no box", None),
    ],
)
def test_boxed(text: str, held: str | None) -> None:
    groups = boxes.groups(text)
    assert (groups[-1].content if groups else None) == held


@pytest.mark.parametrize(
    ("kind", "answer", "gold", "choices", "expected"),
    [
        ("numeric", "It costs 3 + 19.5, so the answer is $22.50.", "22.5", (), "22.50"),
        ("numeric", "First 3, so 1,200", "1200", (), "1,200"),
        ("numeric", "First 3, so $\\boxed{1{,}200}$ in the end.", "1200", (), "1,200"),
        ("numeric", "It is seven.", "7", (), ""),  # not in digits
        ("choice", "The answer is B.", "B", ("red", "blue"), "blue"),
        ("choice", "The answer is B.", "B", (), "B"),
        ("boolean", "The answer is yes.", "true", (), "yes"),
        ("math", "\\boxed{\\frac{1}{2}}", "1/2", (), "\\frac{1}{2}"),
    ],
)
def test_stated_answer_is_in_the_answers_words(
    kind: str, answer: str, gold: str, choices: tuple[str, ...], expected: str
) -> None:
    asked = question(0, grader=kind, gold=gold, choices=choices)
    verdict = grading.grade(answer, gold, kind, question=asked)
    assert verdict.outcome == "correct"
    assert grading.stated(answer, verdict, asked) == expected


def test_option_alone_counts_whatever_its_words_say() -> None:
    options = ("It depends on the wind; wait for calm.", "Don't tell anyone, it is not known.")
    asked = question(choices=options, grader="choice", gold="B")
    verdicts = [grading.grade(text, "B", "choice", question=asked).outcome for text in options]
    assert verdicts == ["wrong", "correct"]
