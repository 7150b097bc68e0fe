"""Extractive compression of synthetic traces of 10,000 characters: a real command, three sizes."""

import dataclasses
import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from stages.core import records
from stages.core.asking.engines import scripted
from stages.core.records import Trace
from stages.core.targets.audit import DROP
from tests.bench import measure
from tests.made import trace

SIZES = (20_000, 75_000, 283_000)
TERMS, DIFFERENT = 235, 256  # numbers of a question; traces that differ
LIMIT = {"seconds": 600, "gb": 4}
TEACHER = scripted.ScriptedSettings(wrong_rate=0.0, false_start_rate=0.2, check_rate=0.8)
STRENGTH = {"kind": "extractive", "max_ratio": 0.3, "trim": False}


def traces(count: int) -> Iterator[Trace]:
    """Yields `count` traces of some 10,000 characters."""
    originals = []
    for seed in range(DIFFERENT):
        rng = random.Random(seed)
        question = " + ".join(str(rng.randint(1, 9)) for _ in range(TERMS)) + " ="
        reasoning, answer = scripted.write(question, TEACHER, seed)
        stated = answer.split()[-1].rstrip(".")
        originals.append(
            trace(0, question=question, reasoning=reasoning, answer=answer, stated=stated)
        )
    for number, row in zip(range(count), itertools.cycle(originals), strict=False):
        yield dataclasses.replace(row, question_id=f"q{number:06}")


def bench(folder: Path) -> dict[str, Any]:
    """Seconds and memory of `python -m stages.compress` for each size."""
    params = {"profile": "bench", "compressors": {"c": STRENGTH}, "audit": {"drop": list(DROP)}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    results = []
    for size in SIZES:
        records.write(folder / "data/bench/traces/t.parquet", traces(size), Trace)
        cell = ["--profile", "bench", "--teacher", "t", "--compressor", "c"]
        seconds, gb = measure.run("-m", "stages.compress", *cell, cwd=folder)
        results.append(
            {
                "traces": size,
                "seconds": seconds,
                "peak_gb": gb,
                "traces_per_second": round(size / seconds, 1),
            }
        )
    chars = sum(len(row.reasoning) for row in traces(DIFFERENT)) / DIFFERENT
    return {"mean_chars": round(chars), "sizes": results, "limit": LIMIT}
