"""compress: rewrite every kept trace into a shorter one with one compressor, and audit what it
wrote.

An LLM's answers are paid for once and kept in the store (data/store); see generate.

traces, compressors.<compressor>, audit -> data/<profile>/compressed/<teacher>/<compressor>.parquet,
    metrics/<profile>/compress/<teacher>-<compressor>.json, metrics/<profile>/cost/<teacher>-<compressor>.json
Run: python -m stages.compress --profile default --teacher scripted --compressor mild
"""

import collections
import functools
import time
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
Traces = Callable[[], Iterable[Trace]]  # opens them anew each time


def compressor_of(config: Any, place: str) -> extractive.Extractive | llm.LLM:
    """The compressor that `config`, found at `place` in the params, describes. Raises StageError
    for none.
    """
    if not isinstance(config, dict):
        raise StageError(f"params.yaml: {place}: expected a mapping, found {quoted(config)}")
    settings = {key: value for key, value in config.items() if key != "kind"}
    if config.get("kind") == "extractive":
        return params.section(extractive.Extractive, settings, place)
    if config.get("kind") == "llm":
        model = params.section(llm.LLM, settings, place)
        model_settings(model, place)
        return model
    raise StageError(
        f"params.yaml: {place}.kind: {quoted(config.get('kind'))} is unknown; known: extractive, llm"
    )


def shorten(
    read: Traces,
    config: Mapping[str, Any],
    rules: Audit,
    place: str,
    cost: costs.ModelCost,
    folder: Path = FOLDER,
) -> Iterator[Variant]:
    """Every trace's variant in order, kept or dropped with its reason. `place` is the name of
    `config` in params.
    """
    how = compressor_of(config, place)
    if isinstance(how, extractive.Extractive):
        for found, seconds in parallel.ordered(
            functools.partial(_extract, strength=how, rules=rules), read()
        ):
            cost.add(Answer(reasoning="", text="", finish_reason="stop", seconds=seconds))
            yield found
        return
    with Store(folder) as store:
        for trace, answer in llm.compress(read, how, Asker(how, store, place)):
            cost.add(answer)
            yield variant(trace, answer.text, answer.finish_reason, rules)


def _extract(trace: Trace, strength: extractive.Extractive, rules: Audit) -> tuple[Variant, float]:
    """The variant of `trace`, and the seconds that its compression took on one core."""
    if len(trace.reasoning) > LONGEST_TRACE:
        return variant(trace, "", "oversized", rules), 0.0
    began = time.perf_counter()
    text = extractive.compress(trace.question, trace.reasoning, trace.stated, strength)
    seconds = time.perf_counter() - began
    return variant(trace, text, "stop", rules), seconds


def variant(trace: Trace, text: str, finish_reason: str, rules: Audit) -> Variant:
    """The compressed form of `trace` with its flags; `rules` say which of them drop it."""
    flags = audit(trace, text, finish_reason)
    drop = rules.reason(flags)
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
        flags=flags,
    )


class Tally:
    """Per question set, what passed: counts and rho of the kept, for the metrics, without holding
    the texts.
    """

    def __init__(self) -> None:
        self.rho: dict[str, list[float]] = collections.defaultdict(list)
        self.chars: dict[str, list[int]] = collections.defaultdict(list)
        self.dropped: dict[str, collections.Counter[str]] = collections.defaultdict(
            collections.Counter
        )
        self.flags: dict[str, collections.Counter[str]] = collections.defaultdict(
            collections.Counter
        )

    def watch(self, variants: Iterable[Variant]) -> Iterator[Variant]:
        """Passes `variants` on and counts them."""
        for row in variants:
            self.dropped[row.source].update([row.drop_reason] if row.drop_reason else [])
            self.flags[row.source].update(row.flags)
            if row.kept:
                self.rho[row.source].append(row.rho)
                self.chars[row.source].append(row.chars)
            yield row

    def summary(self) -> list[dict[str, Any]]:
        """rho = characters of the compressed reasoning / of the raw one: mean and quartiles over
        kept traces.

        `flags` are of all traces, kept or not; a dropped one counts under its first flag that
        drops.
        """
        found = []
        for source in sorted(self.dropped):
            rho, chars, dropped = self.rho[source], self.chars[source], self.dropped[source]
            quartiles = (
                [round(float(q), 6) for q in np.quantile(rho, [0.25, 0.5, 0.75])]
                if rho
                else [None] * 3
            )
            found.append(
                {
                    "source": source,
                    "traces": len(rho) + sum(dropped.values()),
                    "kept": len(rho),
                    "dropped": dict(dropped),
                    "flags": dict(self.flags[source]),
                    "rho_mean": round(fmean(rho), 6) if rho else None,
                    "mean_chars": round(fmean(chars), 2) if chars else None,
                }
                | dict(zip(("rho_q1", "rho_median", "rho_q3"), quartiles, strict=True))
            )
        return found


@command.stage("profile", "teacher", "compressor")
def main(profile: str, teacher: str, compressor: str) -> None:
    """Compress one teacher's traces into data/<profile>/compressed/<teacher>/<compressor>.parquet."""
    declared = params.read(PARAMS, profile, teacher=teacher, compressor=compressor)
    rules = params.section(Audit, declared["audit"], "audit")
    compressor_of(declared["compressor"], f"compressors.{compressor}")
    data, tally, cost = paths.data(profile), Tally(), costs.ModelCost()
    read = functools.partial(records.read, data.traces(teacher), Trace)
    variants = tally.watch(
        shorten(read, declared["compressor"], rules, f"compressors.{compressor}", cost)
    )
    out = data.compressed(teacher, compressor)
    records.write(out, command.progress(variants, "compress", unit="trace"), Variant)
    which = {"teacher": teacher, "compressor": compressor}
    write_metrics(
        paths.metric(profile, "compress", f"{teacher}-{compressor}"),
        which | {"sets": tally.summary()},
    )
    write_metrics(paths.metric(profile, "cost", f"{teacher}-{compressor}"), which | cost.summary())


if __name__ == "__main__":
    main()
