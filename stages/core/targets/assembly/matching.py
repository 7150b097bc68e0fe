"""The matched set: the rows that all targets share, so that arms differ in their texts alone."""

import collections
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stages.core.program.errors import StageError
from stages.core.targets.assembly.completions import Prompt
from stages.core.targets.assembly.sources import Key, TargetSource
from stages.core.targets.assembly.token_counts import (
    TokenCounts,
    count_attempts,
    count_raw,
    count_targets,
)


@dataclass(frozen=True)
class Matched:
    """The token counts of the matched set under each target and of its raw traces.

    All of them have the same keys. `dropped` says how many rows left the set, by reason. `attempts`
    are the correct attempts of the questions that fit, where a target chooses among them.
    """

    counts: dict[str, TokenCounts]  # by target
    raw: TokenCounts
    dropped: dict[str, int]
    attempts: TokenCounts = field(default_factory=TokenCounts)


@dataclass(frozen=True)
class Limits:
    """Which rows the matched set may have.

    `max_tokens` of prompt and completion. Of each question its first `per_question` rows, None for
    all. `choosing`: a target chooses among all correct attempts of a question, so the question has
    at most as many rows as attempts that fit. `raw_lengths`: the lengths of the raw reasonings are
    needed, whatever the targets.
    """

    max_tokens: int
    per_question: int | None
    choosing: bool = False
    raw_lengths: bool = False


def match(
    sources: Mapping[str, TargetSource],
    raw_source: TargetSource,
    prompts: Mapping[str, Prompt],
    tokenizer: Any,
    limits: Limits,
) -> Matched:
    """The rows that every target has and that are within the limits under every target.

    Rows with special tokens in a completion are left out. Raises StageError where nothing is left.
    """
    counts_by_target, common_keys, key_count = count_targets(
        sources, tokenizer, limits.raw_lengths or limits.choosing
    )
    eligible, dropped = _eligible(counts_by_target, common_keys, prompts, limits.max_tokens)
    dropped = {"not_kept_by_all_targets": key_count - len(common_keys)} | dropped
    attempts = TokenCounts()
    if limits.choosing:
        question_ids = {question_id for question_id, _ in eligible}
        counted = count_attempts(counts_by_target, raw_source, question_ids, tokenizer)
        attempts = _that_fit(counted, prompts, limits.max_tokens)
        with_attempt = {question_id for question_id, _ in attempts.completion}
        without_attempt = {key for key in eligible if key[0] not in with_attempt}
        dropped["no_attempt_to_choose"] = len(without_attempt)
        eligible -= without_attempt
    keys = first_samples(
        eligible, limits.per_question, attempts.completion if limits.choosing else None
    )
    if not keys:
        raise _nothing_left(common_keys, dropped, limits.max_tokens)
    dropped["further_traces_of_a_question"] = len(eligible - keys)

    matched_counts = {target: counts.of(keys) for target, counts in counts_by_target.items()}
    # Arms are comparable or the run fails: this holds by construction, and is checked all the same.
    if any(counts.completion.keys() != keys for counts in matched_counts.values()):
        raise StageError("assemble: targets do not hold the same rows; rerun compress and shorten")
    return Matched(
        counts={target: matched_counts[target] for target in sources},
        raw=count_raw(matched_counts, raw_source, keys, tokenizer),
        dropped=dropped,
        attempts=attempts,
    )


def _eligible(
    counts_by_target: Mapping[str, TokenCounts],
    common_keys: set[Key],
    prompts: Mapping[str, Prompt],
    max_tokens: int,
) -> tuple[set[Key], dict[str, int]]:
    """The keys whose rows fit and hold no special tokens under any target, and the numbers of those
    that do not.
    """
    over_long = _over_long(counts_by_target.values(), common_keys, prompts, max_tokens)
    fitting = common_keys - over_long
    with_special = {
        key for counts in counts_by_target.values() for key in counts.special if key in fitting
    }
    dropped = {"over_long": len(over_long), "special_tokens": len(with_special)}
    return fitting - with_special, dropped


def _that_fit(attempts: TokenCounts, prompts: Mapping[str, Prompt], max_tokens: int) -> TokenCounts:
    """The attempts without special tokens that fit `max_tokens`."""
    over_long = _over_long([attempts], set(attempts.completion), prompts, max_tokens)
    return attempts.of(attempts.completion.keys() - over_long - attempts.special.keys())


def _over_long(
    counts_of_targets: Iterable[TokenCounts],
    keys: set[Key],
    prompts: Mapping[str, Prompt],
    max_tokens: int,
) -> set[Key]:
    """The keys whose prompt and completion have more than `max_tokens` under any target."""
    over_long: set[Key] = set()
    for counts in counts_of_targets:
        for key in keys:
            question_id, _ = key
            if prompts[question_id].tokens + counts.completion[key] > max_tokens:
                over_long.add(key)
    return over_long


def first_samples(
    keys: set[Key], per_question: int | None, attempts: Collection[Key] | None = None
) -> set[Key]:
    """The first `per_question` samples of each question among `keys`, all of them for None.

    They are at most as many as the question has among `attempts`, where these are given.
    """
    attempt_counts = collections.Counter(question_id for question_id, _ in attempts or ())
    samples_by_question: dict[str, list[int]] = collections.defaultdict(list)
    for question_id, sample in sorted(keys):
        samples_by_question[question_id].append(sample)
    firsts: set[Key] = set()
    for question_id, samples in samples_by_question.items():
        limit = len(samples) if per_question is None else per_question
        if attempts is not None:
            limit = min(limit, attempt_counts[question_id])
        firsts |= {(question_id, sample) for sample in samples[:limit]}
    return firsts


def _nothing_left(common_keys: set[Key], dropped: Mapping[str, int], max_tokens: int) -> StageError:
    """The error for arms without any rows."""
    if not common_keys:
        return StageError(
            "assemble: no trace is kept by all targets; see the drops in metrics of compress and shorten"
        )
    if len(common_keys) == dropped["over_long"]:
        return StageError(
            f"text.max_tokens: none of {len(common_keys)} examples fits {max_tokens} tokens; raise it"
        )
    if dropped.get("no_attempt_to_choose"):
        return StageError(
            f"text.max_tokens: no correct attempt as it was written fits {max_tokens} tokens, so "
            "there is none to choose; raise it"
        )
    return StageError(
        f"assemble: all {dropped['special_tokens']} examples that fit hold special tokens of the student; "
        "clean the traces of its turn marks"
    )
