"""Run benchmarks, and keep the results of those that did not run.

Run: python -m tests.bench [vllm] [store] [extractive] [grading] [training] [pipeline] [dvc]
     [pruning]
"""

import json
import tempfile
import time
from pathlib import Path

import click

from stages.core.machine import hardware
from stages.core.program.files import read_json, write_json
from tests.bench import dvc, extractive, grading, pipeline, pruning, store, training, vllm

OUT = Path("metrics/bench.json")
BENCHMARKS = {
    "store": store.bench,
    "extractive": extractive.bench,
    "grading": grading.bench,
    "vllm": vllm.bench,
    "training": training.bench,
    "pipeline": pipeline.bench,
    "dvc": dvc.bench,
    "pruning": pruning.bench,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
def main(names: tuple[str, ...]) -> None:
    """Run the benchmarks NAMES, or all of them."""
    for name in names or BENCHMARKS:
        results = read_json(OUT) if OUT.exists() else {}
        with tempfile.TemporaryDirectory() as folder:
            result = BENCHMARKS[name](Path(folder))
        results[name] = {"device": hardware.device(), "day": time.strftime("%Y-%m-%d")} | result
        write_json(OUT, results)
        click.echo(f"{name}: {json.dumps(results[name])}")


if __name__ == "__main__":
    main()
