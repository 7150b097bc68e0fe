"""How the questions whose traces are kept differ from all that were asked.

Students see a selection of each set. Three numbers describe a question: its length in characters,
its difficulty as the set itself gives it, and how long the teacher reasoned at its first attempt. A
positive difference means that the kept questions are longer, or harder, than those left out.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from scipy import stats

from stages.core.records import Question, Response

MEASURES = ("question_chars", "difficulty", "first_reasoning_chars")
CONFIDENCE = 0.95


@dataclass
class _Asked:
    measures: tuple[float, ...]  # in the order of MEASURES, NaN where it is not known
    kept: bool


class Selection:
    """Gathers three numbers of every question of one set, and no text."""

    def __init__(self) -> None:
        self._asked: dict[str, _Asked] = {}

    def add(self, question: Question, response: Response, kept: bool) -> None:
        """Notes one response to `question`; the first one of a question must come first."""
        difficulty = math.nan if question.difficulty is None else question.difficulty
        reasoning_chars = float(len(response.reasoning)) or math.nan
        measures = (float(len(question.question)), difficulty, reasoning_chars)
        self._asked.setdefault(question.question_id, _Asked(measures, False)).kept |= kept

    def summary(self) -> dict[str, Any]:
        """For each measure the means of all, kept and left-out questions, and the difference.

        The difference is that of the last two. `low` and `high` are its 95% interval by Welch's t;
        None where a side has too few. For sets that give whole numbers as difficulty,
        `by_difficulty` has [kept, asked] of each.
        """
        summary: dict[str, Any] = {
            name: _compared(self._values(index)) for index, name in enumerate(MEASURES)
        }
        return summary | {"by_difficulty": self._by_difficulty()}

    def _values(self, measure_index: int) -> list[tuple[float, bool]]:
        """(value, kept) of every question of which a measure is known."""
        return [
            (row.measures[measure_index], row.kept)
            for row in self._asked.values()
            if not math.isnan(row.measures[measure_index])
        ]

    def _by_difficulty(self) -> dict[str, list[int]]:
        """[kept, asked] for each whole number that is a difficulty, in ascending order."""
        kept_by_difficulty: dict[int, list[bool]] = {}
        for difficulty, kept in self._values(MEASURES.index("difficulty")):
            if difficulty.is_integer():
                kept_by_difficulty.setdefault(int(difficulty), []).append(kept)
        return {
            str(difficulty): [sum(kept), len(kept)]
            for difficulty, kept in sorted(kept_by_difficulty.items())
        }


def _compared(rows: Iterable[tuple[float, bool]]) -> dict[str, float | None] | None:
    """Means, and the difference of kept and left out with its interval; None without any rows."""
    pairs = list(rows)
    if not pairs:
        return None
    sides = [np.array([value for value, kept in pairs if kept is side]) for side in (True, False)]
    kept_mean, left_out_mean = (
        round(float(side.mean()), 4) if side.size else None for side in sides
    )
    means = {
        "all": round(fmean(value for value, _ in pairs), 4),
        "kept": kept_mean,
        "left_out": left_out_mean,
    }
    if kept_mean is None or left_out_mean is None:
        return means | {"difference": None, "low": None, "high": None}
    low = high = None
    # Without spread on both sides Welch's t has nothing to go by
    if all(side.size > 1 and float(np.ptp(side)) > 0 for side in sides):
        interval = stats.ttest_ind(*sides, equal_var=False).confidence_interval(CONFIDENCE)
        low, high = (round(float(end), 4) for end in interval)
    difference = round(float(sides[0].mean() - sides[1].mean()), 4)
    return means | {"difference": difference, "low": low, "high": high}
