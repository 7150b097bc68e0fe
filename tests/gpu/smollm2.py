"""SmolLM2 on raw and on strongly compressed traces of the scripted teacher, through the project's
own stages.
"""

import contextlib
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from stages import assemble, compress, generate, models, score, train, verify
from stages.core import records
from stages.core.asking.predictions import predict
from stages.core.asking.store import Store
from stages.core.grading.disagreements import Page
from stages.core.paths import DataPaths
from stages.core.records import Example, Prediction, Question
from stages.core.training import batches
from stages.core.training.settings import Method
from stages.evaluate import Evaluate, prediction_requests, student_asker
from tests import composing
from tests.gpu import device
from tests.gpu.families import read, run
from tests.gpu.parts import Numbers

PROFILE, STUDENT, TEACHER = "gpu", "smollm2", "scripted"
ARMS = ("raw", "strong")
FORMULA = {
    "full": "6 x parameters x tokens / (seconds x peak)",
    "lora": "4 x parameters x tokens / (seconds x peak): "
    "frozen weights need no gradients of their own",
}
FACTOR = {"full": 6, "lora": 4}


def questions(train: int, test: int) -> list[Question]:
    """Different sums of two-digit numbers, the same each time."""
    draw, texts = random.Random(0), dict[str, int]()
    while len(texts) < train + test:
        numbers = [draw.randrange(2, 100) for _ in range(draw.randrange(3, 7))]
        texts[f"State the result of this sum: {' + '.join(map(str, numbers))}."] = sum(numbers)
    splits = ["train"] * train + ["test"] * test
    return [
        Question(
            question_id=f"q{number:05}",
            source="sums",
            source_id=str(number),
            group="in_distribution",
            split=split,
            question=text,
            choices=(),
            gold=str(gold),
            grader="numeric",
            difficulty=None,
        )
        for number, (split, (text, gold)) in enumerate(zip(splits, texts.items(), strict=True))
    ]


def declared(
    batch_size: int, epochs: int, max_new_tokens: int, source: dict[str, Any] | None
) -> dict[str, Any]:
    """The default profile's params with settings for a GPU and a teacher that is never wrong."""
    params = composing.declared("default")
    params["profile"] = PROFILE
    params["grid"] |= {
        "profiles": [PROFILE],
        "compressors": ["strong"],
        "shorteners": [],
        "targets": [*ARMS],
    }
    params["teachers"][TEACHER] |= {"samples": 1}
    params["teachers"][TEACHER]["inference"]["wrong_rate"] = 0.0
    student = params["students"][STUDENT]
    student |= {"training": {"attention": "sdpa", "packed": True}}
    student["inference"] |= {"attention": "sdpa", "batch_size": 200}
    student["source"] = {**student["source"], **(source or {})}
    student["text"]["max_tokens"] = 1024  # no trace is dropped for its length
    for method in params["methods"].values():
        method |= {"batch_size": batch_size, "epochs": epochs}
    params["evaluate"] |= {"questions": None, "max_new_tokens": max_new_tokens, "samples": 0}
    return params


def prepare(root: Path, params: dict[str, Any], train: int, test: int) -> Numbers:
    """Write params and questions, and run the stages up to assemble.

    Returns the number of examples and tokens of each arm.
    """
    data = root / "data" / PROFILE
    data.mkdir(parents=True)
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    records.write(data / "questions.parquet", questions(train, test), Question)
    run(models, root, profile=PROFILE, student=STUDENT)
    run(generate, root, profile=PROFILE, teacher=TEACHER)
    run(verify, root, profile=PROFILE, teacher=TEACHER)
    run(compress, root, profile=PROFILE, teacher=TEACHER, compressor="strong")
    run(assemble, root, profile=PROFILE, teacher=TEACHER, student=STUDENT)
    return {arm: tokens_of(examples(root, arm)) for arm in ARMS}


def examples(root: Path, arm: str) -> list[Example]:
    """The examples of an arm."""
    path = DataPaths(root / "data" / PROFILE).sft(TEACHER, STUDENT) / f"{arm}.parquet"
    return list(records.read(path, Example))


