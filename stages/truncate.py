"""truncate: cut every raw trace to the token budget of its compressed one: the length-matched control.

The budget is counted in the student's tokens, trace by trace. The reasoning is cut, the answer stays.

traces, compressed, the student's tokenizer
    -> data/<profile>/truncated/<teacher>/<student>/<compressor>.parquet,
       metrics/<profile>/truncate/<teacher>-<compressor>-<student>.json
Run: python -m stages.truncate --profile default --teacher scripted --compressor mild --student smollm2
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from statistics import fmean
from typing import Any

from stages.core import command, params, records, tokens
from stages.core.errors import StageError
from stages.core.files import write_json
from stages.core.records import Trace, Variant

PARAMS: dict[str, str] = {}


def cut(pairs: Iterable[tuple[Trace, Variant]], tokenizer: Any) -> Iterator[tuple[Variant, int]]:
    """Yields each trace cut to its compressed form's tokens, with that budget; dropped pairs stay dropped.

    A compressed trace longer than its raw one leaves the raw one whole.
    """
    for trace, compressed in pairs:
        budget = tokens.count(tokenizer, compressed.reasoning)
        text = tokens.first(tokenizer, trace.reasoning, budget)
        yield (
            replace(
                compressed,
                reasoning=text,
                chars=len(text),
                rho=len(text) / len(trace.reasoning),
                raw_tokens=tokens.count(tokenizer, trace.reasoning),
                tokens=tokens.count(tokenizer, text),
                kept=compressed.kept and bool(text),
                drop_reason=compressed.drop_reason or (None if text else "empty"),
                flags=(),
            ),
            budget,
        )


def paired(traces: Iterable[Trace], variants: Iterable[Variant], where: Path) -> Iterator[tuple[Trace, Variant]]:
    """Traces with their variants. Raises StageError where the two files do not hold the same rows."""
    for trace, variant in zip_longest(traces, variants):
        row = trace or variant
        if not (trace and variant) or (trace.question_id, trace.sample) != (variant.question_id, variant.sample):
            raise StageError(f"{where}: not made from these traces (question {row.question_id}); rerun compress")
        yield trace, variant


@command.stage("profile", "teacher", "compressor", "student")
def main(profile: str, teacher: str, compressor: str, student: str) -> None:
    """Cut one teacher's traces to one compressor's lengths in one student's tokens."""
    params.read(PARAMS, profile)
    data = Path("data") / profile
    tokenizer = tokens.load(data / "models" / student)
    compressed = data / "compressed" / teacher / f"{compressor}.parquet"
    traces = records.read(data / "traces" / f"{teacher}.parquet", Trace)
    pairs = paired(traces, records.read(compressed, Variant), compressed)
    rows = list(command.progress(cut(pairs, tokenizer), "truncate", unit="trace"))
    out = data / "truncated" / teacher / student / f"{compressor}.parquet"
    records.write(out, (variant for variant, _ in rows), Variant)
    kept = [(variant, budget) for variant, budget in rows if variant.kept]
    result = {"teacher": teacher, "compressor": compressor, "student": student, "traces": len(rows)} | {
        "kept": len(kept),
        "mean_tokens": round(fmean(row.tokens or 0 for row, _ in kept), 4) if kept else None,
        "mean_budget": round(fmean(budget for _, budget in kept), 4) if kept else None,
    }
    write_json(Path("metrics") / profile / "truncate" / f"{teacher}-{compressor}-{student}.json", result)


if __name__ == "__main__":
    main()
