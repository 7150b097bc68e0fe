"""kind: answer. The completion is an answer without any reasoning.

The built-in target `answer_only` is the whole text after the thinking, which may be a worked
solution. `text: stated` is the final answer alone, as that text states it: "21" for "The answer is
21.", the option's text for a choice.
"""

from dataclasses import dataclass
from typing import Any, Literal

from stages.core.targets.assembly.kinds.interface import STATED, MatchedSet, OwnRows, Plan


@dataclass(frozen=True)
class AnswerTarget:
    """An answer in another form than `answer_only` has it."""

    text: Literal["stated"]

    takes_from = (STATED,)
    chooses_attempts = False
    counts_attempts = False
    has_reasoning = False

    def plan(self, matched: MatchedSet) -> Plan:
        """Each key's own answer."""
        return OwnRows(STATED, matched.keys)

    def metrics(self, plan: Plan, matched: MatchedSet) -> dict[str, Any]:
        """Nothing beside tokens."""
        return {}
