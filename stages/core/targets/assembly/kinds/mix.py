"""kind: mix. Each question has its rows from one of several targets, in stated shares.

With `by: random` chance decides. With `by: length` the questions with the longest raw reasoning
get the first part of `hardest_first`, with `by: difficulty` those of whose attempts the fewest are
right. So {raw: 0.3, mild: 0.7} with raw first leaves the reasoning of the hardest three tenths as it
is.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Annotated, Any, Literal

from pydantic import Field

from stages.core.program.errors import StageError
from stages.core.program.params import Name, Names, Seed
from stages.core.targets.assembly.kinds.interface import (
    MatchedSet,
    Plan,
    keys_by_question,
    seeded_rank,
)

Share = Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True)
class MixTarget:
    """`parts`: shares of the questions, by target.

    The order of a mapping cannot count. DVC compares mappings whatever their order, and would rerun
    nothing after a change of it. So `hardest_first` lists the parts for `length` and `difficulty`.
    `seed` decides what the order of the questions leaves open.
    """

    parts: dict[Name, Share]
    by: Literal["random", "length", "difficulty"]
    hardest_first: Names = field(default_factory=list)
    seed: Seed = 0

    chooses_attempts = False
    has_reasoning = True

    def __post_init__(self) -> None:
        total = math.fsum(self.parts.values())
        if len(self.parts) < 2 or abs(total - 1) > 1e-6:
            raise StageError(
                f"parts: {len(self.parts)} targets with shares of {total:g} together; expected two "
                "or more, and 1"
            )
        if self.by == "random" and self.hardest_first:
            raise StageError("hardest_first: by: random knows no harder questions; leave it out")
        if self.by != "random" and sorted(self.hardest_first) != sorted(self.parts):
            raise StageError(
                f"hardest_first: {', '.join(self.hardest_first) or 'empty'}: by: {self.by} needs "
                f"the parts in order, the hardest questions' first: {', '.join(self.parts)}"
            )

    @property
    def takes_from(self) -> tuple[str, ...]:
        """Its parts. Chance goes through them by name, because their own order cannot count."""
        return tuple(self.hardest_first or sorted(self.parts))

    @property
    def counts_attempts(self) -> bool:
        """Whether difficulty is the share of attempts that are right."""
        return self.by == "difficulty"

    def plan(self, matched: MatchedSet) -> Plan:
        """Each question's rows in the part that it falls to."""
        part_by_question = self._part_by_question(matched)
        return {key: matched.plans[part_by_question[key[0]]][key] for key in matched.keys}

    def _part_by_question(self, matched: MatchedSet) -> dict[str, str]:
        """The part of each question: the first of `takes_from` for the first in order."""
        ordered = self._ordered(matched)
        part_by_question: dict[str, str] = {}
        first = 0
        shares = [self.parts[part] for part in self.takes_from]
        for part, count in zip(self.takes_from, apportioned(len(ordered), shares), strict=True):
            part_by_question |= dict.fromkeys(ordered[first : first + count], part)
            first += count
        return part_by_question

    def _ordered(self, matched: MatchedSet) -> list[str]:
        """The ids of the questions, the hardest first. Raises StageError where all are alike."""
        hardness: Mapping[str, float]
        match self.by:
            case "random":
                hardness = defaultdict(float)
            case "length":
                hardness = _mean_lengths(matched)
            case "difficulty":
                hardness = {
                    question_id: -share for question_id, share in matched.right_shares.items()
                }
        question_ids = keys_by_question(matched.keys)
        if self.by == "difficulty" and len({hardness[name] for name in question_ids}) == 1:
            raise StageError(
                "by: difficulty: the same share of attempts is right for all questions; draw more "
                "attempts, or mix by length"
            )
        return sorted(
            question_ids, key=lambda name: (-hardness[name], seeded_rank(self.seed, name))
        )

    def metrics(self, plan: Plan, matched: MatchedSet) -> dict[str, Any]:
        """The questions of each part, and how hard they are."""
        part_by_question = self._part_by_question(matched)
        lengths = _mean_lengths(matched)
        parts: dict[str, dict[str, Any]] = {}
        for part in self.takes_from:
            names = [name for name, other in part_by_question.items() if other == part]
            parts[part] = {
                "questions": len(names),
                "share": round(len(names) / len(part_by_question), 6),
                "examples": sum(part_by_question[name] == part for name, _ in matched.keys),
                "mean_raw_reasoning": _mean(lengths, names),
            }
            if self.counts_attempts:
                parts[part]["mean_right_share"] = _mean(matched.right_shares, names)
        return {"parts": parts}


def apportioned(count: int, shares: Sequence[float]) -> list[int]:
    """`count` in whole numbers by `shares`, which are 1 together: the largest remainders go up.

    Each number differs from its share of `count` by less than 1 (Hamilton's method).
    """
    total = math.fsum(shares)  # 1, but for the digits that params were written with
    exact = [share / total * count for share in shares]
    numbers = [math.floor(value) for value in exact]
    by_remainder = sorted(range(len(shares)), key=lambda part: numbers[part] - exact[part])
    for part in by_remainder[: count - sum(numbers)]:
        numbers[part] += 1
    return numbers


def _mean_lengths(matched: MatchedSet) -> dict[str, float]:
    """The mean length of each question's raw traces."""
    return {
        question_id: fmean(matched.raw_lengths[key] for key in keys)
        for question_id, keys in keys_by_question(matched.keys).items()
    }


def _mean(values: Mapping[str, float], names: Sequence[str]) -> float | None:
    """The mean of the values of `names`, None where there are none."""
    return round(fmean(values[name] for name in names), 4) if names else None
