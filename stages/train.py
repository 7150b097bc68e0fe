"""train: fine-tune one student on one target of one teacher, by one method and seed: one cell of the grid.

sft, models -> data/<profile>/checkpoints/<cell>/, metrics/<profile>/train/<cell>.json,
    metrics/<profile>/timing/<cell>.json (apart, because it differs from run to run)
Run: python -m stages.train --profile default --teacher scripted --target raw --student smollm2 --method lora --seed s0
"""

import time
from pathlib import Path

from stages.core import command, params, records, tokens
from stages.core.cells import cell_name
from stages.core.errors import StageError
from stages.core.files import replacing, write_json
from stages.core.records import Example

PARAMS = {"training": "students.{student}.training", "method": "methods.{method}", "seed": "seeds.{seed}"}


@command.stage("profile", "teacher", "target", "student", "method", "seed")
def main(profile: str, teacher: str, target: str, student: str, method: str, seed: str) -> None:
    """Fine-tune one cell's student into data/<profile>/checkpoints/<cell>/."""
    began = time.perf_counter()
    declared = params.read(PARAMS, profile, student=student, method=method, seed=seed)
    # Importing torch and TRL takes seconds that bad params need not wait for
    from stages.core import training

    how = params.section(training.Method, declared["method"], f"methods.{method}")
    loading = params.section(training.Training, declared["training"], f"students.{student}.training")
    data, metrics = Path("data") / profile, Path("metrics") / profile
    base, source = data / "models" / student, data / "sft" / teacher / student / f"{target}.parquet"
    examples = list(records.read(source, Example))
    if not examples:
        raise StageError(f"{source}: no examples to train on; rerun assemble")
    tokenizer = tokens.load(base)
    result = training.train(base, examples, tokenizer, how, loading, int(declared["seed"]))
    identity = {"teacher": teacher, "target": target, "student": student, "method": method, "seed": seed}
    cell = cell_name(**identity)
    counts = {
        "examples": len(examples),
        "prompt_tokens": sum(row.prompt_tokens for row in examples),
        "completion_tokens": sum(row.completion_tokens for row in examples),
    }
    with replacing(data / "checkpoints" / cell) as out:
        training.save(result, tokenizer, out)
    steps = {
        "steps": result.steps,
        "trainable_params": result.trainable,
        "final_loss": result.losses[-1][1] if result.losses else None,
        "losses": result.losses,
    }
    write_json(metrics / "train" / f"{cell}.json", identity | counts | steps)
    total = counts["prompt_tokens"] + counts["completion_tokens"]
    timing = {
        "cell": cell,
        "device": result.device,
        "threads": result.threads,
        "step_seconds": round(result.step_seconds, 3),
        "total_seconds": round(time.perf_counter() - began, 3),
        "tokens_per_second": round(how.epochs * total / result.step_seconds, 2),
        "peak_memory_gb": result.peak_memory_gb,
    }
    write_json(metrics / "timing" / f"{cell}.json", timing)


if __name__ == "__main__":
    main()
