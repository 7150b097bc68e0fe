"""train: fine-tune one student on one target of one teacher, by one method and seed: one cell of
the grid.

sft, models -> data/<profile>/checkpoints/<cell>/ with a model card, metrics/<profile>/train/<cell>.json,
    metrics/<profile>/timing/<cell>.json (apart, because it differs from run to run)
Run: python -m stages.train --profile default --teacher scripted --target raw --student smollm2 --method lora --seed s0
"""

import contextlib
import time
from typing import TYPE_CHECKING, Any

from stages.core import chat, paths, records, tokens
from stages.core.cells import Cell
from stages.core.machine import jemalloc
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.program.files import remove, replacing, write_metrics
from stages.core.records import Example
from stages.core.students import sums
from stages.core.training import launch, scratch
from stages.core.training.settings import Method, Training

if TYPE_CHECKING:
    from stages.core.training.run import Result

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
    declared = params.read(PARAMS, profile, **identity)
    how = params.section(Method, declared["method"], f"methods.{method}")
    loading = params.section(Training, declared["training"], f"students.{student}.training")
    text = params.section(chat.Text, declared["text"], f"students.{student}.text")
    drawn = params.entry(params.Seed, declared["seed"], f"seeds.{seed}")
    launch.check(how, loading)
    how.check_library()
    if loading.processes > 1 and not launch.launched():
        options = [word for name, value in identity.items() for word in (f"--{name}", value)]
        launch.start(loading.processes, "stages.train", ["--profile", profile, *options])
        return
    with launch.worker():
        fine_tune(profile, identity, text, how, loading, drawn)


def fine_tune(
    profile: str,
    identity: dict[str, str],
    text: chat.Text,
    how: Method,
    loading: Training,
    seed: int,
) -> None:
    """One cell from its examples to its outs, which the first of several processes writes."""
    began = time.perf_counter()
    data, cell = paths.data(profile), Cell(**identity)
    base, source = (
        data.model(cell.student),
        data.sft(cell.teacher, cell.student) / f"{cell.target}.parquet",
    )
    examples = list(records.read(source, Example))
    if not examples:
        raise StageError(f"{source}: no examples to train on; rerun assemble")
    launch.first(lambda: sums.check(base))
    # Importing torch and TRL takes seconds that bad params need not wait for
    from stages.core.training import checkpoints, run
    from stages.core.training.saved import card, saving
    from stages.core.training.saved.template import chat_template

    known = (base, examples, how, loading, seed, f"{profile}-{cell.name}")
    folder = launch.shared(launch.first(lambda: checkpoints.scratch(*known)))
    with contextlib.nullcontext() if launch.rank() else scratch.held(folder):
        tokenizer = tokens.load(base)
        with checkpoints.written_to(folder):
            result = run.train(base, examples, tokenizer, how, loading, seed, folder)
        launch.leave()
        if launch.rank():
            return
        used = trained(result, len(examples))
        if text.prompt_template is not None:
            tokenizer.chat_template = chat_template(text.prompt_template)
        with replacing(data.checkpoint(cell)) as out:
            saving.save(result.model, result.reference, tokenizer, base, out)
            card.write(out, identity, how, seed, text.prompt_template, used)
            sums.write(out, sums.made(out, sums.names(out)))
        write_metrics(paths.metric(profile, "train", cell.name), identity | used)
        seconds = round(time.perf_counter() - began, 3)
        timing = {"cell": cell.name, "total_seconds": seconds} | timed(result)
        write_metrics(paths.metric(profile, "timing", cell.name), timing)
        remove(folder)


def trained(result: "Result", examples: int) -> dict[str, Any]:
    """What a run used and did, the same whenever it is run; tokens are those of all passes."""
    rows = [
        [row["step"], row["tokens"], round(row["loss"], 6), row["learning_rate"]]
        for row in result.curve
    ]
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
        "flops_6n": 6 * result.student.active * (result.prompt_tokens + result.completion_tokens),
        "packed": result.student.packed,
        "contamination": result.student.contamination,
        "final_loss": rows[-1][2] if rows else None,
        "curve": rows,
    }


def timed(result: "Result") -> dict[str, Any]:
    """What a run took on this machine; a speed is the mean since the run's begin."""
    tokens_seen, costs = result.prompt_tokens + result.completion_tokens, result.costs
    return {
        "device": costs.device,
        "threads": costs.threads,
        "step_seconds": round(costs.step_seconds, 3),
        "first_step_seconds": costs.first_step_seconds and round(costs.first_step_seconds, 3),
        "tokens_per_second": round(tokens_seen / costs.step_seconds, 2),
        "peak_memory_gb": costs.peak_memory_gb,
        "speeds": [[row["step"], round(row["tokens"] / row["seconds"], 2)] for row in result.curve],
    }


if __name__ == "__main__":
    jemalloc.begin()
    main()
