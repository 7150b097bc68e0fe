"""The matched set: the rows that all targets share, so that arms differ in their texts alone."""

import collections
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stages.core.program.errors import StageError
from stages.core.targets.assembly.completions import Prompt
from stages.core.targets.assembly.sources import Key, TargetSource
from stages.core.targets.assembly.token_counts import TokenCounts, count_raw, count_targets


@dataclass(frozen=True)
class Matched:
    """The token counts of the matched set under each target and of its raw traces.

    All of them have the same keys. `dropped` says how many rows left the set, by reason.
    """

    counts: dict[str, TokenCounts]  # by target
    raw: TokenCounts
    dropped: dict[str, int]


def match(
    sources: Mapping[str, TargetSource],
    raw_source: TargetSource,
    prompts: Mapping[str, Prompt],
    tokenizer: Any,
    max_tokens: int,
    per_question: int | None,
) -> Matched:
    """The rows that every target has and that fit `max_tokens` under every target.

    Rows with special tokens in a completion are left out, and of each question all but its first
    `per_question` rows, None for all. Raises StageError where nothing is left.
    """
    counts_by_target, common_keys, key_count = count_targets(sources, tokenizer)
    over_long = _over_long(counts_by_target.values(), common_keys, prompts, max_tokens)
    fitting = common_keys - over_long
    with_special = {
        key for counts in counts_by_target.values() for key in counts.special if key in fitting
    }
    keys = first_samples(fitting - with_special, per_question)
    if not keys:
        raise _nothing_left(common_keys, over_long, max_tokens)

    matched_counts = {target: counts.of(keys) for target, counts in counts_by_target.items()}
    # Arms are comparable or the run fails: this holds by construction, and is checked all the same.
    if any(counts.completion.keys() != keys for counts in matched_counts.values()):
        raise StageError("assemble: targets do not hold the same rows; rerun compress and shorten")
    return Matched(
        counts={target: matched_counts[target] for target in sources},
        raw=count_raw(matched_counts, raw_source, keys, tokenizer),
        dropped={
            "not_kept_by_all_targets": key_count - len(common_keys),
            "over_long": len(over_long),
            "special_tokens": len(with_special),
            "further_traces_of_a_question": len(fitting - with_special - keys),
        },
    )


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


def first_samples(keys: set[Key], per_question: int | None) -> set[Key]:
    """The first `per_question` samples of each question among `keys`, all of them for None."""
    samples_by_question: dict[str, list[int]] = collections.defaultdict(list)
    for question_id, sample in sorted(keys):
        samples_by_question[question_id].append(sample)
    return {
        (question_id, sample)
        for question_id, samples in samples_by_question.items()
        for sample in samples[:per_question]
    }


def _nothing_left(common_keys: set[Key], over_long: set[Key], max_tokens: int) -> StageError:
    """The error for arms without any rows."""
    if not common_keys:
        return StageError(
            "assemble: no trace is kept by all targets; see the drops in metrics of compress and shorten"
        )
    if common_keys == over_long:
        return StageError(
            f"text.max_tokens: none of {len(over_long)} examples fits {max_tokens} tokens; raise it"
        )
    return StageError(
        f"assemble: all {len(common_keys - over_long)} examples that fit hold special tokens of the student; "
        "clean the traces of its turn marks"
    )
