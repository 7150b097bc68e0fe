"""compress: rewrite every trace into a shorter one with one compressor, and audit what it wrote.

The answers of an LLM are paid for once and kept in the store (data/store); see generate.

traces, compressors.<compressor>, audit
    -> data/<profile>/compressed/<teacher>/<compressor>.parquet,
       metrics/<profile>/compress/<teacher>-<compressor>.json,
       metrics/<profile>/cost/<teacher>-<compressor>.json
Run: python -m stages.compress --profile default --teacher scripted --compressor mild
"""

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.core import paths, records
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
from stages.core.targets.audit import FLAGS, Audit, audit
from stages.core.targets.compressors import LONGEST_TRACE, extractive, llm
from stages.core.targets.steps import StepsKept, steps_kept
from stages.core.targets.tally import CompressionTally, Measures
from stages.core.targets.variants import variant_of

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
    measures: Measures,
    folder: Path = FOLDER,
) -> Iterator[Variant]:
    """Yields every trace's variant in order, kept or dropped with its reason.

    `config`, found at `params_path`, describes the compressor. `rules` say what drops a variant.
    `measures` are added to. `folder` is that of the store.
    """
    compressor = compressor_of(config, params_path)
    if isinstance(compressor, llm.LLM):
        yield from _rewritten(open_traces, compressor, rules, params_path, measures, folder)
    else:
        extract = functools.partial(_extract, compressor=compressor, rules=rules)
        for extracted, steps, seconds in parallel.ordered(extract, open_traces()):
            # An answer without tokens: only the seconds count
            measures.cost.add(Answer(reasoning="", text="", finish_reason="stop", seconds=seconds))
            measures.steps.add(extracted.source, steps)
            yield extracted


def _rewritten(
    open_traces: OpenTraces,
    compressor: llm.LLM,
    rules: Audit,
    params_path: str,
    measures: Measures,
    folder: Path,
) -> Iterator[Variant]:
    """Yields the variants that a model wrote; the arguments are those of `shorten`."""
    find_fault = functools.partial(_fault, rules=rules)
    with Store(folder) as store:
        asker = Asker(compressor, store, params_path, examples=compressor.turns)
        answered_traces = llm.compress(open_traces, compressor, asker, find_fault)
        choose = functools.partial(_choose, rules=rules)
        for chosen, steps, answers in parallel.ordered(choose, answered_traces):
            for answer in answers:
                measures.cost.add(answer)
            measures.retries.add(chosen.source, answers, chosen.kept)
            measures.steps.add(chosen.source, steps)
            yield chosen


def _choose(
    answered_trace: tuple[Trace, list[Answer]], rules: Audit
) -> tuple[Variant, StepsKept | None, list[Answer]]:
    """The variant of a trace and its steps, with the answers that it was chosen from."""
    trace, answers = answered_trace
    chosen = shortest(trace, answers, rules)
    return chosen, _steps(trace, chosen), answers


def _fault(trace: Trace, answer: Answer, rules: Audit) -> str | None:
    """What is wrong with an answer that `rules` drop, in words; None where it passes."""
    reason = rules.reason(audit(trace, answer.text, answer.finish_reason))
    return FLAGS[reason] if reason else None


def shortest(trace: Trace, answers: Sequence[Answer], rules: Audit) -> Variant:
    """The variant of the shortest of `answers` that passes, the first of equals.

    Where none passes, it is that of the first answer, with its reason.
    """
    variants = [variant(trace, answer.text, answer.finish_reason, rules) for answer in answers]
    kept = [row for row in variants if row.kept]
    return min(kept, key=lambda row: row.chars, default=variants[0])


def _extract(
    trace: Trace, compressor: extractive.Extractive, rules: Audit
) -> tuple[Variant, StepsKept | None, float]:
    """The variant of `trace`, its steps, and the seconds that its compression took on one core."""
    if len(trace.reasoning) > LONGEST_TRACE:
        return variant(trace, "", "oversized", rules), None, 0.0
    started = time.perf_counter()
    text = extractive.compress(trace.question, trace.reasoning, trace.stated, compressor)
    seconds = time.perf_counter() - started
    extracted = variant(trace, text, "stop", rules)
    return extracted, _steps(trace, extracted), seconds


def _steps(trace: Trace, row: Variant) -> StepsKept | None:
    """The steps of `trace` that its variant keeps; None for one that is dropped."""
    if not row.kept:
        return None
    return steps_kept(trace.question, trace.reasoning, trace.stated, row.reasoning)


def variant(trace: Trace, text: str, finish_reason: str, rules: Audit) -> Variant:
    """The compressed form of `trace` with its flags. `rules` say which of them drop it."""
    flags = audit(trace, text, finish_reason)
    return variant_of(
        trace,
        text,
        finish_reason=finish_reason,
        drop_reason=rules.reason(flags),
        flags=flags,
    )


@command.stage("profile", "teacher", "compressor")
def main(profile: str, teacher: str, compressor: str) -> None:
    """Compress a teacher's traces to data/<profile>/compressed/<teacher>/<compressor>.parquet."""
    # Check the params before anything is read
    declared = params.read(PARAMS, profile, teacher=teacher, compressor=compressor)
    params_path = f"compressors.{compressor}"
    rules = params.section(Audit, declared["audit"], "audit")
    is_model = isinstance(compressor_of(declared["compressor"], params_path), llm.LLM)

    # Compress and audit, row by row
    data = paths.data(profile)
    open_traces = functools.partial(records.read, data.traces(teacher), Trace)
    tally = CompressionTally()
    measures = Measures()
    variants = shorten(open_traces, declared["compressor"], rules, params_path, measures)
    watched = command.progress(tally.watch(variants), "compress", unit="trace")
    records.write(data.compressed(teacher, compressor), watched, Variant)

    # Write the metrics
    file_stem = f"{teacher}-{compressor}"
    axes = {"teacher": teacher, "compressor": compressor}
    sets = [row | measures.steps.of(row["source"]) for row in tally.summary()]
    cost_summary = measures.cost.summary()
    if is_model:
        sets = [row | measures.retries.of(row["source"]) for row in sets]
        cost_summary["retries"] = measures.retries.cost.summary()
    write_metrics(paths.metric(profile, "compress", file_stem), axes | {"sets": sets})
    write_metrics(paths.metric(profile, "cost", file_stem), axes | cost_summary)


if __name__ == "__main__":
    main()
