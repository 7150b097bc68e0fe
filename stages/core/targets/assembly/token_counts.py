"""Tokens of the targets' rows, in the student's tokens; each text is counted at most once.

Completions are counted for all rows that all targets may have. Reasonings are counted only where
something needs them, for on a long trace counting takes long:

- of a compressed target, always: their ratio to the raw ones is a metric, `rho_tokens`;
- of a shortened target, never: its rows say their tokens and the raw ones. The same tokenizer counted
  them when the trace was shortened;
- of the raw traces, where a target is compressed or shortened, or a target needs their lengths, and
  no shortened one says them.

Where a target chooses among a question's attempts, those are counted that the matched set left out.
"""

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from stages.core import tokens
from stages.core.records import Trace, Variant
from stages.core.targets import lengths
from stages.core.targets.assembly.completions import completion
from stages.core.targets.assembly.sources import (
    Key,
    TargetSource,
    answer_of,
    kept_rows,
    key_of,
    reasoning_of,
)

KeyedRow = tuple[Key, Trace | Variant]


@dataclass(frozen=True)
class TokenCounts:
    """Tokens of the rows of one target, by key."""

    completion: dict[Key, int] = field(default_factory=dict)
    reasoning: dict[Key, int] = field(default_factory=dict)  # where it was counted or is said
    raw_reasoning: dict[Key, int] = field(default_factory=dict)  # where the rows say it
    # Special tokens within the completion, which a student would learn as the end of a turn and the
    # like; completions without any are left out
    special: dict[Key, int] = field(default_factory=dict)

    def of(self, keys: set[Key]) -> "TokenCounts":
        """The counts of `keys` alone."""
        return TokenCounts(
            completion=_only(self.completion, keys),
            reasoning=_only(self.reasoning, keys),
            raw_reasoning=_only(self.raw_reasoning, keys),
            special=_only(self.special, keys),
        )

    def update(self, other: "TokenCounts") -> None:
        """Adds the counts of other keys."""
        self.completion.update(other.completion)
        self.reasoning.update(other.reasoning)
        self.raw_reasoning.update(other.raw_reasoning)
        self.special.update(other.special)


def _only(counts: dict[Key, int], keys: set[Key]) -> dict[Key, int]:
    return {key: count for key, count in counts.items() if key in keys}


def count_targets(
    sources: Mapping[str, TargetSource], tokenizer: Any, raw_lengths: bool = False
) -> tuple[dict[str, TokenCounts], set[Key], int]:
    """Each target's token counts, the keys that all targets have, and the number of keys that any
    of them has.

    `raw_lengths`: the lengths of the raw reasonings are needed in any case.
    """
    all_keys: dict[Key, Key] = {}
    common_keys: set[Key] | None = None
    counts_by_target: dict[str, TokenCounts] = {}
    raw_lengths = raw_lengths or any(source.has_variants for source in sources.values())
    # The raw traces, which take longest, come last: by then it is known which of them are in the
    # set
    ordered = sorted(sources.items(), key=lambda item: not item[1].has_variants)
    for target, source in ordered:
        raw_is_said = any(counts.raw_reasoning for counts in counts_by_target.values())
        needs_raw = raw_lengths and source.with_reasoning and not raw_is_said
        keys, counts_by_target[target] = _count_target(
            source,
            tokenizer,
            all_keys=all_keys,
            is_wanted=None if common_keys is None else common_keys.__contains__,
            count_reasoning=source.has_variants or needs_raw,
        )
        common_keys = keys if common_keys is None else common_keys & keys
    return counts_by_target, common_keys or set(), len(all_keys)


def count_raw(
    counts_by_target: Mapping[str, TokenCounts],
    raw_source: TargetSource,
    keys: set[Key],
    tokenizer: Any,
) -> TokenCounts:
    """The token counts of the raw traces of `keys`, whether they are a target or not.

    `counts_by_target` are those of the targets, for the same keys.
    """
    said_by_rows = _said_by_rows(counts_by_target)
    raw_counts = counts_by_target.get("raw")
    if raw_counts is None:
        _, raw_counts = _count_target(
            raw_source,
            tokenizer,
            all_keys={},
            is_wanted=keys.__contains__,
            count_reasoning=said_by_rows is None,
        )
    if said_by_rows is None:
        return raw_counts
    return replace(raw_counts, reasoning=said_by_rows)


