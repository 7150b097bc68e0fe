"""The default profile's training, against TRL's SFTTrainer as it comes and against the rate of bf16
matrix products.

By turns, each in a process of its own, over the same examples; shares of the products' rate are of
products measured in the same process, on the model's own shapes and one step's tokens. Speeds are
of the steps after the first, in which memory is mapped and optimizer states are made. TRL's runs on
the C library's malloc, as it comes.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from stages.core import records, tokens
from stages.core.machine import jemalloc
from stages.core.program import params
from stages.core.records import Example
from stages.core.training.settings import Method, Training

ARMS, METHODS, EXAMPLES = ("raw", "mild"), ("full", "lora"), 64
SIZES = (32, 64, 128)  # examples, for the growth of time with tokens
LIMIT = {"ratio": 1.5, "share_of_products": 0.7}  # at least
DATA = Path("data/default")


def bench(folder: Path) -> dict[str, Any]:
    """Completion tokens a second of both, for two arms and two methods, and how ours grows.

    A CPU whose AMX tiles multiply several times as fast is measured as it is, and as one without
    them: the rest of a step takes as long on either.
    """
    import torch

    kinds: dict[str, dict[str, str]] = {"cells": {}}
    if torch.cpu.get_capabilities().get("amx_bf16"):
        kinds["cells_without_amx"] = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}
    found = {name: _cells(environment) for name, environment in kinds.items()}
    sizes = [_run("ours", "raw", "full", size) for size in SIZES]
    short = {
        f"{kind}/{name}": keys
        for kind, cells in found.items()
        for name, cell in cells.items()
        if (keys := [key for key, least in LIMIT.items() if cell[key] < least])
    }
    return found | {
        "short_of_limit": short,
        "sizes": [{key: one[key] for key in ("tokens", "seconds", "peak_gb")} for one in sizes],
        "exponent": round(
            math.log(
                sizes[-1]["seconds"] / sizes[0]["seconds"], sizes[-1]["tokens"] / sizes[0]["tokens"]
            ),
            2,
        ),
        "limit": LIMIT,
    }


def _cells(environment: dict[str, str]) -> dict[str, Any]:
    """Each arm and method by turns, in processes with those variables more."""
    return {
        f"{arm}_{method}": _compared(
            *(_run(which, arm, method, EXAMPLES, environment) for which in ("ours", "trl"))
        )
        for arm in ARMS
        for method in METHODS
    }


def _compared(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    return {
        "completion_tokens_per_second": round(ours["speed"], 1),
        "trl_completion_tokens_per_second": round(theirs["speed"], 1),
        "ratio": round(ours["speed"] / theirs["speed"], 2),
        "share_of_products": round(ours["share"], 3),
        "loss": round(ours["loss"], 3),
        "trl_loss": round(theirs["loss"], 3),
        "peak_gb": ours["peak_gb"],
        "trl_peak_gb": theirs["peak_gb"],
    }


def _run(
    which: str, arm: str, method: str, examples: int, environment: dict[str, str] | None = None
) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.training", which, arm, method, str(examples)]
    outer = os.environ | (environment or {})
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=outer)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def ours(rows: list[Example], method: Method, training: Training, scratch: Path) -> dict[str, Any]:
    """Our stage's own training."""
    from stages.core.training import run

    base = DATA / "models/smollm2"
    result = run.train(base, rows, tokens.load(base), method, training, 0, scratch)
    seconds = result.costs.step_seconds - (result.costs.first_step_seconds or 0)
    share = products(_later(rows, method), method) / seconds
    return {
        "seconds": seconds,
        "loss": _late(result.curve),
        "share": share,
        "peak_gb": result.costs.peak_memory_gb,
    }


