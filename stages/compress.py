"""compress: rewrite every kept trace into a shorter one with one compressor.

traces, compressors.<compressor> -> data/<profile>/compressed/<teacher>/<compressor>.parquet,
    metrics/<profile>/compress/<teacher>-<compressor>.json
Run: python -m stages.compress --profile default --teacher scripted --compressor mild
"""

import collections
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from stages.core import command, params, records
from stages.core.compressors import extractive, llm
from stages.core.errors import StageError
from stages.core.files import write_json
from stages.core.records import Trace, Variant

PARAMS = {"compressor": "compressors.{compressor}"}


def shorten(traces: Iterable[Trace], config: Mapping[str, Any], place: str) -> Iterator[Variant]:
    """Every trace's variant in order, kept or dropped with its reason. `place` is the name of `config` in params."""
    settings = {key: value for key, value in config.items() if key != "kind"}
    if config.get("kind") == "extractive":
        strength = params.section(extractive.Extractive, settings, place)
        for trace in traces:
            text = extractive.compress(trace.question, trace.reasoning, trace.stated, strength)
            yield variant(trace, text, "stop")
    elif config.get("kind") == "llm":
        whole = list(traces)
        for trace, (text, reason) in zip(
            whole, llm.compress(whole, params.section(llm.LLM, settings, place)), strict=True
        ):
            yield variant(trace, text, reason)
    else:
        raise StageError(f"{place}.kind: {config.get('kind')!r} is unknown; known: extractive, llm")


def variant(trace: Trace, text: str, finish_reason: str) -> Variant:
    """The compressed form of `trace`; empty, cut and over-long ones are dropped with that reason."""
    reasons = {"length": "cut_at_limit", "too_long": "over_context"}
    drop = reasons.get(finish_reason) or (None if text else "empty")
    return Variant(
        question_id=trace.question_id,
        sample=trace.sample,
        source=trace.source,
        reasoning=text,
        answer=trace.answer,
        raw_chars=len(trace.reasoning),
        chars=len(text),
        rho=len(text) / len(trace.reasoning),
        raw_tokens=None,
        tokens=None,
        finish_reason=finish_reason,
        kept=drop is None,
        drop_reason=drop,
    )


class Tally:
    """Per question set, what passed: counts and rho of the kept, for the metrics, without holding the texts."""

    def __init__(self) -> None:
        self.rho: dict[str, list[float]] = collections.defaultdict(list)
        self.chars: dict[str, list[int]] = collections.defaultdict(list)
        self.dropped: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)

    def watch(self, variants: Iterable[Variant]) -> Iterator[Variant]:
        """Passes `variants` on and counts them."""
        for row in variants:
            self.dropped[row.source].update([row.drop_reason] if row.drop_reason else [])
            if row.kept:
                self.rho[row.source].append(row.rho)
                self.chars[row.source].append(row.chars)
            yield row

    def summary(self) -> list[dict[str, Any]]:
        """rho = characters of the compressed reasoning / of the raw one: mean and quartiles over kept traces."""
        found = []
        for source in sorted(self.dropped):
            rho, chars, dropped = self.rho[source], self.chars[source], self.dropped[source]
            quartiles = [round(float(q), 6) for q in np.quantile(rho, [0.25, 0.5, 0.75])] if rho else [None] * 3
            found.append(
                {
                    "source": source,
                    "traces": len(rho) + sum(dropped.values()),
                    "kept": len(rho),
                    "dropped": dict(dropped),
                    "rho_mean": round(fmean(rho), 6) if rho else None,
                    "mean_chars": round(fmean(chars), 2) if chars else None,
                }
                | dict(zip(("rho_q1", "rho_median", "rho_q3"), quartiles, strict=True))
            )
        return found


@command.stage("profile", "teacher", "compressor")
def main(profile: str, teacher: str, compressor: str) -> None:
    """Compress one teacher's traces into data/<profile>/compressed/<teacher>/<compressor>.parquet."""
    config = params.read(PARAMS, profile, compressor=compressor)["compressor"]
    data, tally = Path("data") / profile, Tally()
    traces = records.read(data / "traces" / f"{teacher}.parquet", Trace)
    variants = tally.watch(shorten(traces, config, f"compressors.{compressor}"))
    out = data / "compressed" / teacher / f"{compressor}.parquet"
    records.write(out, command.progress(variants, "compress", unit="trace"), Variant)
    result = {"teacher": teacher, "compressor": compressor, "sets": tally.summary()}
    write_json(Path("metrics") / profile / "compress" / f"{teacher}-{compressor}.json", result)


if __name__ == "__main__":
    main()
