"""Two workers grade 20,000 mathematical answers; math-verify alone does so one after the other."""

import itertools
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.core import grading

SIZES = (5_000, 10_000, 20_000)
LIMIT = {"ratio": 1.8}
Pair = tuple[str, str]  # answer, gold


def formulas() -> Iterator[Pair]:
    """Yields pairs of a right and a wrong formula, without end."""
    draw = random.Random(0)
    while True:
        a, b, c = (draw.randint(2, 99) for _ in range(3))
        yield from (
            (rf"\frac{{{a}}}{{{b}}}", rf"\frac{{{a + 1}}}{{{b}}}"),
            (rf"{a}\sqrt{{{b}}}", rf"{a}\sqrt{{{b + 1}}}"),
            (f"{a}x^2 + {b}x - {c}", f"{a}x^2 - {b}x + {c}"),
            (rf"\left[{a}, {a + b}\right)", rf"\left({a}, {a + b}\right)"),
            (f"{a}.{b}", f"{a}.{b + 1}"),
            (rf"({a}, \frac{{{b}}}{{{c}}})", rf"({c}, \frac{{{b}}}{{{a}}})"),
            (f"x = {a}", f"x = {a + c}"),
            (rf"{a} + {b}i", rf"{a} - {b}i"),
        )


def pairs() -> list[Pair]:
    """Answers and golds. About half of the answers are right, and most pairs differ, so that no
    cache helps.
    """
    draw = random.Random(1)
    all_pairs = itertools.islice(formulas(), SIZES[-1])
    return [
        (rf"So we find $\boxed{{{draw.choice((right, wrong))}}}$.", right)
        for right, wrong in all_pairs
    ]


def bench(folder: Path) -> dict[str, Any]:
    """Answers a second of both, and the seconds of three sizes."""
    rows = pairs()
    list(_ours(rows[:64]))  # starts the workers
    sizes = []
    for size in SIZES:
        began = time.perf_counter()
        verdicts = list(_ours(rows[:size]))
        seconds = time.perf_counter() - began
        sizes.append(
            {"answers": size, "seconds": round(seconds, 2), "per_second": round(size / seconds, 1)}
        )
    began = time.perf_counter()
    alone = list(map(_alone, rows))
    rate = len(rows) / (time.perf_counter() - began)
    return {
        "workers": len(os.sched_getaffinity(0)),
        "sizes": sizes,
        "math_verify_per_second": round(rate, 1),
        "ratio": round(sizes[-1]["per_second"] / rate, 3),
        "seconds_per_row_of_largest_to_smallest": round(
            sizes[0]["per_second"] / sizes[-1]["per_second"], 3
        ),
        "same_outcomes": sum(
            accepted == (verdict.outcome == "correct")
            for accepted, verdict in zip(alone, verdicts, strict=True)
        ),
        "limit": LIMIT,
    }


def _ours(rows: list[Pair]) -> Iterator[grading.Verdict]:
    return grading.grade_many((answer, gold, "math", None) for answer, gold in rows)


def _alone(row: Pair) -> bool:
    from math_verify import parse, verify

    return bool(verify(parse(rf"$\boxed{{{row[1]}}}$"), parse(row[0])))
