"""What a kind of assembled target is given, and what it says.

The matched set has keys (question_id, sample), the same for all arms. A plan says for each of them
which row of which source the target learns in its place. A row always answers its key's question.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from stages.core.targets.assembly.sources import Key

# Sources that are no targets themselves. Their names have a space, so no grid can name them
ATTEMPTS = "correct attempts"  # all correct attempts of a question that fit, as they were written
STATED = "stated answers"  # the bare final answer of each trace
NO_TARGETS = (ATTEMPTS, STATED)


class RowOf(NamedTuple):
    """A row of a source, by the row's key there."""

    source: str
    key: Key


Plan = Mapping[Key, RowOf]  # by key of the matched set, in order


@dataclass(frozen=True)
class OwnRows(Mapping[Key, RowOf]):
    """The plan of a target with a file of its own: each key's own row there.

    Its rows are made when they are asked for, because a plan of each target would take much memory.
    """

    source: str
    keys_in_order: Sequence[Key]

    def __getitem__(self, key: Key) -> RowOf:
        return RowOf(self.source, key)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys_in_order)

    def __len__(self) -> int:
        return len(self.keys_in_order)


@dataclass(frozen=True, kw_only=True)
class MatchedSet:
    """What targets are planned by. Lengths are tokens of the reasoning, in the student's tokens."""

    keys: Sequence[Key]  # in order
    raw_lengths: Mapping[Key, int]  # of the raw traces of `keys`
    # Of each correct attempt that fits, where a target chooses among attempts
    attempt_lengths: Mapping[Key, int] = field(default_factory=dict)
    # The share of a question's attempts that are right, where a target goes by it
    right_shares: Mapping[str, float] = field(default_factory=dict)
    plans: Mapping[str, Plan] = field(
        default_factory=dict
    )  # of the targets that are named as parts


class AssembledTarget(Protocol):
    """An entry of `targets`: a frozen dataclass of its params."""

    @property
    def takes_from(self) -> tuple[str, ...]:
        """The targets, or sources, whose rows it takes."""

    @property
    def chooses_attempts(self) -> bool:
        """Whether it chooses among all correct attempts of a question."""

    @property
    def counts_attempts(self) -> bool:
        """Whether it goes by the share of a question's attempts that are right."""

    @property
    def has_reasoning(self) -> bool:
        """Whether its completions have a reasoning."""

    def plan(self, matched: MatchedSet) -> Plan:
        """The row of each key. Raises StageError where it cannot choose."""

    def metrics(self, plan: Plan, matched: MatchedSet) -> dict[str, Any]:
        """What assemble's metrics say of it beside tokens."""


def keys_by_question(keys: Sequence[Key]) -> dict[str, list[Key]]:
    """The keys of each question, in order."""
    grouped: dict[str, list[Key]] = defaultdict(list)
    for key in keys:
        grouped[key[0]].append(key)
    return grouped


def seeded_rank(seed: int, *parts: str | int) -> str:
    """What a random order is sorted by.

    A hash, so that the order of some rows does not depend on which others there are.
    """
    text = ":".join(map(str, (seed, *parts)))
    return hashlib.sha256(text.encode()).hexdigest()
