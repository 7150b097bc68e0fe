"""Synthetic metrics of a small grid, as the stages before the report leave them."""

import contextlib
import csv
import dataclasses
import hashlib
import json
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from click.testing import CliRunner, Result

from stages import report
from stages.core.cells import UNTRAINED, Cell
from stages.core.grid import Grid
from stages.core.records import GROUPS, SCORE_COLUMNS
from stages.core.statistics.measures import Estimate, Lengths, Measure

PROFILE = "default"
TARGETS = ["raw", "light", "strong", "truncated_light", "answer_only"]
SMALL = Grid(
    teachers=["solver"],
    compressors=["light", "strong"],
    shorteners=["truncated_light"],
    targets=TARGETS,
    students=["small"],
    methods=["lora", "full"],
    seeds=["s0"],
    profiles=[PROFILE],
    generated=["solver"],
)
ONE = dataclasses.replace(SMALL, compressors=[], shorteners=[], targets=["raw"], methods=["full"])
# share of right answers, mean tokens, training tokens of each target
SHAPE = {
    "raw": (0.7, 300, 90000),
    "light": (0.62, 110, 30000),
    "strong": (0.5, 60, 14000),
    "truncated": (0.3, 100, 30000),
    "answer_only": (0.12, 12, 3000),
    UNTRAINED: (0.2, 180, 0),
}
Right = Callable[[Cell, float, random.Random], bool]


def by_chance(cell: Cell, rate: float, draw: random.Random) -> bool:
    """Right as often as the arm should be."""
    return draw.random() < rate


def equal_lengths(tokens: float) -> Lengths:
    """The lengths of answers that all have this many tokens."""
    names = [field.name for field in dataclasses.fields(Lengths)]
    return Lengths(**dict.fromkeys(names, tokens))


def measured(questions: int, accuracy: Estimate, tokens: float, **values: Any) -> Measure:
    """The measure of answers that all have this many tokens, thinking and answering alike."""
    alike: dict[str, Any] = dict.fromkeys(
        ("lengths", "thinking", "answering"), equal_lengths(tokens)
    )
    alike |= {"tokens": Estimate(tokens), "hit_cap": 0.0, "no_answer": 0.0}
    return Measure(questions=questions, accuracy=accuracy, **(alike | values))


