"""shorten: bring every raw trace down to a budget of the student's tokens.

The budget is a share of the raw trace's tokens, or the tokens of what a compressor made of it. The
second makes a length-matched control of that compressor, trace by trace. The reasoning is shortened,
the answer stays.

traces, compressed, the student's model, shorteners.<shortener>
    -> data/<profile>/shortened/<teacher>/<student>/<shortener>.parquet,
       metrics/<profile>/shorten/<teacher>-<shortener>-<student>.json
Run: python -m stages.shorten --profile default --teacher scripted --shortener truncated_mild
     --student smollm2
"""

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from stages.core import paths, records, tokens
from stages.core.asking.store import FOLDER
from stages.core.paths import DataPaths
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.program.files import write_json
from stages.core.records import Trace, Variant
from stages.core.targets import lengths
from stages.core.targets.lengths import LastEncodings
from stages.core.targets.shorteners.budgets import Budget, shares
from stages.core.targets.shorteners.kinds import Shortener, Student, settings_of
from stages.core.targets.variants import variant_of

PARAMS = {"shortener": "shorteners.{shortener}"}


class Pair(NamedTuple):
    """A trace, and what the compressor of the budget made of it, where there is one."""

    trace: Trace
    compressed: Variant | None


class Shortened(NamedTuple):
    """A shortened trace, and its budget in tokens."""

    variant: Variant
    budget: int


def shorten(
    pairs: Iterable[Pair], budget: Budget, shortener: Shortener, student: Student
) -> Iterator[Shortened]:
    """Yields each trace, shortened to its budget.

    A trace whose compressed form was dropped is dropped too, for the same reason. One that has no
    more tokens than its budget stays whole.
    """
    shorten_batch = functools.partial(
        _shorten_batch, budget=budget, shortener=shortener, student=student
    )
    for batch in lengths.ahead(shorten_batch, pairs):
        yield from batch


def _shorten_batch(
    batch: Sequence[Pair], budget: Budget, shortener: Shortener, student: Student
) -> list[Shortened]:
    traces = [pair.trace for pair in batch]
    encodings = student.encodings.of([trace.reasoning for trace in traces])
    raw_sizes = [len(encoding) for encoding in encodings]
    budgets = _budgets(batch, raw_sizes, budget, student)
    texts = shortener.shorten(traces, budgets)
    sizes = student.encodings.counts(texts)
    return [
        Shortened(_variant(pair, text, raw_size, size), token_budget)
        for pair, text, raw_size, size, token_budget in zip(
            batch, texts, raw_sizes, sizes, budgets, strict=True
        )
    ]


def _budgets(
    batch: Sequence[Pair], raw_sizes: Sequence[int], budget: Budget, student: Student
) -> list[int]:
    """The budget of each trace of the batch, in tokens."""
    if budget.ratio is not None:
        return shares(raw_sizes, budget.ratio)
    texts = [pair.compressed.reasoning for pair in batch if pair.compressed is not None]
    return lengths.counts(student.tokenizer, texts)


def _variant(pair: Pair, text: str, raw_size: int, size: int) -> Variant:
    """The shortened form of a trace. `raw_size` and `size` are the tokens of both."""
    trace, compressed = pair
    drop_reason = compressed.drop_reason if compressed else None
    if drop_reason is None and not text.strip():
        drop_reason = "empty"
    # The audit is of what a compressor wrote, so there are no flags
    return variant_of(
        trace,
        text,
        finish_reason=compressed.finish_reason if compressed else "stop",
        drop_reason=drop_reason,
        raw_tokens=raw_size,
        tokens=size,
    )


class ShorteningTally:
    """Sums over the variants that pass, without holding the texts."""

    def __init__(self) -> None:
        self.traces = 0
        self.dropped: Counter[str] = Counter()
        # Of the kept variants
        self.tokens = 0
        self.budget = 0
        self.over_budget = 0

    def watch(self, shortened: Iterable[Shortened]) -> Iterator[Variant]:
        """Passes the variants on and counts them and their budgets."""
        for row, budget in shortened:
            self.traces += 1
            if row.drop_reason:
                self.dropped[row.drop_reason] += 1
            else:
                self.tokens += row.tokens or 0
                self.budget += budget
                self.over_budget += (row.tokens or 0) > budget
            yield row

    def summary(self) -> dict[str, Any]:
        """The number of traces, of the kept and the dropped ones, and of the kept ones the means
        and how many have more tokens than their budget.
        """
        kept = self.traces - self.dropped.total()
        return {
            "traces": self.traces,
            "kept": kept,
            "dropped": dict(sorted(self.dropped.items())),
            "over_budget": self.over_budget,
            "mean_tokens": round(self.tokens / kept, 4) if kept else None,
            "mean_budget": round(self.budget / kept, 4) if kept else None,
        }


def paired(
    traces: Iterable[Trace], variants: Iterable[Variant], variants_path: Path
) -> Iterator[Pair]:
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
        yield Pair(trace, variant)


def _key(row: Trace | Variant) -> tuple[str, int]:
    return row.question_id, row.sample


def _pairs(data: DataPaths, teacher: str, budget: Budget) -> Iterator[Pair]:
    """The traces of a teacher, with the compressed forms that their budget may need."""
    traces = records.read(data.traces(teacher), Trace)
    if budget.budget_of is None:
        return (Pair(trace, None) for trace in traces)
    compressed_path = data.compressed(teacher, budget.budget_of)
    return paired(traces, records.read(compressed_path, Variant), compressed_path)


@command.stage("profile", "teacher", "shortener", "student")
def main(profile: str, teacher: str, shortener: str, student: str) -> None:
    """Shorten one teacher's traces to their budgets in one student's tokens."""
    # Check the params before anything is read
    axes = {"teacher": teacher, "shortener": shortener, "student": student}
    declared = params.read(PARAMS, profile, **axes)
    params_path = f"shorteners.{shortener}"
    kind, settings = settings_of(declared["shortener"], params_path)

    # Load: traces and variants are read as they are shortened
    data = paths.data(profile)
    tokenizer = tokens.load(data.model(student))
    resources = Student(
        tokenizer=tokenizer,
        encodings=LastEncodings(tokenizer),
        model_folder=data.model(student),
        store_folder=FOLDER,
    )
    pairs = command.progress(_pairs(data, teacher, settings), "shorten", unit="trace")

    # Shorten
    tally = ShorteningTally()
    shortened_path = data.shortened(teacher, student, shortener)
    with kind.open(settings, resources, params_path) as opened:
        shortened = shorten(pairs, settings, opened, resources)
        records.write(shortened_path, tally.watch(shortened), Variant)

    # Save the metrics
    metric_path = paths.metric(profile, "shorten", f"{teacher}-{shortener}-{student}")
    budgets = {"budget_of": settings.budget_of, "ratio": settings.ratio}
    write_json(metric_path, axes | budgets | tally.summary())


if __name__ == "__main__":
    main()
