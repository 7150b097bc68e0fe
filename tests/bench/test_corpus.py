"""The benchmark's corpus: lengths around the means that it names, answers that grade as they are
meant to.
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
    found = collections.defaultdict(list)
    for number in range(COUNT):
        row = corpus.asked(number)
        found[row.source].append(list(corpus.attempts(row))[-1])
    return found


def test_means_span_the_papers() -> None:
    assert [round(one.chars) for one in (corpus.SETS[0], corpus.SETS[-1])] == [1750, 18734]
    assert [one.right for one in (corpus.SETS[0], corpus.SETS[-1])] == pytest.approx([0.99, 0.682])
    assert all(one.chars < other.chars for one, other in itertools.pairwise(corpus.SETS))


@pytest.mark.parametrize("own", corpus.SETS, ids=lambda own: own.name)
def test_lengths_have_the_sets_mean_and_a_heavy_tail(
    own: corpus.Set, traces: dict[str, list[Response]]
) -> None:
    sizes = [len(row.reasoning) for row in traces[own.name]]
    assert len(sizes) == COUNT / len(corpus.SETS)
    assert statistics.fmean(sizes) == pytest.approx(
        own.chars, rel=0.1
    )  # 400 draws: four standard errors
    # where a log-normal one's median lies, below its mean
    assert statistics.median(sizes) == pytest.approx(
        own.chars * math.exp(-(corpus.SPREAD**2) / 2), rel=0.12
    )


def test_mean_of_many_lengths_is_within_a_few_percent(traces: dict[str, list[Response]]) -> None:
    ratios = [len(row.reasoning) / own.chars for own in corpus.SETS for row in traces[own.name]]
    assert statistics.fmean(ratios) == pytest.approx(1, rel=0.04)


def test_number_alone_makes_a_question_and_its_attempts() -> None:
    for number in (0, 5, 17, 282_999):
        assert corpus.asked(number) == corpus.asked(number)
        assert list(corpus.attempts(corpus.asked(number))) == list(
            corpus.attempts(corpus.asked(number))
        )
    assert corpus.asked(0).question != corpus.asked(6).question


def test_last_attempt_alone_grades_as_right() -> None:
    for number in range(0, 240):
        row = corpus.asked(number)
        said = list(corpus.attempts(row))
        verdicts = grading.grade_many((one.answer, row.gold, row.grader, row) for one in said)
        right = [verdict.outcome == "correct" for verdict in verdicts]
        assert right == [False] * (len(said) - 1) + [True], row
        assert [one.sample for one in said] == list(range(len(said)))
        assert len(said) <= corpus.SAMPLES
        assert said[-1].finish_reason == "stop"


def test_share_of_right_first_attempts_is_the_sets(traces: dict[str, list[Response]]) -> None:
    for own in corpus.SETS:
        first = statistics.fmean(row.sample == 0 for row in traces[own.name])
        assert first == pytest.approx(own.right, abs=0.08)
