"""kind: select. Of a question's correct attempts it takes some, by the length of their reasoning.

The attempts are raw traces: nothing is shortened. Taking the shortest correct one of N is the
best-of-N of "Self-Training Elicits Concise Reasoning in Large Language Models" (Munkhbat et al.
2025, arXiv 2502.20122).
"""

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from stages.core.program.params import Seed
from stages.core.targets.assembly.kinds.interface import (
    ATTEMPTS,
    MatchedSet,
    Plan,
    RowOf,
    keys_by_question,
    seeded_rank,
)
from stages.core.targets.assembly.sources import Key


@dataclass(frozen=True)
class SelectTarget:
    """Takes the shortest or longest correct attempts, or any.

    Of attempts of one length the lower sample is taken. `seed` is for `random` alone.
    """

    choose: Literal["shortest", "longest", "random"]
    seed: Seed = 0

    takes_from = ()
    chooses_attempts = True
    counts_attempts = False
    has_reasoning = True

    def plan(self, matched: MatchedSet) -> Plan:
        """As many attempts of each question as it has keys.

        In order of their samples they take the keys of the question, so that the rows of all arms
        are in one order.
        """
        attempts_by_question: dict[str, list[Key]] = defaultdict(list)
        for attempt in matched.attempt_lengths:
            attempts_by_question[attempt[0]].append(attempt)
        plan: dict[Key, RowOf] = {}
        for question_id, keys in keys_by_question(matched.keys).items():
            ranked = sorted(
                attempts_by_question[question_id], key=lambda attempt: self._rank(attempt, matched)
            )
            chosen = sorted(ranked[: len(keys)])
            for key, attempt in zip(keys, chosen, strict=True):
                plan[key] = RowOf(ATTEMPTS, attempt)
        return plan

    def _rank(self, attempt: Key, matched: MatchedSet) -> tuple[int | str, int]:
        """What the attempts of a question are sorted by, those to take first."""
        question_id, sample = attempt
        length = matched.attempt_lengths[attempt]
        match self.choose:
            case "shortest":
                return length, sample
            case "longest":
                return -length, sample
        return seeded_rank(self.seed, question_id, sample), sample

    def metrics(self, plan: Plan, matched: MatchedSet) -> dict[str, Any]:
        """How many attempts there were to choose from, and the mean lengths of both."""
        questions = {question_id for question_id, _ in matched.keys}
        lengths = matched.attempt_lengths
        offered = [
            length for (question_id, _), length in lengths.items() if question_id in questions
        ]
        return {
            "attempts_to_choose_from": len(offered),
            "mean_reasoning_of_these": round(fmean(offered), 2),
            "mean_reasoning_selected": round(fmean(lengths[row.key] for row in plan.values()), 2),
        }
