"""truncate: cut every raw trace to the token budget of its compressed one: the length-matched
control.

The budget is counted in the student's tokens, trace by trace. The reasoning is cut, the answer
stays.

traces, compressed, the student's tokenizer
    -> data/<profile>/truncated/<teacher>/<student>/<compressor>.parquet,
       metrics/<profile>/truncate/<teacher>-<compressor>-<student>.json
Run: python -m stages.truncate --profile default --teacher scripted --compressor mild --student smollm2
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
    """Yields each trace cut to its compressed form's tokens, with that budget; dropped pairs stay
    dropped.

    A compressed trace longer than its raw one leaves the raw one whole.
    """
    for batch in lengths.ahead(functools.partial(_cut, tokenizer=tokenizer), pairs):
        yield from batch


def _cut(batch: Sequence[tuple[Trace, Variant]], tokenizer: Any) -> list[tuple[Variant, int]]:
    budgets = lengths.counts(tokenizer, [compressed.reasoning for _, compressed in batch])
    starts = lengths.firsts(tokenizer, [trace.reasoning for trace, _ in batch], budgets)
    sizes = lengths.counts(tokenizer, [text for text, _ in starts])
    return [
        (
            replace(
                compressed,
                reasoning=text,
                chars=len(text),
                rho=len(text) / len(trace.reasoning),
                raw_tokens=raw,
                tokens=size,
                kept=compressed.kept and bool(text),
                drop_reason=compressed.drop_reason or (None if text else "empty"),
                flags=(),
            ),
            budget,
        )
        for (trace, compressed), budget, (text, raw), size in zip(
            batch, budgets, starts, sizes, strict=True
        )
    ]


class Tally:
    """Counts what passes, for the metrics, without holding the texts."""

    def __init__(self) -> None:
        self.traces = self.kept = self.tokens = self.budget = 0

    def watch(self, found: Iterable[tuple[Variant, int]]) -> Iterator[Variant]:
        """Passes the variants on and counts them."""
        for row, budget in found:
            self.traces += 1
            if row.kept:
                self.kept += 1
                self.tokens += row.tokens or 0
                self.budget += budget
            yield row

    def summary(self) -> dict[str, Any]:
        """Traces, and means over the kept ones."""
        kept = self.kept
        return {
            "traces": self.traces,
            "kept": kept,
            "mean_tokens": round(self.tokens / kept, 4) if kept else None,
            "mean_budget": round(self.budget / kept, 4) if kept else None,
        }


def paired(
    traces: Iterable[Trace], variants: Iterable[Variant], where: Path
) -> Iterator[tuple[Trace, Variant]]:
    """Traces with their variants. Raises StageError where the two files do not hold the same rows."""
    for trace, variant in zip_longest(traces, variants):
        row = trace or variant
        if not (trace and variant) or (trace.question_id, trace.sample) != (
            variant.question_id,
            variant.sample,
        ):
            raise StageError(
                f"{where}: not made from these traces (question {row.question_id}); rerun compress"
            )
        yield trace, variant


@command.stage("profile", "teacher", "compressor", "student")
def main(profile: str, teacher: str, compressor: str, student: str) -> None:
    """Cut one teacher's traces to one compressor's lengths in one student's tokens."""
    params.read(PARAMS, profile, teacher=teacher, compressor=compressor, student=student)
    data = paths.data(profile)
    tokenizer = tokens.load(data.model(student))
    compressed = data.compressed(teacher, compressor)
    traces = records.read(data.traces(teacher), Trace)
    pairs = paired(traces, records.read(compressed, Variant), compressed)
    tally = Tally()
    found = tally.watch(cut(command.progress(pairs, "truncate", unit="trace"), tokenizer))
    records.write(data.truncated(teacher, student, compressor), found, Variant)
    result = {"teacher": teacher, "compressor": compressor, "student": student} | tally.summary()
    write_json(paths.metric(profile, "truncate", f"{teacher}-{compressor}-{student}"), result)


if __name__ == "__main__":
    main()
