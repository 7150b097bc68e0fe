"""How the questions whose traces are kept differ from all that were asked: students see a selection
of each set.

Length in characters, difficulty as the set itself gives it, and how long the teacher reasoned at
its first attempt. A positive difference: the kept ones are longer, or harder, than those left out.
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
        """One response to `question`, its first one first."""
        level = math.nan if question.difficulty is None else question.difficulty
        measures = (
            float(len(question.question)),
            level,
            float(len(response.reasoning)) or math.nan,
        )
        self._asked.setdefault(question.question_id, _Asked(measures, False)).kept |= kept

    def summary(self) -> dict[str, Any]:
        """Per measure the means of all questions, of the kept and of those left out, and the last
        two's difference.

        `low` and `high` are the 95% interval of the difference by Welch's t; None where a side has
        too few. For sets that give whole numbers as difficulty, `by_difficulty` has [kept, asked]
        of each.
        """
        found: dict[str, Any] = {
            name: _compared(
                [
                    (row.measures[place], row.kept)
                    for row in self._asked.values()
                    if not math.isnan(row.measures[place])
                ]
            )
            for place, name in enumerate(MEASURES)
        }
        levels = sorted(
            {row.measures[1] for row in self._asked.values() if row.measures[1].is_integer()}
        )
        rows = {
            level: [row.kept for row in self._asked.values() if row.measures[1] == level]
            for level in levels
        }
        return found | {
            "by_difficulty": {
                str(int(level)): [sum(kept), len(kept)] for level, kept in rows.items()
            }
        }


def _compared(rows: Iterable[tuple[float, bool]]) -> dict[str, float | None] | None:
    """Means, and the difference of kept and left out with its interval; None without any rows."""
    whole = list(rows)
    sides = [np.array([value for value, kept in whole if kept is side]) for side in (True, False)]
    if not whole:
        return None
    kept, left = (round(float(side.mean()), 4) if side.size else None for side in sides)
    found = {"all": round(fmean(value for value, _ in whole), 4), "kept": kept, "left_out": left}
    if kept is None or left is None:
        return found | {"difference": None, "low": None, "high": None}
    low = high = None
    if all(
        side.size > 1 and float(np.ptp(side)) > 0 for side in sides
    ):  # else Welch's t has no spread to go by
        interval = stats.ttest_ind(*sides, equal_var=False).confidence_interval(CONFIDENCE)
        low, high = (round(float(end), 4) for end in interval)
    return found | {
        "difference": round(float(sides[0].mean() - sides[1].mean()), 4),
        "low": low,
        "high": high,
    }
