"""A kind of target as CONTRIBUTING describes: every other question has its raw trace."""

from dataclasses import dataclass
from typing import Any

from stages.core.program.params import Name
from stages.core.targets.assembly.kinds.interface import MatchedSet, Plan


@dataclass(frozen=True)
class EveryOther:
    """The raw trace, then a row of `target`, and so on."""

    target: Name

    chooses_attempts = False
    counts_attempts = False
    has_reasoning = True

    @property
    def takes_from(self) -> tuple[str, ...]:
        """The raw traces and the other target."""
        return "raw", self.target

    def plan(self, matched: MatchedSet) -> Plan:
        """The rows of both in turn."""
        return {
            key: matched.plans[self.takes_from[number % 2]][key]
            for number, key in enumerate(matched.keys)
        }

    def metrics(self, plan: Plan, matched: MatchedSet) -> dict[str, Any]:
        """Nothing beside tokens."""
        return {}
