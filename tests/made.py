"""Rows, params and runs that several tests make: every value has a default, a test names what it is
about.
"""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from stages.core import chat
from stages.core.records import Example, Question, Response, Trace, Variant
from stages.core.students.origins import StudentSource
from stages.core.training.settings import Method, Training
from tests.imports import ROOT

SHARED = ROOT.parent / "shared" / "data"
SHAPE = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
TINY = StudentSource(kind="random", config=SHAPE)
TEMPLATE = "{question}\n"
TEXT = {"prompt_template": TEMPLATE, "max_tokens": 999}
FULL = Method(
    learning_rate=3e-3,
    epochs=3,
    batch_size=4,
    accumulation=1,
    warmup=0.1,
    scheduler="cosine",
    weight_decay=0.0,
    max_grad_norm=1.0,
    optimizer="adamw_torch",
    lora=None,
)
SETTINGS = {"rank": 4, "alpha": 8, "dropout": 0.0, "target_modules": "all-linear"}
LORA = dataclasses.replace(FULL, learning_rate=3e-2, lora=SETTINGS)
PLAIN = Training(attention="eager", own_products=True)
# In and out of q, k, v, o, gate, up and down, for rank 4 in two layers
LORA_PARAMETERS = 2 * 4 * (2 * (32 + 32) + 2 * (32 + 16) + 3 * (32 + 64))


def question(number: int = 0, **values: Any) -> Question:
    """A training question; its id is `q<number>`."""
    default = Question(
        question_id=f"q{number}",
        source="sums",
        source_id=str(number),
        group="in_distribution",
        split="train",
        question=f"What is {number} + 1?",
        choices=(),
        gold=str(number + 1),
        grader="numeric",
        difficulty=None,
    )
    return dataclasses.replace(default, **values)


def response(number: int = 0, sample: Any = 0, **values: Any) -> Response:
    """A right response to `question(number)`."""
    answer = f"The answer is {number + 1}."
    default = Response(
        question_id=f"q{number}",
        sample=sample,
        request_key="key",
        seed=7,
        model="teacher",
        reasoning="I count on.",
        answer=answer,
        finish_reason="stop",
        prompt_tokens=None,
        completion_tokens=None,
    )
    return dataclasses.replace(default, **values)


def trace(number: int = 0, sample: int = 0, **values: Any) -> Trace:
    """A trace to `question(number)`."""
    asked, attempt = question(number), response(number)
    default = Trace(
        question_id=asked.question_id,
        sample=sample,
        source="sums",
        question=asked.question,
        gold=asked.gold,
        reasoning=f"So, {number} + 1 is asked. {number} + 1 = {number + 1}. Good.",
        answer=attempt.answer,
        stated=asked.gold,
        parsed=asked.gold,
        second=True,
        request_key=attempt.request_key,
        seed=attempt.seed,
        model=attempt.model,
        finish_reason=attempt.finish_reason,
        prompt_tokens=attempt.prompt_tokens,
        completion_tokens=attempt.completion_tokens,
    )
    return dataclasses.replace(default, **values)


def variant(number: int = 0, sample: int = 0, reasoning: str = "short", **values: Any) -> Variant:
    """A kept compressed form of `trace(number)`."""
    row = trace(number, sample)
    chars, raw_chars = len(reasoning), len(row.reasoning)
    default = Variant(
        question_id=row.question_id,
        sample=sample,
        source="sums",
        reasoning=reasoning,
        answer=row.answer,
        raw_chars=raw_chars,
        chars=chars,
        rho=chars / raw_chars,
        raw_tokens=None,
        tokens=None,
        finish_reason="stop",
        kept=True,
        drop_reason=None,
        flags=(),
    )
    return dataclasses.replace(default, **values)


def example(number: int, eos: str) -> Example:
    """An example of a length of its own; counts in bytes, with the EOS as one more."""
    prompt = f"Count to {number}.\n"
    text = chat.completion(" ".join(map(str, range(number))), str(number), "")
    return Example(
        question_id=f"q{number:02}",
        sample=0,
        prompt=prompt,
        completion=text + eos,
        prompt_tokens=len(prompt),
        completion_tokens=len(text) + 1,
        raw_tokens=len(text) + 1,
    )


def params_file(root: Path, **sections: Any) -> None:
    """Writes params.yaml of profile `test` into `root`."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(yaml.safe_dump({"profile": "test"} | sections))


def load(folder: Path) -> Any:
    """The model of a folder, in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def run(
    module: str, *options: str, cwd: Path, limit: int | None = None
) -> subprocess.CompletedProcess[str]:
    """A stage's command as a user runs it; no file may grow beyond `limit` bytes."""
    code = "import resource, runpy, sys; sys.argv = sys.argv[1:]; "
    if limit is not None:
        code += f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); "
    code += "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
    env = os.environ | {"PYTHONPATH": str(ROOT), "CI": "true"}
    return subprocess.run(
        [sys.executable, "-c", code, module, *options],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
    )


def leftovers(folder: Path) -> list[str]:
    """Files below `folder` that are half written: the partial of an out."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".*.partial"))