def count_attempts(
    counts_by_target: Mapping[str, TokenCounts],
    raw_source: TargetSource,
    question_ids: Collection[str],
    tokenizer: Any,
) -> TokenCounts:
    """The token counts of all raw traces of these questions.

    What `counts_by_target` has of them is not counted again.
    """
    raw_counts = counts_by_target.get("raw", TokenCounts())
    reasoning = raw_counts.reasoning or _said_by_rows(counts_by_target) or {}
    counted = raw_counts.completion.keys() & reasoning.keys()
    raw_reasonings = replace(raw_counts, reasoning=reasoning).of(counted)

    def is_uncounted(key: Key) -> bool:
        return key[0] in question_ids and key not in counted

    _, attempts = _count_target(
        raw_source, tokenizer, all_keys={}, is_wanted=is_uncounted, count_reasoning=True
    )
    attempts.update(raw_reasonings)
    return attempts


def _said_by_rows(counts_by_target: Mapping[str, TokenCounts]) -> dict[Key, int] | None:
    """The raw reasonings' tokens as the rows of the first shortened target say them.

    All shortened targets share these numbers. None where there is none.
    """
    for counts in counts_by_target.values():
        if counts.raw_reasoning:
            return counts.raw_reasoning
    return None


def _count_target(
    source: TargetSource,
    tokenizer: Any,
    *,
    all_keys: dict[Key, Key],
    is_wanted: Callable[[Key], bool] | None,
    count_reasoning: bool,
) -> tuple[set[Key], TokenCounts]:
    """All keys of one target, and the counts of those that are wanted, None for all.

    `all_keys` holds each key once, for all targets to share, and the target's keys are added to it.
    """
    keys: set[Key] = set()

    def counted_rows() -> Iterator[KeyedRow]:
        for row in kept_rows(source):
            key = all_keys.setdefault(key_of(row), key_of(row))
            keys.add(key)
            if is_wanted is None or is_wanted(key):
                yield key, row

    count_batch = functools.partial(
        _count_batch, source=source, tokenizer=tokenizer, count_reasoning=count_reasoning
    )
    counts = TokenCounts()
    for batch_counts in lengths.ahead(count_batch, counted_rows()):
        counts.update(batch_counts)
    return keys, counts


def _count_batch(
    batch: list[KeyedRow], source: TargetSource, tokenizer: Any, count_reasoning: bool
) -> TokenCounts:
    """The counts of a batch of rows; a shortened target's own numbers are taken as they are."""
    keys = [key for key, _ in batch]
    completions = [
        completion(reasoning_of(row, source), answer_of(row, source), tokenizer.eos_token)
        for _, row in batch
    ]
    sizes = lengths.counts(tokenizer, completions)

    # Rows of a shortened target say their tokens. The reasonings of the others are counted where needed
    shortened = {
        key: row for key, row in batch if isinstance(row, Variant) and row.tokens is not None
    }
    uncounted = {
        key: row.reasoning for key, row in batch if count_reasoning and key not in shortened
    }
    reasoning_sizes = lengths.counts(tokenizer, list(uncounted.values()))
    reasoning = dict(zip(uncounted, reasoning_sizes, strict=True))
    reasoning |= {key: row.tokens or 0 for key, row in shortened.items()}
    return TokenCounts(
        completion=dict(zip(keys, sizes, strict=True)),
        reasoning=reasoning,
        raw_reasoning={key: row.raw_tokens or 0 for key, row in shortened.items()},
        special=special_within(keys, completions, tokenizer),
    )


def special_within(
    keys: Iterable[Key], completions: Iterable[str], tokenizer: Any
) -> dict[Key, int]:
    """By key the special tokens of each completion before its EOS, without those that have none."""
    pattern = tokens.special(tokenizer)
    if pattern is None:
        return {}
    special_counts: dict[Key, int] = {}
    for key, text in zip(keys, completions, strict=True):
        count = len(pattern.findall(text.removesuffix(tokenizer.eos_token)))
        if count:
            special_counts[key] = count
    return special_counts
