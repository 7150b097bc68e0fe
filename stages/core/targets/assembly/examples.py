"""The examples of the matched set, and what the metrics say of them."""

import collections
import heapq
from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean

from stages.core.records import Example, Question, Trace, Variant
from stages.core.targets.assembly.completions import Prompt, completion
from stages.core.targets.assembly.kinds.interface import Plan
from stages.core.targets.assembly.sources import (
    Key,
    TargetSource,
    answer_of,
    kept_rows,
    key_of,
    reasoning_of,
)
from stages.core.targets.assembly.token_counts import TokenCounts

PlannedRow = tuple[Key, Trace | Variant, TargetSource]  # with its key of the matched set


def examples(
    plan: Plan,
    sources: Mapping[str, TargetSource],
    completion_tokens: Mapping[Key, int],
    raw_tokens: Mapping[Key, int],
    prompts: Mapping[str, Prompt],
    eos: str,
) -> Iterator[Example]:
    """Yields the examples of one target, in order of their rows.

    `completion_tokens` and `raw_tokens` are the lengths of completions, of this target and of the
    raw trace, by key of the matched set. `prompts` are by question_id.
    """
    for key, row, source in _planned_rows(plan, sources):
        prompt = prompts[row.question_id]
        yield Example(
            question_id=row.question_id,
            sample=row.sample,
            prompt=prompt.text,
            completion=completion(reasoning_of(row, source), answer_of(row, source), eos),
            prompt_tokens=prompt.tokens,
            completion_tokens=completion_tokens[key],
            raw_tokens=raw_tokens[key],
        )


def _planned_rows(plan: Plan, sources: Mapping[str, TargetSource]) -> Iterator[PlannedRow]:
    """Yields the rows of a plan in their order, from the files of all their sources at once."""
    keys_by_source: dict[str, dict[Key, Key]] = collections.defaultdict(dict)
    for key, planned in plan.items():
        keys_by_source[planned.source][planned.key] = key
    rows_by_source = [
        _rows_of(sources[name], matched_keys) for name, matched_keys in keys_by_source.items()
    ]
    return heapq.merge(*rows_by_source, key=lambda planned: key_of(planned[1]))


def _rows_of(source: TargetSource, matched_keys: Mapping[Key, Key]) -> Iterator[PlannedRow]:
    """Yields the rows of a source that are planned. `matched_keys` are by the rows' own keys."""
    for row in kept_rows(source):
        key = matched_keys.get(key_of(row))
        if key is not None:
            yield key, row, source


def rho_tokens(
    counts_by_target: Mapping[str, TokenCounts],
    raw: TokenCounts,
    rewritten: Iterable[str],
    questions: Mapping[str, Question],
) -> dict[str, dict[str, float]]:
    """Per rewritten target and question set: the mean of rho in tokens.

    rho = tokens of the target's reasoning / tokens of the raw trace's. `questions` are by
    question_id.
    """
    means: dict[str, dict[str, float]] = {}
    for target in rewritten:
        ratios_by_source: dict[str, list[float]] = collections.defaultdict(list)
        for key, size in counts_by_target[target].reasoning.items():
            question_id, _ = key
            ratios_by_source[questions[question_id].source].append(size / raw.reasoning[key])
        means[target] = {
            source: round(fmean(ratios), 6) for source, ratios in sorted(ratios_by_source.items())
        }
    return means


def summary(
    counts_by_target: Mapping[str, TokenCounts], prompts: Mapping[str, Prompt]
) -> dict[str, dict[str, int]]:
    """Per target: the number of examples, and the sums of prompt and completion tokens."""
    return {
        target: {
            "examples": len(counts.completion),
            "prompt_tokens": sum(
                prompts[question_id].tokens for question_id, _ in counts.completion
            ),
            "completion_tokens": sum(counts.completion.values()),
        }
        for target, counts in counts_by_target.items()
    }
