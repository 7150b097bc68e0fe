"""The scripted teacher solves what the default profile trains on, and goes wrong at the rate it is
told.
"""

import random
import re
from fractions import Fraction
from typing import Any

import pytest
import yaml

from stages.core import grading
from stages.core.asking.engines import scripted
from stages.core.asking.engines.scripted import ScriptedSettings, Step
from stages.core.program import params
from stages.core.program.errors import StageError
from stages.core.questions.items import QuestionSet
from stages.core.records import Question
from stages.questions import collect
from tests.imports import ROOT

SETS: dict[str, Any] = yaml.safe_load((ROOT / "conf/profile/default.yaml").read_text())[
    "questions"
]["sets"]
TRAINED = [name for name, entry in SETS.items() if entry["sizes"].get("train")]
FLAWLESS = ScriptedSettings(0, 0, 0)
FALTERING = ScriptedSettings(wrong_rate=0, false_start_rate=1, check_rate=1)


@pytest.fixture(scope="module")
def asked() -> dict[str, list[Question]]:
    """The default profile's questions by family, of every split."""
    entries = {name: params.section(QuestionSet, SETS[name], name) for name in TRAINED}
    return {name: collect(name, entry)[0] for name, entry in entries.items()}


def holds(step: Step) -> bool:
    """Whether `left = value` is true; of `12 * 7 = 70 + 14` the last part counts."""
    parts = re.findall(r"[+*/-]|-?\d+", step.left.rpartition(" = ")[2].replace("- -", "+ "))
    value = Fraction(parts[0])
    for sign, number in zip(parts[1::2], parts[2::2], strict=True):
        value = {
            "+": value.__add__,
            "-": value.__sub__,
            "*": value.__mul__,
            "/": value.__truediv__,
        }[sign](Fraction(number))
    return value == step.value


@pytest.mark.parametrize("family", TRAINED)
@pytest.mark.parametrize("teacher", [FLAWLESS, FALTERING])
def test_every_question_of_the_default_profile_is_solved(
    asked: dict[str, list[Question]], family: str, teacher: ScriptedSettings
) -> None:
    assert len(asked[family]) > 100
    for seed, question in enumerate(asked[family]):
        reasoning, answer = scripted.write(question.question, teacher, seed)
        assert answer == f"The answer is {question.gold}."
        assert grading.grade(answer, question.gold, question.grader).outcome == "correct"
        assert reasoning.splitlines()[-1].rstrip(".").endswith(question.gold)


@pytest.mark.parametrize("family", TRAINED)
def test_every_step_is_true_unless_one_slips(asked: dict[str, list[Question]], family: str) -> None:
    for seed, question in enumerate(asked[family]):
        rng = random.Random(seed)
        assert all(holds(step) for step in scripted.solve(question.question, rng, 0).steps)
        assert not all(holds(step) for step in scripted.solve(question.question, rng, 1).steps)


@pytest.mark.parametrize("family", ["chain_sum", "products"])
def test_slip_changes_the_answer_of_a_chain(asked: dict[str, list[Question]], family: str) -> None:
    for seed, question in enumerate(asked[family]):
        assert (
            str(scripted.solve(question.question, random.Random(seed), 1).answer) != question.gold
        )


def test_slip_before_a_division_may_be_rounded_away(asked: dict[str, list[Question]]) -> None:
    """So that a share of the slipped equations is still answered rightly, and kept by verify."""
    equations = asked["equations"]
    right = [
        str(scripted.solve(question.question, random.Random(seed), 1).answer) == question.gold
        for seed, question in enumerate(equations)
    ]
    assert 0.5 < 1 - sum(right) / len(right) < 1


def test_wrong_rate_is_met_on_chains(asked: dict[str, list[Question]]) -> None:
    questions = asked["chain_sum"] * 10
    wrong = sum(
        str(scripted.solve(question.question, random.Random(seed), 0.15).answer) != question.gold
        for seed, question in enumerate(questions)
    )
    assert abs(wrong / len(questions) - 0.15) < 0.04


@pytest.mark.parametrize(
    ("question", "steps", "answer"),
    [
        (
            "State the final answer to the following arithmetic problem: 4 + 3 - 2 =",
            ["4 + 3", "7 - 2"],
            5,
        ),
        ("Calculate 4 + 3.", ["4 + 3"], 7),
        ("9 - -3", ["9 + 3"], 12),
        ("4 - 30 = ", ["4 - 30"], -26),
        ("2 * 3 * 4", ["2 * 3", "6 * 4"], 24),
        ("12 * 7", ["10 * 7", "2 * 7", "12 * 7 = 70 + 14"], 84),
        ("20 * 7", ["20 * 7"], 140),
        ("Solve for h: 7 - 12*h = -125", ["-125 - 7", "-132 / -12"], 11),
        ("Determine the value of x: 3*x = 12", ["12 / 3"], 4),
        ("2*x + 3*x - 5 = 20", ["20 + 5", "25 / 5"], 5),
        ("Find y: y = 4", [], 4),
    ],
)
def test_steps(question: str, steps: list[str], answer: int) -> None:
    worked = scripted.solve(question, random.Random(0), 0)
    assert [step.left for step in worked.steps] == steps
    assert worked.answer == answer


@pytest.mark.parametrize(
    "question",
    [
        "",
        "What is the capital of France?",
        "5",
        "9 * 10 + 3.",  # its end alone would read as 10 + 3
        "4 + 7 * 10.",
        "4 + 30 / 6 =",
        "2 * (3 + 4)",
        "(3 + 4) * 2",
        "1.5 + 2.",
        "3 + 4.5",
        "x + y = 6",
        "x*y = 6",
        "x/2 = 4",
        "0*x = 4",
        "2*x = 5",
    ],
)
def test_unreadable_question_is_refused_rather_than_misread(question: str) -> None:
    with pytest.raises(StageError, match="scripted teacher: cannot read question"):
        scripted.solve(question, random.Random(0), 0)


def test_same_seed_same_text() -> None:
    teacher = ScriptedSettings(0.5, 0.5, 0.5)
    texts = [scripted.write("4 + 3 - 2 + 9 =", teacher, seed) for seed in range(20)]
    assert texts == [scripted.write("4 + 3 - 2 + 9 =", teacher, seed) for seed in range(20)]
    assert len({reasoning for reasoning, _ in texts}) > 15


def test_rates_shape_the_text() -> None:
    plain, _ = scripted.write("4 + 3 - 2 =", FLAWLESS, 1)
    halting, _ = scripted.write("4 + 3 - 2 =", FALTERING, 1)
    assert len(plain.splitlines()) == 1 + 2 + 1  # what is asked, two sums, the conclusion
    assert (
        len(halting.splitlines()) == 1 + 2 * 2 + 1 + 1
    )  # a false start before each sum, and a check


@pytest.mark.parametrize("rates", [(-0.1, 0, 0), (0, 1.1, 0), (0, 0, 2), (float("nan"), 0, 0)])
def test_rate_out_of_range_is_refused(rates: tuple[float, float, float]) -> None:
    with pytest.raises(StageError, match="expected a rate between 0 and 1"):
        ScriptedSettings(*rates)