def trl(rows: list[Example], method: Method, training: Training, scratch: Path) -> dict[str, Any]:
    """SFTTrainer with its default arguments, but for what makes the two learn the same: rates,
    batch, adapter, order.

    In our order, whose batches are of like length, it pads less than in its own.
    """
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    from stages.core.machine import hardware
    from stages.core.training import adapters, batches, progress

    base = DATA / "models/smollm2"
    eos = tokens.load(base).eos_token
    rows = [rows[place] for place in batches.plan(rows, method, 0)]
    pairs = [{"prompt": row.prompt, "completion": row.completion.removesuffix(eos)} for row in rows]
    watch = progress.Progress(range(len(rows)), scratch / "live")
    args = SFTConfig(
        output_dir=str(scratch),
        learning_rate=method.learning_rate,
        num_train_epochs=method.epochs,
        per_device_train_batch_size=method.batch_size,
        lr_scheduler_type=method.scheduler,
        warmup_steps=method.warmup,
        train_sampling_strategy="sequential",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
    )
    adapter = adapters.lora_config(method.lora, []) if method.lora else None
    data = Dataset.from_list(pairs)
    trainer = SFTTrainer(
        str(base), args=args, train_dataset=data, peft_config=adapter, callbacks=[watch]
    )
    trainer.train()
    curve = progress.curve(trainer.state.log_history)
    return {
        "seconds": watch.seconds - (watch.first_step_seconds or 0),
        "loss": _late(curve),
        "peak_gb": hardware.peak_memory_gb(),
    }


def _later(rows: list[Example], method: Method) -> list[Example]:
    """Those of the steps after the first."""
    from stages.core.training import batches

    return [rows[place] for place in batches.plan(rows, method, 0)[method.batch_size :]]


def _late(curve: list[dict[str, Any]]) -> float:
    """The mean loss of the last quarter."""
    return statistics.fmean(row["loss"] for row in curve[-len(curve) // 4 :])


def products(rows: list[Example], method: Method) -> float:
    """Seconds of the matrix products that training on the rows needs, by those of one step of mean
    size.

    Each weight's: forward, the gradient of its input and, where it is trained, its own; the LM
    head's over completions; attention's scores and outputs, and the gradients of both their
    factors, for each row: the whole square, as attention by plain products makes it, of which a
    kernel that knows the mask needs half.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(DATA / "models/smollm2")
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    head, rank = model.get_output_embeddings(), method.lora["rank"] if method.lora else 0
    steps = len(rows) / method.batch_size
    whole = round(sum(row.prompt_tokens + row.completion_tokens for row in rows) / steps)
    labelled = round(sum(row.completion_tokens for row in rows) / steps)
    products = []
    for layer in (module for module in model.modules() if isinstance(module, torch.nn.Linear)):
        sizes = layer.in_features, layer.out_features
        products.append((labelled if layer is head else whole, *sizes, not rank))
        if rank and layer is not head:
            products += [(whole, sizes[0], rank, True), (whole, rank, sizes[1], True)]
    made = [
        (torch.rand(n, i).bfloat16(), torch.rand(o, i).bfloat16(), torch.rand(n, o).bfloat16(), own)
        for n, i, o, own in products
    ]
    groups, size = config.num_key_value_heads, config.head_dim
    row, many = round(whole / method.batch_size), config.num_attention_heads // groups
    query, key = (
        torch.rand(groups, many * row, size).bfloat16(),
        torch.rand(groups, row, size).bfloat16(),
    )
    scores = query @ key.mT
    times = []
    for _ in range(4):
        began = time.perf_counter()
        for inputs, weight, outputs, own in made:
            inputs @ weight.T
            outputs @ weight
            if own:
                outputs.T @ inputs
        for _ in range(config.num_hidden_layers * method.batch_size):
            for _ in ("scores", "outputs"):
                query @ key.mT, scores @ key, scores.mT @ query
        times.append(time.perf_counter() - began)
    return steps * statistics.median(times[1:])


if __name__ == "__main__":
    which, arm, name, count = sys.argv[1:]
    if which == "ours":
        jemalloc.begin()
    declared = yaml.safe_load(Path("params.yaml").read_text())
    how = params.section(Method, declared["methods"][name], name)
    loading = params.section(Training, declared["students"]["smollm2"]["training"], "training")
    some = list(records.read(DATA / f"sft/scripted/smollm2/{arm}.parquet", Example))[: int(count)]
    with tempfile.TemporaryDirectory() as scratch:
        said = {"ours": ours, "trl": trl}[which](some, how, loading, Path(scratch))
    learned = sum(row.completion_tokens for row in _later(some, how))
    print(json.dumps(said | {"tokens": learned, "speed": learned / said["seconds"]}))
