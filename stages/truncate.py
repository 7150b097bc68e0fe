"""truncate: cut every raw trace to the token budget of its compressed one.

The result is the length-matched control of a compressor. The budget is counted in the student's
tokens, trace by trace. The reasoning is cut, the answer stays.

traces, compressed, the student's tokenizer
    -> data/<profile>/truncated/<teacher>/<student>/<compressor>.parquet,
       metrics/<profile>/truncate/<teacher>-<compressor>-<student>.json
Run: python -m stages.truncate --profile default --teacher scripted --compressor mild
     --student smollm2
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from stages.core import paths, records, tokens
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.program.files import write_json
from stages.core.records import Trace, Variant
from stages.core.targets import lengths

PARAMS: dict[str, str] = {}


def cut(pairs: Iterable[tuple[Trace, Variant]], tokenizer: Any) -> Iterator[tuple[Variant, int]]:
    """Yields each trace, cut to the tokens of its compressed form, with that budget in tokens.

    A trace whose compressed form was dropped is dropped too, for the same reason. One whose
    compressed form is longer than itself stays whole.
    """
    cut_batch = functools.partial(_cut_batch, tokenizer=tokenizer)
    for batch in lengths.ahead(cut_batch, pairs):
        yield from batch


def _cut_batch(batch: Sequence[tuple[Trace, Variant]], tokenizer: Any) -> list[tuple[Variant, int]]:
    """The truncated variants of a batch with their budgets."""
    budgets = lengths.counts(tokenizer, [compressed.reasoning for _, compressed in batch])
    starts = lengths.firsts(tokenizer, [trace.reasoning for trace, _ in batch], budgets)
    start_token_counts = lengths.counts(tokenizer, [start for start, _ in starts])
    variants = []
    rows = zip(batch, starts, start_token_counts, strict=True)
    for (trace, compressed), (start, raw_tokens), start_tokens in rows:
        truncated = replace(
            compressed,
            reasoning=start,
            chars=len(start),
            rho=len(start) / len(trace.reasoning),
            raw_tokens=raw_tokens,
            tokens=start_tokens,
            # A budget may end inside the first character, and leave nothing
            kept=compressed.kept and bool(start),
            drop_reason=compressed.drop_reason or (None if start else "empty"),
            flags=(),  # the audit is of what a compressor wrote
        )
        variants.append(truncated)
    return list(zip(variants, budgets, strict=True))


class TruncationTally:
    """Sums over the variants that pass, without holding the texts."""

    def __init__(self) -> None:
        self.traces = 0
        self.kept = 0
        self.tokens = 0  # of the kept variants, and so is the budget
        self.budget = 0

    def watch(self, truncated: Iterable[tuple[Variant, int]]) -> Iterator[Variant]:
        """Passes the variants on and counts them and their budgets."""
        for variant, budget in truncated:
            self.traces += 1
            if variant.kept:
                self.kept += 1
                self.tokens += variant.tokens or 0
                self.budget += budget
            yield variant

    def summary(self) -> dict[str, Any]:
        """The number of traces, of the kept ones, and the means over the kept ones."""
        kept = self.kept
        return {
            "traces": self.traces,
            "kept": kept,
            "mean_tokens": round(self.tokens / kept, 4) if kept else None,
            "mean_budget": round(self.budget / kept, 4) if kept else None,
        }


def paired(
    traces: Iterable[Trace], variants: Iterable[Variant], variants_path: Path
) -> Iterator[tuple[Trace, Variant]]:
    """Yields each trace with its variant.

    Raises StageError that names `variants_path` where the two files do not hold the same rows.
    """
    for trace, variant in zip_longest(traces, variants):
        if trace is None or variant is None or _key(trace) != _key(variant):
            question_id = (trace or variant).question_id
            raise StageError(
                f"{variants_path}: not made from these traces (question {question_id}); rerun "
                "compress"
            )
        yield trace, variant


def _key(row: Trace | Variant) -> tuple[str, int]:
    return row.question_id, row.sample


@command.stage("profile", "teacher", "compressor", "student")
def main(profile: str, teacher: str, compressor: str, student: str) -> None:
    """Cut one teacher's traces to one compressor's lengths in one student's tokens."""
    # No entry is used, but a wrong profile or name is refused
    params.read(PARAMS, profile, teacher=teacher, compressor=compressor, student=student)
    # Load: traces and variants are read as they are cut
    data = paths.data(profile)
    tokenizer = tokens.load(data.model(student))
    compressed_path = data.compressed(teacher, compressor)
    traces = records.read(data.traces(teacher), Trace)
    pairs = paired(traces, records.read(compressed_path, Variant), compressed_path)

    # Cut
    tally = TruncationTally()
    truncated = cut(command.progress(pairs, "truncate", unit="trace"), tokenizer)
    truncated_path = data.truncated(teacher, student, compressor)
    records.write(truncated_path, tally.watch(truncated), Variant)

    # Save the metrics
    axes = {"teacher": teacher, "compressor": compressor, "student": student}
    metric_path = paths.metric(profile, "truncate", f"{teacher}-{compressor}-{student}")
    write_json(metric_path, axes | tally.summary())


if __name__ == "__main__":
    main()
