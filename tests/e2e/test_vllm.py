"""Real vLLM on this CPU: the offline engine and `vllm serve` answer real questions and compress
real traces.

SmolLM2's answers are poor. The tests look at the path, at the records, and that nothing is asked
twice.
"""

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from safetensors.torch import load_file, save_file

from stages.core import records, tokens
from stages.core.asking.engines import vllm as engine
from stages.core.asking.store import Store
from stages.core.paths import DataPaths
from stages.core.program.errors import StageError
from stages.core.records import Question, Response, Trace, Variant
from stages.core.targets.audit import DROP
from tests.conftest import Project
from tests.e2e.serve import CPU, serving
from tests.made import ROOT, SHARED, question, run, trace

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is absent"),
    pytest.mark.timeout(900),
]
# Per-request seeds and chunked prefill together stop vLLM's CPU worker
OPTIONS = {
    "max_model_len": 2048,
    "max_num_batched_tokens": 2048,
    "max_num_seqs": 16,
    "enable_chunked_prefill": False,
    "enforce_eager": True,  # compiling takes longer than all that is asked here
}
TEMPLATE = "<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
SAMPLING = {"max_new_tokens": 24, "temperature": 0.6, "top_p": 0.95}
SERVED = (
    "--served-model-name smol --max-model-len 2048 --max-num-seqs 16 --no-enable-chunked-prefill"
)
SERVED += " --max-num-batched-tokens 2048 --dtype bfloat16 --enforce-eager"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """vLLM takes as little of this machine as it can."""
    for name, value in CPU.items():
        monkeypatch.setenv(name, value)


def gsm8k(count: int) -> list[Question]:
    """The first training questions of GSM8K."""
    with (SHARED / "questions/gsm8k/train.jsonl").open() as file:
        rows = [json.loads(next(file)) for _ in range(count)]
    return [
        question(number, question=row["question"], gold=row["answer"].rpartition("#### ")[2])
        for number, row in enumerate(rows)
    ]


def qwen(count: int) -> list[Trace]:
    """Short ones of Qwen3-8B's traces, and one that is longer than the compressor's context."""
    with (SHARED / "traces/qwen3-8b/qwen3-8b__think-on.jsonl").open() as file:
        rows = [json.loads(line) for line in file]
    answered = sorted(
        (row for row in rows if row["thinking"] and row["content"]),
        key=lambda row: len(row["thinking"]),
    )
    chosen = [*answered[: count - 1], answered[-1]]
    return [
        trace(
            n,
            question=row["item_id"],
            reasoning=row["thinking"],
            answer=row["content"],
            stated=row["content"][-9:],
        )
        for n, row in enumerate(chosen)
    ]


def generate(root: Path) -> Any:
    """The stage as a user runs it."""
    return run("stages.generate", "--profile", "test", "--teacher", "llm", cwd=root)


def compress(root: Path) -> Any:
    """Likewise."""
    return run(
        "stages.compress", "--profile", "test", "--teacher", "llm", "--compressor", "llm", cwd=root
    )


def sections(model: str, inference: dict[str, Any], **more: Any) -> dict[str, Any]:
    """params.yaml with one teacher and one compressor, both the same model."""
    served = {"model": model, "inference": inference, "sampling": SAMPLING} | more
    return {
        "teachers": {"llm": served | {"samples": 2, "seed": 1}},
        "compressors": {"llm": served | {"kind": "llm", "context": 2048}},
        "audit": {"drop": list(DROP)},
    }


def check(root: Path, questions: int, traces: int) -> None:
    """What both stages wrote of a model that is seldom right."""
    rows = list(records.read(root / "data/test/responses/llm.parquet", Response))
    assert {row.question_id for row in rows} == {f"q{n}" for n in range(questions)}
    assert all(
        (row.prompt_tokens or 0) > 20 and 1 <= (row.completion_tokens or 0) <= 24 for row in rows
    )
    assert {row.finish_reason for row in rows} <= {"stop", "length"}
    assert all(row.answer or row.reasoning for row in rows)
    short = list(records.read(root / "data/test/compressed/llm/llm.parquet", Variant))
    assert len(short) == traces
    assert [row.drop_reason for row in short].count("over_context") == 1
    assert all(row.reasoning for row in short if row.drop_reason != "over_context")
    cost = json.loads((root / "metrics/test/cost/llm-llm.json").read_text())[0]
    assert cost["completion_tokens"] <= 24 * traces
    assert cost["prompt_tokens"] > 200 * (traces - 1)
    assert cost["seconds"] > 0


def test_offline_engine_generates_and_compresses_and_resumes(
    project: Project, smollm2: Path
) -> None:
    inference = {"engine": "vllm", "options": OPTIONS}
    root = project(**sections(str(smollm2), inference, prompt_template=TEMPLATE))
    records.write(root / "data/test/questions.parquet", gsm8k(4), Question)
    records.write(root / "data/test/traces/llm.parquet", qwen(5), Trace)
    assert generate(root).returncode == 0
    assert compress(root).returncode == 0
    check(root, questions=4, traces=5)
    out = root / "data/test/responses/llm.parquet"
    first, before = list(records.read(out, Response)), out.read_bytes()
    out.unlink()
    with Store(root / "data/store") as store:
        paid = len(store)
    began = time.monotonic()
    done = generate(root)
    assert (done.returncode, out.read_bytes()) == (0, before)
    assert time.monotonic() - began < 25  # vLLM alone takes longer to load
    assert "vllm" not in done.stderr + done.stdout
    records.write(root / "data/test/questions.parquet", gsm8k(6), Question)
    assert generate(root).returncode == 0
    rows = list(records.read(out, Response))
    assert [row for row in rows if row.question_id in {"q0", "q1", "q2", "q3"}] == first
    with Store(root / "data/store") as store:
        assert len(store) == paid + len(rows) - len(first)


