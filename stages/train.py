"""train: fine-tune one student on one target of one teacher, by one method and seed.

That is one cell of the grid.

sft, models
    -> data/<profile>/checkpoints/<cell>/ with a model card,
       metrics/<profile>/train/<cell>.json,
       metrics/<profile>/timing/<cell>.json (apart, because it differs from run to run)
Run: python -m stages.train --profile default --teacher scripted --target raw --student smollm2
     --method lora --seed s0
"""

import contextlib
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.core import chat, paths, records, tokens
from stages.core.cells import Cell
from stages.core.machine import jemalloc
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.program.files import remove, replacing, write_metrics
from stages.core.records import Example
from stages.core.students import sums
from stages.core.training import launch, process_group, scratch
from stages.core.training.saved import card
from stages.core.training.saved.template import chat_template
from stages.core.training.settings import Method, Training

if TYPE_CHECKING:
    from stages.core.training.run import TrainingResult

PARAMS = {
    "text": "students.{student}.text",
    "training": "students.{student}.training",
    "method": "methods.{method}",
    "seed": "seeds.{seed}",
}


@command.stage("profile", "teacher", "target", "student", "method", "seed")
def main(profile: str, teacher: str, target: str, student: str, method: str, seed: str) -> None:
    """Fine-tune one cell's student into data/<profile>/checkpoints/<cell>/."""
    identity = {
        "teacher": teacher,
        "target": target,
        "student": student,
        "method": method,
        "seed": seed,
    }
    # Read and check everything that can be checked without a model
    declared = params.read(PARAMS, profile, **identity)
    method_params = params.section(Method, declared["method"], f"methods.{method}")
    training = params.section(Training, declared["training"], f"students.{student}.training")
    text = params.section(chat.Text, declared["text"], f"students.{student}.text")
    seed_value = params.entry(params.Seed, declared["seed"], f"seeds.{seed}")
    launch.check(method_params, training)
    method_params.check_library()

    # Start the workers of several processes, or train in this one
    if training.processes > 1 and not process_group.launched():
        options = ["--profile", profile]
        for axis, axis_name in identity.items():
            options += [f"--{axis}", axis_name]
        launch.start(training.processes, "stages.train", options)
        return
    with launch.worker():
        fine_tune(profile, identity, text, method_params, training, seed_value)


def fine_tune(
    profile: str,
    identity: dict[str, str],
    text: chat.Text,
    method: Method,
    training: Training,
    seed: int,
) -> None:
    """Takes one cell from its examples to its outs, which the first of several processes writes."""
    # Load
    began = time.perf_counter()
    data = paths.data(profile)
    cell = Cell(**identity)
    base = data.model(cell.student)
    examples = _read_examples(data.sft(cell.teacher, cell.student) / f"{cell.target}.parquet")
    # Checksums are read once, by the first process: the others wait for its word
    process_group.from_first(lambda: sums.check(base))
    # Importing torch and TRL takes seconds that bad params need not wait for
    from stages.core.training import checkpoints, run

    # Train, with the checkpoints locked by the first process
    cell_name = f"{profile}-{cell.name}"
    folder = process_group.from_first(
        lambda: checkpoints.scratch_folder(base, examples, method, training, seed, cell_name)
    )
    process_group.shared_folder(folder)
    is_first = process_group.rank() == 0
    with scratch.held(folder) if is_first else contextlib.nullcontext():
        tokenizer = tokens.load(base)
        with checkpoints.written_to(folder):
            result = run.train(base, examples, tokenizer, method, training, seed, folder)
        process_group.leave()
        if not is_first:
            return

        # Save
        metrics = training_metrics(result, len(examples))
        _save_student(profile, cell, result, tokenizer, text, method, seed, metrics)
        write_metrics(paths.metric(profile, "train", cell.name), identity | metrics)
        seconds = round(time.perf_counter() - began, 3)
        timing = {"cell": cell.name, "total_seconds": seconds} | timing_metrics(result)
        write_metrics(paths.metric(profile, "timing", cell.name), timing)
        remove(folder)


def _read_examples(path: Path) -> list[Example]:
    """Returns the examples of one target. Raises StageError if there are none."""
    examples = list(records.read(path, Example))
    if not examples:
        raise StageError(f"{path}: no examples to train on; rerun assemble")
    return examples


def _save_student(
    profile: str,
    cell: Cell,
    result: "TrainingResult",
    tokenizer: Any,
    text: chat.Text,
    method: Method,
    seed: int,
    metrics: dict[str, Any],
) -> None:
    """Writes the student's folder, which appears whole or not at all, with card and checksums."""
    from stages.core.training.saved import saving

    data = paths.data(profile)
    # So that other programs, which know no params, prompt the student as it was trained
    if text.prompt_template is not None:
        tokenizer.chat_template = chat_template(text.prompt_template)
    with replacing(data.checkpoint(cell)) as out:
        saving.save(result.model, result.reference, tokenizer, data.model(cell.student), out)
        card.write(out, dataclasses.asdict(cell), method, seed, text.prompt_template, metrics)
        sums.write(out, sums.computed(out, sums.names(out)))


def training_metrics(result: "TrainingResult", examples: int) -> dict[str, Any]:
    """Returns what a run used and did, the same whenever it is run.

    `examples` is their number in one pass. Tokens are those of all passes.
    """
    curve = []
    for point in result.curve:
        loss = round(point["loss"], 6)
        curve.append([point["step"], point["tokens"], loss, point["learning_rate"]])
    tokens_seen = result.prompt_tokens + result.completion_tokens
    return {
        "examples": examples,
        "passes": round(result.examples / examples, 4),
        "prompt_tokens": result.prompt_tokens,
        "completion_tokens": result.completion_tokens,
        "steps": result.steps,
        "trainable_params": result.student.trainable,
        # Kaplan et al. (arXiv 2001.08361), table 1: forward and backward, whatever part of the
        # weights is trained; but with embeddings in N, and of experts those that a token goes
        # through
        "flops_6n": 6 * result.student.active * tokens_seen,
        "packed": result.student.packed,
        "contamination": result.student.contamination,
        "final_loss": curve[-1][2] if curve else None,
        "curve": curve,
    }


def timing_metrics(result: "TrainingResult") -> dict[str, Any]:
    """Returns what a run took on this machine.

    `speeds` has tokens a second at each point of the curve, as the mean since the run began.
    """
    tokens_seen = result.prompt_tokens + result.completion_tokens
    costs = result.costs
    speeds = []
    for point in result.curve:
        speeds.append([point["step"], round(point["tokens"] / point["seconds"], 2)])
    return {
        "device": costs.device,
        "threads": costs.threads,
        "step_seconds": round(costs.step_seconds, 3),
        "first_step_seconds": costs.first_step_seconds and round(costs.first_step_seconds, 3),
        "tokens_per_second": round(tokens_seen / costs.step_seconds, 2),
        "peak_memory_gb": costs.peak_memory_gb,
        "speeds": speeds,
    }


if __name__ == "__main__":
    jemalloc.begin()
    main()