def tokens_of(rows: Sequence[Example]) -> Numbers:
    """How many examples, and their tokens."""
    return {
        "examples": len(rows),
        "prompt_tokens": sum(row.prompt_tokens for row in rows),
        "completion_tokens": sum(row.completion_tokens for row in rows),
    }


def cell(arm: str, method: str) -> dict[str, str]:
    """The names of a cell."""
    return {"teacher": TEACHER, "target": arm, "student": STUDENT, "method": method, "seed": "s0"}


def learn(root: Path, params: dict[str, Any], arm: str, method: str, peak: float | None) -> Numbers:
    """Train a cell.

    Speeds leave out the first step, which compiles and maps memory. `peak` is the device's, in
    TFLOP/s.
    """
    device.forget_peak()
    names = cell(arm, method)
    run(train, root, profile=PROFILE, **names)
    learned, took = read(root, "train", PROFILE, names), read(root, "timing", PROFILE, names)
    tokens_seen = learned["prompt_tokens"] + learned["completion_tokens"]
    later = tokens_seen - _first(examples(root, arm), Method(**params["methods"][method]))
    seconds, steps = took["step_seconds"] - took["first_step_seconds"], learned["steps"] - 1
    parameters = learned["flops_6n"] / (6 * tokens_seen)
    return {
        **{name: learned[name] for name in ("steps", "packed", "contamination", "final_loss")},
        "tokens": tokens_seen,
        "tokens_a_step": round(later / steps, 1),
        "seconds_a_step": round(seconds / steps, 5),
        "tokens_a_second": round(later / seconds, 1),
        "mfu": device.utilisation(FACTOR[method] * parameters * later, seconds, peak),
        "mfu_formula": FORMULA[method],
        "peak_memory_gb": took["peak_memory_gb"],
    }


def _first(rows: Sequence[Example], method: Method) -> int:
    """The tokens of the first step."""
    example_indices = batches.plan(rows, method, 0)[: method.batch_size * method.accumulation]
    examples_of_step = [rows[example_index] for example_index in example_indices]
    return sum(row.prompt_tokens + row.completion_tokens for row in examples_of_step)


def ratios(raw: Numbers, strong: Numbers) -> Numbers:
    """The numbers of the raw arm over those of the strong one."""
    return {
        name: round(raw[name] / strong[name], 3)
        for name in ("seconds_a_step", "tokens_a_step", "tokens")
    }


def answer(root: Path, params: dict[str, Any], arm: str, method: str) -> Numbers:
    """Let the transformers engine answer every test question greedily.

    The seconds leave out the loading.
    """
    device.forget_peak()
    data, config = root / "data" / PROFILE, Evaluate(**params["evaluate"])
    rows = list(records.read(data / "questions.parquet", Question))
    questions_by_id = {row.question_id: row for row in rows if row.split == config.split}
    folder = data / "checkpoints" / "-".join(cell(arm, method).values())
    with contextlib.chdir(root), Store(root / "data/store") as answers:
        asker = student_asker(
            folder, params["students"][STUDENT], config, f"students.{STUDENT}", answers
        )
        requests = prediction_requests(list(questions_by_id.values()), asker, config)
        assert asker.engine  # loads it
        began = time.perf_counter()
        predictions = list(predict(asker, requests))
        seconds = time.perf_counter() - began
    return {"questions": len(predictions)} | _graded(predictions, questions_by_id, seconds)


def _graded(
    predictions: Sequence[Prediction], questions_by_id: dict[str, Question], seconds: float
) -> Numbers:
    scores = list(score.score(predictions, questions_by_id, Page("")))
    written = sum(row.think_tokens + row.answer_tokens for row in predictions)
    return {
        "accuracy": round(sum(row.correct for row in scores) / len(scores), 4),
        "hit_cap": sum(row.outcome == "hit_cap" for row in scores),
        "tokens": written,
        "generation_seconds": round(seconds, 3),
        "tokens_a_second": round(written / seconds, 1),
    }