@pytest.mark.slow
def test_checkpoints_answer_ahead_by_one_engine(project: Project, smollm2: Path) -> None:
    """An engine that was given new weights answers like one that was loaded with them."""
    evaluation = {
        "split": "validation",
        "questions": None,
        "max_new_tokens": 24,
        "samples": 1,
        "sampled_questions": 1,
        "example_questions": 0,
    }
    students = {
        "smollm2": {
            "text": {"prompt_template": TEMPLATE, "max_tokens": 2048},
            "inference": {"engine": "vllm", "options": OPTIONS},
        }
    }
    root = project(
        evaluate=evaluation | {"temperature": 0.6, "top_p": 0.95, "seed": 0}, students=students
    )
    questions = [dataclasses.replace(row, split="validation") for row in gsm8k(4)]
    records.write(root / "data/test/questions.parquet", questions, Question)
    records.write(DataPaths(root / "data/test").example_questions("smollm2"), [], Question)
    base, trained = (
        root / "data/test/models/smollm2",
        root / "data/test/checkpoints/t-raw-smollm2-m-s0",
    )
    for folder in (base, trained):
        shutil.copytree(smollm2, folder)
    weights = load_file(base / "model.safetensors")
    changed = {
        name: weight * 1.3 if "mlp.down_proj" in name else weight
        for name, weight in weights.items()
    }
    save_file(changed, trained / "model.safetensors", metadata={"format": "pt"})
    student = ("stages.evaluate", "--profile", "test", "--student", "smollm2")
    arm = ("--teacher", "t", "--target", "raw", "--method", "m", "--seed", "s0")

    def answered(*cell: str) -> bytes:
        done = run(*student, *cell, cwd=root)
        assert done.returncode == 0, done.stderr[-2000:]
        name = "t-raw-smollm2-m-s0" if cell else "untrained-smollm2"
        return (root / f"data/test/predictions/{name}.parquet").read_bytes()

    apart = answered(), answered(*arm)
    assert apart[0] != apart[1]
    shutil.rmtree(root / "data/store")
    assert run(*student, "--ahead", cwd=root).returncode == 0
    with Store(root / "data/store") as store:
        assert len(store) == 2 * 5
    began = time.monotonic()
    assert (answered(), answered(*arm)) == apart
    assert time.monotonic() - began < 40  # vLLM alone takes longer to load twice


@pytest.mark.slow
def test_served_model_generates_and_compresses(
    project: Project, smollm2: Path, tmp_path: Path
) -> None:
    """By messages that the server renders, and by ids of prompts rendered here."""
    with serving(smollm2, tmp_path, *SERVED.split()) as url:
        inference = {"engine": "openai", "base_url": url, "concurrency": 8}
        root = project(**sections("smol", inference, tokenizer=str(smollm2)))
        records.write(root / "data/test/questions.parquet", gsm8k(4), Question)
        records.write(root / "data/test/traces/llm.parquet", qwen(5), Trace)
        for stage in (generate, compress):
            done = stage(root)
            assert done.returncode == 0, done.stderr
        check(root, questions=4, traces=5)
        shutil.rmtree(root / "data/store")
        by_ids = inference | {"api": "completions"}
        root = project(**sections("smol", by_ids, tokenizer=str(smollm2), prompt_template=TEMPLATE))
        for stage in (generate, compress):
            done = stage(root)
            assert done.returncode == 0, done.stderr
        check(root, questions=4, traces=5)
        # Without a tokenizer only the server can tell what is too long
        shutil.rmtree(root / "data/store")
        root = project(**sections("smol", inference))
        assert compress(root).returncode == 0
        variants = list(records.read(root / "data/test/compressed/llm/llm.parquet", Variant))
        assert [row.drop_reason for row in variants].count("over_context") == 1


def test_reasoning_parser_of_vllm_sets_the_reasoning_apart(smollm2: Path) -> None:
    tokenizer = tokens.load(smollm2)
    with pytest.raises(
        StageError, match=r"inference.reasoning_parser: 'deepseek_r1': vLLM cannot use it here"
    ):
        engine._parser("deepseek_r1", tokenizer)
    with pytest.raises(
        StageError, match=r"inference.reasoning_parser: 'nobody': vLLM cannot use it here"
    ):
        engine._parser("nobody", tokenizer)
    tokenizer.add_tokens(["<think>", "</think>"])
    parser = engine._parser("deepseek_r1", tokenizer)
    assert parser.extract_reasoning("<think>a</think>b", None) == ("a", "b")


@pytest.mark.slow
def test_killed_stage_leaves_no_process_of_vllm(project: Project, smollm2: Path) -> None:
    """Memory of a GPU would stay taken, and the next run would not start."""
    inference = {"engine": "vllm", "options": OPTIONS}
    root = project(**sections(str(smollm2), inference, prompt_template=TEMPLATE))
    records.write(root / "data/test/questions.parquet", gsm8k(8), Question)
    command = [sys.executable, "-m", "stages.generate", "--profile", "test", "--teacher", "llm"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    stage = subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.DEVNULL)
    started: list[psutil.Process] = []
    deadline = time.monotonic() + 120
    while not any("VLLM::Worker" in process.name() for process in started):
        assert stage.poll() is None, "the stage ended before vLLM had started"
        assert time.monotonic() < deadline, "vLLM never started"
        time.sleep(0.2)
        started = _children(stage.pid)
    stage.kill()
    stage.wait()
    _, alive = psutil.wait_procs(started, timeout=30)
    assert not alive


def _children(pid: int) -> list[psutil.Process]:
    """The processes below a process whose names can still be read."""
    children = []
    for process in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            process.name()
            children.append(process)
    return children
