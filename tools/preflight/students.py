"""Check a student before it is trained.

It is about its files, its prompt and its end, its room to answer, and the memory of its cells.
"""

import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages import models
from stages.core import chat, tokens
from stages.core.chat import Text
from stages.core.machine import hardware
from stages.core.program import params
from stages.core.students.origins import StudentSource
from stages.core.training import adapters
from stages.core.training.settings import Method, Training
from tools.preflight import fetching, memory, prompts
from tools.preflight.budget import TrainedSizes
from tools.preflight.lines import Report
from tools.preflight.memory import Room
from tools.preflight.prompts import Turn

Section = Mapping[str, Any]


def check(
    name: str, study: Section, longest_question: str, room: Room, report: Report
) -> TrainedSizes | None:
    """Adds the lines of one student, and returns the sizes of what its cells leave.

    `study` is all of the params. Returns None where the student's files cannot be read.
    """
    section = study["students"][name]
    subject = f"students.{name}"
    source = params.section(StudentSource, section["source"], f"{subject}.source")
    with tempfile.TemporaryDirectory() as scratch:
        files = fetching.student(source, Path(scratch), report, subject)
        if files is None:
            return None
        _check_tokens(source, files.folder, report, subject)
        text = params.section(Text, section["text"], f"{subject}.text")
        turn = Turn(text.prompt_template, text.date)
        rendered = prompts.show_prompt(files.folder, turn, report, subject)
        if rendered is not None:
            with report.errors_of(subject, "completion"):
                chat.check_student(rendered.tokenizer, text)
            prompts.check_tags(rendered, report, subject)
            answer_tokens = study["evaluate"]["max_new_tokens"]
            question_tokens = tokens.count(rendered.tokenizer, longest_question)
            needed = rendered.length + question_tokens + answer_tokens
            _check_context(files.folder, section, needed, report, subject)
        with report.errors_of(subject, "memory"):
            sizes = _check_memory(files.folder, study, section, room, report, subject)
            return dataclasses.replace(sizes, cached=files.cached)
    return None


def _check_tokens(source: StudentSource, folder: Path, report: Report, subject: str) -> None:
    """Adds whether the special tokens have the ids that the params declare.

    The line says too which token ends a completion.
    """
    with report.errors_of(subject, "tokens"):
        eos, eos_id = models.check(source, folder, f"{subject}.source")
        declared = [f"{token} {token_id}" for token, token_id in source.special_tokens.items()]
        listed = ", ".join(declared) or "none"
        report.ok(subject, "tokens", f"end {eos} ({eos_id}); as declared: {listed}")


def _check_context(
    folder: Path, section: Section, needed: int, report: Report, subject: str
) -> None:
    """Adds whether the model reads `needed` tokens of question and answer, and the longest example
    that the params allow.
    """
    options = memory.engine_of(section["inference"]).get("options", {})
    limits = {"max_model_len": options.get("max_model_len")}
    prompts.check_context(folder, needed, limits, report, f"{subject}.inference")
    prompts.check_context(folder, section["text"]["max_tokens"], {}, report, f"{subject}.text")


def _check_memory(
    folder: Path, study: Section, section: Section, room: Room, report: Report, subject: str
) -> TrainedSizes:
    """Adds the memory of serving, and that of training by each method of the grid."""
    model = memory.skeleton(folder)
    on_gpus = memory.asks_gpus(section["inference"])
    # A checkpoint is served in bf16, whatever the files of its student hold
    served_bytes = 2 * memory.parameters(model)
    memory.check_serving(
        folder, served_bytes, section["inference"], room, report, f"{subject}.inference"
    )

    training = params.section(Training, section["training"], f"{subject}.training")
    # In bf16 where the hardware multiplies in it, in fp32 elsewhere
    frozen_bytes = 2 if on_gpus or hardware.bf16_supported() else 4
    trainable, checkpoints = {}, {}
    for method_name in study["grid"]["methods"]:
        method = params.section(Method, study["methods"][method_name], f"methods.{method_name}")
        trainable[method_name] = adapters.expected_trainable(model, method)
        checkpoints[method_name] = memory.checkpoint(method, trainable[method_name])
        parts = memory.of_training(
            model,
            method,
            training,
            max_tokens=section["text"]["max_tokens"],
            trainable=trainable[method_name],
            frozen_bytes=frozen_bytes,
        )
        device_gb, device = room.of(on_gpus)
        # Each process has a GPU of its own, or all of them share this machine
        needed_gb = sum(parts.values()) * (1 if on_gpus else training.processes)
        report.judge(
            needed_gb < device_gb,
            f"{subject}, {method_name}",
            "training",
            f"{_listed(parts, training.processes)} of {device}; "
            f"{trainable[method_name]:,} weights are trained",
            "more processes, training.checkpointing, a smaller text.max_tokens, "
            "or larger GPUs (GPU_GB)",
        )
    return TrainedSizes(memory.parameters(model), trainable, checkpoints)


def _listed(parts: Mapping[str, float], processes: int) -> str:
    """What the processes take: "8 x 27.5 GB (weights 4.0, ...)"."""
    listed = ", ".join(f"{name} {size:,.1f}" for name, size in parts.items())
    return f"{processes} x {sum(parts.values()):,.1f} GB ({listed})"
