"""Accuracy averaged over question sets: its value, and the interval of a bootstrap within each set."""

import math

import numpy as np
import pytest

from stages.core.cells import Cell
from stages.core.grid import ALL, Scope
from stages.core.statistics.answers import Answers
from stages.core.statistics.bootstrap import Bootstrap
from stages.core.statistics.macro import by_group
from stages.core.statistics.measures import Estimate

RUN = Cell("solver", "raw", "small", "full", "")
SETTINGS = Bootstrap(4000, 0.95, 0)


def averaged(*sets: list[list[int]], settings: Bootstrap = SETTINGS) -> Estimate:
    """The mean over sets, each given as its questions' rows of right and wrong by seed; all are of
    one group.
    """
    correct = np.array([row for own in sets for row in own], dtype=float)
    zeros = np.zeros_like(correct)
    outcome = np.full(correct.shape, "answered")
    seeds = tuple(f"s{place}" for place in range(correct.shape[1])) if correct.shape[1] > 1 else ()
    answers = Answers(
        correct=correct,
        thinking=zeros,
        answering=zeros,
        outcome=outcome,
        samples=np.zeros((*correct.shape, 0)),
        has_samples=zeros[:, 0],
        seeds=seeds,
    )
    ends = np.cumsum([0, *map(len, sets)])
    rows: dict[Scope, list[int]] = {
        ("g", f"set{at}"): list(range(ends[at], ends[at + 1])) for at in range(len(sets))
    }
    return by_group({RUN: answers}, {("g", ALL): list(range(len(correct)))} | rows, settings)["g"][
        RUN
    ]


def half(questions: int) -> list[list[int]]:
    """Every other question is right, of one seed."""
    return [[place % 2] for place in range(questions)]


def width(one: Estimate) -> float:
    """Half the interval, in standard errors of the normal distribution."""
    assert one.low is not None
    assert one.high is not None
    return (one.high - one.low) / 2 / 1.96


def test_each_set_counts_the_same_whatever_its_questions() -> None:
    """Half of 10 and all of 40 are right: 75%, not 45 of 50. Its error is half of sqrt(0.25 / 10)."""
    actual = averaged(half(10), [[1]] * 40)
    assert actual.value == 0.75
    assert width(actual) == pytest.approx(math.sqrt(0.25 / 10) / 2, rel=0.15)


def test_questions_of_equally_large_sets_are_drawn_apart() -> None:
    """Drawn alike, sets with the same answers would have the error of a single one, 0.079 instead
    of 0.056.
    """
    assert width(averaged(half(40), half(40))) == pytest.approx(math.sqrt(0.25 / 40 / 2), rel=0.1)


def test_which_set_a_question_is_of_is_not_resampled() -> None:
    """One set is all right, one all wrong: within them nothing varies, where a pooled bootstrap
    would say 0.05.
    """
    assert averaged([[1]] * 50, [[0]] * 50) == Estimate(0.5)


@pytest.mark.parametrize(("fewest", "there"), [(4, False), (5, True)])
def test_a_set_of_fewer_than_five_questions_leaves_no_interval(fewest: int, there: bool) -> None:
    assert (averaged(half(fewest), half(40)).low is not None) == there


def test_seeds_are_drawn_for_all_sets_together() -> None:
    """Two seeds, 0.4 and 0.6 in both sets: one of two is drawn for both, so the interval has both
    ends.
    """
    own = [[int(place < 40), int(place < 60)] for place in range(100)]
    actual = averaged(own, own)
    assert actual.value == pytest.approx(0.5)
    assert actual.low is not None
    assert actual.low < 0.42
    assert width(actual) > 0.045


def test_a_group_of_one_set_has_no_mean_and_sets_of_other_groups_are_left_out() -> None:
    column = np.array([[1.0], [0.0], [0.0]])
    answers = Answers(
        correct=column,
        thinking=column,
        answering=column,
        outcome=np.full((3, 1), "answered"),
        samples=np.zeros((3, 1, 0)),
        has_samples=np.zeros(3),
    )
    scopes: dict[Scope, list[int]] = {
        (ALL, ALL): [0, 1, 2],
        ("a", ALL): [0],
        ("b", ALL): [1, 2],
        ("a", "x"): [0],
        ("b", "y"): [1, 2],
    }
    actual = by_group({RUN: answers}, scopes, SETTINGS)
    assert actual == {ALL: {RUN: Estimate(0.5)}}
