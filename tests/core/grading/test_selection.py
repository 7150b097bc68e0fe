"""How kept questions differ from those that were left out."""

import pytest
from scipy import stats

from stages.core.grading.selection import Selection
from tests.made import question, response


def selected(rows: list[tuple[int, float | None, bool]]) -> dict[str, object]:
    """The summary of questions of (characters, difficulty, kept)."""
    selection = Selection()
    for number, (chars, difficulty, kept) in enumerate(rows):
        asked = question(
            number,
            question="x" * chars,
            difficulty=None if difficulty is None else float(difficulty),
        )
        selection.add(asked, response(number, reasoning="y" * 2 * chars), kept)
    return selection.summary()


def test_means_and_difference_by_hand() -> None:
    summary = selected(
        [(10, 1, True), (20, 1, True), (30, 2, False), (50, 2, True), (58, 2, False)]
    )
    welch = stats.ttest_ind([10, 20, 50], [30, 58], equal_var=False).confidence_interval(0.95)
    assert summary["question_chars"] == {
        "all": 33.6,
        "kept": 26.6667,
        "left_out": 44.0,
        "difference": -17.3333,
        "low": round(float(welch.low), 4),
        "high": round(float(welch.high), 4),
    }
    assert summary["by_difficulty"] == {"1": [2, 2], "2": [1, 3]}
    assert summary["first_reasoning_chars"]["all"] == 67.2  # type: ignore[index]


@pytest.mark.parametrize("kept", [True, False])
def test_without_two_sides_there_is_no_difference(kept: bool) -> None:
    summary = selected([(10, None, kept), (20, None, kept)])
    assert summary["difficulty"] is None
    assert summary["question_chars"] == {
        "all": 15.0,
        "kept": 15.0 if kept else None,
        "left_out": None if kept else 15.0,
        "difference": None,
        "low": None,
        "high": None,
    }


def test_question_is_kept_by_any_of_its_attempts_and_measured_at_the_first() -> None:
    selection = Selection()
    for sample, (text, kept) in enumerate([("yyyy", False), ("yy", True), ("y", False)]):
        selection.add(question(0, difficulty=2.5), response(0, sample, reasoning=text), kept)
    summary = selection.summary()
    assert summary["first_reasoning_chars"]["kept"] == 4.0
    assert summary["by_difficulty"] == {}


def test_equal_lengths_have_no_interval() -> None:
    summary = selected([(10, 1, True), (10, 1, True), (10, 1, False), (10, 1, False)])
    lengths = summary["question_chars"]
    assert (lengths["difference"], lengths["low"]) == (0.0, None)  # type: ignore[index]
