"""The benchmark's corpus has lengths around the means that it names, and answers that grade as
meant.
"""

import collections
import itertools
import math
import statistics

import pytest

from stages.core import grading
from stages.core.records import Response
from tests.bench import corpus

COUNT = 2400


@pytest.fixture(scope="module")
def traces() -> dict[str, list[Response]]:
    """The right attempts of each set."""
    by_set = collections.defaultdict(list)
    for number in range(COUNT):
        row = corpus.question_of(number)
        by_set[row.source].append(list(corpus.attempts(row))[-1])
    return by_set


def test_means_span_the_papers() -> None:
    shortest, longest = corpus.SETS[0], corpus.SETS[-1]
    assert [round(shortest.chars), round(longest.chars)] == [1750, 18734]
    assert [shortest.right, longest.right] == pytest.approx([0.99, 0.682])
    assert all(shorter.chars < longer.chars for shorter, longer in itertools.pairwise(corpus.SETS))


@pytest.mark.parametrize("question_set", corpus.SETS, ids=lambda question_set: question_set.name)
def test_lengths_have_the_sets_mean_and_a_heavy_tail(
    question_set: corpus.SyntheticSet, traces: dict[str, list[Response]]
) -> None:
    sizes = [len(row.reasoning) for row in traces[question_set.name]]
    assert len(sizes) == COUNT / len(corpus.SETS)
    assert statistics.fmean(sizes) == pytest.approx(
        question_set.chars, rel=0.1
    )  # 400 draws: four standard errors
    # where a log-normal one's median lies, below its mean
    assert statistics.median(sizes) == pytest.approx(
        question_set.chars * math.exp(-(corpus.SPREAD**2) / 2), rel=0.12
    )


def test_mean_of_many_lengths_is_within_a_few_percent(traces: dict[str, list[Response]]) -> None:
    ratios = [
        len(row.reasoning) / question_set.chars
        for question_set in corpus.SETS
        for row in traces[question_set.name]
    ]
    assert statistics.fmean(ratios) == pytest.approx(1, rel=0.04)


def test_number_alone_makes_a_question_and_its_attempts() -> None:
    for number in (0, 5, 17, 282_999):
        assert corpus.question_of(number) == corpus.question_of(number)
        assert list(corpus.attempts(corpus.question_of(number))) == list(
            corpus.attempts(corpus.question_of(number))
        )
    assert corpus.question_of(0).question != corpus.question_of(6).question


def test_last_attempt_alone_grades_as_right() -> None:
    for number in range(0, 240):
        row = corpus.question_of(number)
        attempts = list(corpus.attempts(row))
        verdicts = grading.grade_many(
            (attempt.answer, row.gold, row.grader, row) for attempt in attempts
        )
        right = [verdict.outcome == "correct" for verdict in verdicts]
        assert right == [False] * (len(attempts) - 1) + [True], row
        assert [attempt.sample for attempt in attempts] == list(range(len(attempts)))
        assert len(attempts) <= corpus.SAMPLES
        assert attempts[-1].finish_reason == "stop"


def test_share_of_right_first_attempts_is_the_sets(traces: dict[str, list[Response]]) -> None:
    for question_set in corpus.SETS:
        first = statistics.fmean(row.sample == 0 for row in traces[question_set.name])
        assert first == pytest.approx(question_set.right, abs=0.08)
