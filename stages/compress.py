"""compress: rewrite every trace into a shorter one with one compressor, and audit what it wrote.

The answers of an LLM are paid for once and kept in the store (data/store); see generate.

traces, compressors.<compressor>, audit
    -> data/<profile>/compressed/<teacher>/<compressor>.parquet,
       metrics/<profile>/compress/<teacher>-<compressor>.json,
       metrics/<profile>/cost/<teacher>-<compressor>.json
Run: python -m stages.compress --profile default --teacher scripted --compressor mild
"""

import collections
import functools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from stages.core import paths, records
from stages.core.asking import costs
from stages.core.asking.answering import Asker
from stages.core.asking.answers import Answer
from stages.core.asking.language_model import model_settings
from stages.core.asking.store import FOLDER, Store
from stages.core.program import command, params
from stages.core.program.complaints import quoted
from stages.core.program.errors import StageError
from stages.core.program.files import write_metrics
from stages.core.records import Trace, Variant
from stages.core.targets import parallel
from stages.core.targets.audit import Audit, audit
from stages.core.targets.compressors import LONGEST_TRACE, extractive, llm

PARAMS = {"compressor": "compressors.{compressor}", "audit": "audit"}
OpenTraces = Callable[[], Iterable[Trace]]  # opens the traces anew at each call


def compressor_of(config: Any, params_path: str) -> extractive.Extractive | llm.LLM:
    """The compressor that `config`, found at `params_path`, describes.

    Raises StageError where it describes none.
    """
    if not isinstance(config, dict):
        raise StageError(f"params.yaml: {params_path}: expected a mapping, found {quoted(config)}")
    kind = config.get("kind")  # it chooses the dataclass of the other entries
    entries = {name: value for name, value in config.items() if name != "kind"}
    if kind == "extractive":
        return params.section(extractive.Extractive, entries, params_path)
    if kind == "llm":
        model = params.section(llm.LLM, entries, params_path)
        model_settings(model, params_path)
        return model
    raise StageError(
        f"params.yaml: {params_path}.kind: {quoted(kind)} is unknown; known: extractive, llm"
    )


def shorten(
    open_traces: OpenTraces,
    config: Mapping[str, Any],
    rules: Audit,
    params_path: str,
    cost: costs.ModelCost,
    folder: Path = FOLDER,
) -> Iterator[Variant]:
    """Yields every trace's variant in order, kept or dropped with its reason.

    `config`, found at `params_path`, describes the compressor. `rules` say what drops a variant.
    `cost` adds up what the compressor took. `folder` is that of the store.
    """
    compressor = compressor_of(config, params_path)
    if isinstance(compressor, extractive.Extractive):
        extract = functools.partial(_extract, compressor=compressor, rules=rules)
        for extracted, seconds in parallel.ordered(extract, open_traces()):
            # An answer without tokens: only the seconds count
            cost.add(Answer(reasoning="", text="", finish_reason="stop", seconds=seconds))
            yield extracted
        return
    with Store(folder) as store:
        asker = Asker(compressor, store, params_path)
        for trace, answer in llm.compress(open_traces, compressor, asker):
            cost.add(answer)
            yield variant(trace, answer.text, answer.finish_reason, rules)


def _extract(
    trace: Trace, compressor: extractive.Extractive, rules: Audit
) -> tuple[Variant, float]:
    """The variant of `trace`, and the seconds that its compression took on one core."""
    if len(trace.reasoning) > LONGEST_TRACE:
        return variant(trace, "", "oversized", rules), 0.0
    started = time.perf_counter()
    text = extractive.compress(trace.question, trace.reasoning, trace.stated, compressor)
    seconds = time.perf_counter() - started
    return variant(trace, text, "stop", rules), seconds


def variant(trace: Trace, text: str, finish_reason: str, rules: Audit) -> Variant:
    """The compressed form of `trace` with its flags. `rules` say which of them drop it."""
    flags = audit(trace, text, finish_reason)
    drop_reason = rules.reason(flags)
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
        kept=drop_reason is None,
        drop_reason=drop_reason,
        flags=flags,
    )


class CompressionTally:
    """Counts per question set and the ratios of the kept variants, without holding the texts."""

    def __init__(self) -> None:
        self.rho: dict[str, list[float]] = collections.defaultdict(list)
        self.chars: dict[str, list[int]] = collections.defaultdict(list)
        self.dropped: dict[str, Counter[str]] = collections.defaultdict(Counter)
        self.flags: dict[str, Counter[str]] = collections.defaultdict(Counter)

    def watch(self, variants: Iterable[Variant]) -> Iterator[Variant]:
        """Passes `variants` on and counts them."""
        for compressed in variants:
            dropped = self.dropped[compressed.source]  # a set is noted even if all of it is kept
            if compressed.drop_reason:
                dropped[compressed.drop_reason] += 1
            self.flags[compressed.source].update(compressed.flags)
            if compressed.kept:
                self.rho[compressed.source].append(compressed.rho)
                self.chars[compressed.source].append(compressed.chars)
            yield compressed

    def summary(self) -> list[dict[str, Any]]:
        """Per question set: numbers of traces, and of the kept ones mean and quartiles of rho.

        rho = characters of the compressed reasoning / characters of the raw one. `flags` are of all
        traces, kept or not. A dropped trace counts under its first flag that drops.
        """
        return [self._summary_of(source) for source in sorted(self.dropped)]

    def _summary_of(self, source: str) -> dict[str, Any]:
        rho = self.rho[source]
        chars = self.chars[source]
        dropped = self.dropped[source]
        quartiles: list[float | None] = [None, None, None]
        if rho:
            quartiles = [round(float(value), 6) for value in np.quantile(rho, [0.25, 0.5, 0.75])]
        lower_quartile, median, upper_quartile = quartiles
        return {
            "source": source,
            "traces": len(rho) + sum(dropped.values()),
            "kept": len(rho),
            "dropped": dict(dropped),
            "flags": dict(self.flags[source]),
            "rho_mean": round(fmean(rho), 6) if rho else None,
            "mean_chars": round(fmean(chars), 2) if chars else None,
            "rho_q1": lower_quartile,
            "rho_median": median,
            "rho_q3": upper_quartile,
        }


@command.stage("profile", "teacher", "compressor")
def main(profile: str, teacher: str, compressor: str) -> None:
    """Compress a teacher's traces to data/<profile>/compressed/<teacher>/<compressor>.parquet."""
    # Check the params before anything is read
    declared = params.read(PARAMS, profile, teacher=teacher, compressor=compressor)
    params_path = f"compressors.{compressor}"
    rules = params.section(Audit, declared["audit"], "audit")
    compressor_of(declared["compressor"], params_path)

    # Compress and audit, row by row
    data = paths.data(profile)
    open_traces = functools.partial(records.read, data.traces(teacher), Trace)
    tally = CompressionTally()
    cost = costs.ModelCost()
    variants = shorten(open_traces, declared["compressor"], rules, params_path, cost)
    watched = command.progress(tally.watch(variants), "compress", unit="trace")
    records.write(data.compressed(teacher, compressor), watched, Variant)

    # Write the metrics
    file_stem = f"{teacher}-{compressor}"
    axes = {"teacher": teacher, "compressor": compressor}
    write_metrics(paths.metric(profile, "compress", file_stem), axes | {"sets": tally.summary()})
    write_metrics(paths.metric(profile, "cost", file_stem), axes | cost.summary())


if __name__ == "__main__":
    main()
