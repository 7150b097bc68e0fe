"""Which row each target learns in the place of each key of the matched set, and their lengths."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from stages.core.program.errors import StageError
from stages.core.targets.assembly.kinds.interface import (
    ATTEMPTS,
    STATED,
    AssembledTarget,
    MatchedSet,
    OwnRows,
    Plan,
)
from stages.core.targets.assembly.matching import Matched
from stages.core.targets.assembly.sources import TargetSource
from stages.core.targets.assembly.token_counts import TokenCounts


def base_sources(
    targets: Iterable[str],
    used: Mapping[str, AssembledTarget],
    source_by_name: Mapping[str, TargetSource],
) -> dict[str, TargetSource]:
    """The sources whose rows every question of the matched set must have.

    They are the targets that have a file, and the sources that assembled ones take from. Where there
    is none they are the raw traces.
    """
    stated = TargetSource(
        source_by_name["raw"].path, has_variants=False, with_reasoning=False, states_answer=True
    )
    possible = {**source_by_name, STATED: stated}
    names = list(targets)
    for target in used.values():
        names += target.takes_from
    sources = {name: possible[name] for name in names if name in possible}
    return sources or {"raw": source_by_name["raw"]}


def matched_set(matched: Matched, right_shares: Mapping[str, float]) -> MatchedSet:
    """The matched set as targets are planned by it."""
    keys = sorted(matched.raw.completion)
    return MatchedSet(
        keys=keys,
        raw_lengths=matched.raw.reasoning,
        attempt_lengths={
            attempt: matched.attempts.reasoning[attempt]
            for attempt in sorted(matched.attempts.completion)
        },
        right_shares=right_shares,
        plans={name: OwnRows(name, keys) for name in matched.counts},
    )


def plans(used: Mapping[str, AssembledTarget], matched: MatchedSet) -> dict[str, Plan]:
    """The plan of each source and of each assembled target. Of these the parts come first in `used`.

    Raises StageError where a target cannot be planned.
    """
    all_plans: dict[str, Plan] = dict(matched.plans)
    for name, target in used.items():
        try:
            plan = target.plan(replace(matched, plans=all_plans))
        except StageError as error:
            raise StageError(f"params.yaml: targets.{name}: {error}") from None
        # As in matching: it holds by construction, and is checked all the same
        if list(plan) != list(matched.keys) or any(key[0] != plan[key].key[0] for key in plan):
            raise StageError(f"assemble: {name} does not hold the questions of the other targets")
        all_plans[name] = plan
    return all_plans


def planned_counts(plan: Plan, matched: Matched) -> TokenCounts:
    """The token counts of a target by key of the matched set, after its plan."""
    by_source = {**matched.counts, "raw": matched.raw, ATTEMPTS: matched.attempts}
    if isinstance(plan, OwnRows):
        return by_source[plan.source]
    counts = TokenCounts()
    for key, row in plan.items():
        source_counts = by_source[row.source]
        counts.completion[key] = source_counts.completion[row.key]
        if row.key in source_counts.reasoning:
            counts.reasoning[key] = source_counts.reasoning[row.key]
    return counts