def write(path: Path, value: Any) -> None:
    """A metrics file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def build(
    root: Path,
    grid: Grid = SMALL,
    *,
    questions: int = 40,
    groups: tuple[str, ...] = GROUPS[:2],
    samples: int = 2,
    right: Right = by_chance,
    resamples: int = 200,
) -> Path:
    """params.yaml and all metrics of `grid` under `root`; the folder of the metrics."""
    headline = {name: getattr(grid, f"{name}s")[0] for name in ("teacher", "student", "method")}
    settings = {
        "resamples": resamples,
        "confidence": 0.95,
        "seed": 0,
        "headline": headline,
        "examples": 2,
        "paper": False,
    }
    methods = {name: {"budget": "equal_epochs"} for name in grid.methods}
    whole = {
        "profile": PROFILE,
        "grid": dataclasses.asdict(grid),
        "report": settings,
        "methods": methods,
    }
    whole["evaluate"] = {"max_new_tokens": 512}
    (root / "params.yaml").write_text(yaml.safe_dump(whole))
    metrics = root / "metrics" / PROFILE
    sources = [(group, f"set_{letter}") for group in groups for letter in "ab"]
    sizes: dict[str, Any] = {
        "grader": "number",
        "kind": "generated",
        "train": 1200,
        "validation": 20,
        "near_test": 3,
        "test": questions,
    }
    sets = [sizes | {"source": f"{source}_{group}", "group": group} for group, source in sources]
    write(metrics / "questions.json", {"sets": sets})
    write(metrics / "examples.json", {"questions": []})
    _upstream(metrics, grid, [one["source"] for one in sets])
    for run in grid.cells():
        _scores(
            metrics, run, [(one["group"], one["source"]) for one in sets], questions, samples, right
        )
        if run.target != UNTRAINED:
            _training(metrics, run)
    return metrics


def _upstream(metrics: Path, grid: Grid, sources: list[str]) -> None:
    for teacher in grid.teachers:
        counts: dict[str, Any] = {
            "questions": 1200,
            "attempts": 2400,
            "correct": 2000,
            "accuracy": 2000 / 2400,
        }
        longer = {
            "all": 40.0,
            "kept": 39.0,
            "left_out": 50.0,
            "difference": -11.0,
            "low": -15.5,
            "high": -6.5,
        }
        kept = {"questions_kept": 1100, "traces_kept": 2000, "mean_chars": 812.5}
        kept |= {"accuracy_second_grader": 0.875, "disagreement_rate": 0.0123}
        kept |= {
            "selection": {
                "question_chars": longer,
                "difficulty": None,
                "first_reasoning_chars": longer,
            }
        }
        verified = [counts | kept | {"source": source} for source in sources]
        write(metrics / "verify" / f"{teacher}.json", {"teacher": teacher, "sets": verified})
        paid = {
            "teacher": teacher,
            "answers": 2400,
            "seconds": 500.0,
            "prompt_tokens": 9000,
            "completion_tokens": None,
        }
        if teacher in grid.generated:
            write(metrics / "cost" / f"{teacher}.json", paid)
        for place, compressor in enumerate(grid.compressors):
            write(
                metrics / "cost" / f"{teacher}-{compressor}.json",
                paid | {"compressor": compressor, "seconds": 300.0 * (1 + place)},
            )
            arm, rho = {"teacher": teacher, "compressor": compressor}, 0.4 / (1 + place)
            spread = {"rho_mean": rho, "rho_median": rho, "rho_q1": 0.8 * rho, "rho_q3": 1.3 * rho}
            count: dict[str, Any] = {
                "traces": 2000,
                "kept": 1990,
                "dropped": {"longer": 7, "lost_answer": 3},
                "mean_chars": 300.0,
            }
            shortened = [count | spread | {"source": source} for source in sources]
            write(metrics / "compress" / f"{teacher}-{compressor}.json", arm | {"sets": shortened})
        for student in grid.students:
            pair = {"teacher": teacher, "student": student}
            made = {"questions": 1000, "examples": 900, "dropped": {"too_long": 12}, "targets": {}}
            write(metrics / "assemble" / f"{teacher}-{student}.json", pair | made)
            for shortener in grid.shorteners:
                lengths = {
                    "shortener": shortener,
                    "budget_of": shortener.removeprefix("truncated_"),
                    "traces": 9,
                    "kept": 9,
                    "mean_tokens": 99.5,
                    "mean_budget": 100.0,
                }
                write(metrics / "shorten" / f"{teacher}-{shortener}-{student}.json", pair | lengths)


def _shape(run: Cell) -> tuple[float, int, int]:
    known = SHAPE.get("truncated" if run.target.startswith("truncated") else run.target)
    return known or (0.55, 90, 20000)


def _training(metrics: Path, run: Cell) -> None:
    tokens = _shape(run)[2]
    seconds = 20 + tokens / (500 if run.method == "lora" else 350)
    used = {
        "examples": 900,
        "passes": 1.0,
        "steps": 225,
        "prompt_tokens": 10000,
        "completion_tokens": tokens,
    }
    used |= {"flops_6n": 6 * 1_000_000 * (10000 + tokens), "packed": True, "contamination": 0.0}
    steps, whole = range(25, 226, 25), 10000 + tokens
    curve = [
        [step, step * whole // 225, round(3 / step**0.5, 6), 0.002 * (1 - step / 250)]
        for step in steps
    ]
    write(metrics / "train" / f"{run.name}.json", used | {"curve": curve})
    took = {"device": "cpu", "threads": 2, "step_seconds": seconds, "peak_memory_gb": 3.5}
    speeds = [[step, round(whole / seconds, 2)] for step in steps]
    write(metrics / "timing" / f"{run.name}.json", took | {"speeds": speeds})


def _scores(
    metrics: Path,
    run: Cell,
    sources: list[tuple[str, str]],
    questions: int,
    samples: int,
    right: Right,
) -> None:
    draw = random.Random(hashlib.sha256(run.name.encode()).digest())
    rate, mean, _ = _shape(run)
    path = metrics / "scores" / f"{run.name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(SCORE_COLUMNS)
        for number in range(questions):
            group, source = sources[number % len(sources)]
            for sample in range(1 + (samples if number % 4 == 0 else 0)):
                correct = right(run, rate, draw)
                outcome = (
                    "answered" if correct else draw.choice(["answered", "no_answer", "hit_cap"])
                )
                tokens = int(mean * draw.uniform(0.5, 1.5))
                vote = 1 if correct else 2 * (outcome == "answered")
                rows.writerow(
                    [
                        f"q{number:04d}",
                        sample,
                        source,
                        group,
                        outcome,
                        int(correct),
                        vote,
                        tokens,
                        5,
                    ]
                )


def run_report(*, drawn: bool = False) -> Result:
    """The command, with every warning an error; figures, which take a second, are drawn where they
    matter.
    """
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.simplefilter("error")
        if not drawn:
            stack.enter_context(
                mock.patch(
                    "stages.core.report.figures.drawing.draw", return_value={"none.png": b""}
                )
            )
        return CliRunner().invoke(report.main, ["--profile", PROFILE], catch_exceptions=False)
