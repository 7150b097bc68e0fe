"""A student before it is trained: its files, its prompt and end, its room to answer, and memory of
its cells.
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
from stages.core.training import adapters
from stages.core.training.settings import Method, Training
from stages.models import StudentSource
from tools.preflight import fetching, memory, speaking
from tools.preflight.budget import Trained
from tools.preflight.lines import Report
from tools.preflight.memory import Room
from tools.preflight.speaking import Spoken, Turn

Section = Mapping[str, Any]


def check(name: str, study: Section, longest: str, room: Room, report: Report) -> Trained | None:
    """Adds the lines of one student, and returns what its cells leave; None where its files cannot
    be read.
    """
    section, subject = study["students"][name], f"students.{name}"
    source = params.section(StudentSource, section["source"], f"{subject}.source")
    with tempfile.TemporaryDirectory() as scratch:
        files = fetching.student(source, Path(scratch), report, subject)
        if files is None:
            return None
        _tokens(source, files.folder, report, subject)
        text = params.section(Text, section["text"], f"{subject}.text")
        spoken = speaking.show_prompt(
            files.folder, Turn(text.prompt_template, text.date), report, subject
        )
        if spoken is not None:
            with report.errors_of(subject, "completion"):
                chat.check_student(spoken.tokenizer, text)
            speaking.check_tags(spoken, report, subject)
            _room(files.folder, study, section, longest, spoken, report, subject)
        with report.errors_of(subject, "memory"):
            trained = _memory(files.folder, study, section, room, report, subject)
            return dataclasses.replace(trained, cached=files.cached)
    return None


def _tokens(source: StudentSource, folder: Path, report: Report, subject: str) -> None:
    """Adds whether the special tokens have the ids that the params declare, and what ends a
    completion.
    """
    with report.errors_of(subject, "tokens"):
        eos, number = models.check(source, folder, f"{subject}.source")
        declared = ", ".join(f"{token} {given}" for token, given in source.special_tokens.items())
        report.ok(subject, "tokens", f"end {eos} ({number}); as declared: {declared or 'none'}")


def _room(
    folder: Path,
    study: Section,
    section: Section,
    longest: str,
    spoken: Spoken,
    report: Report,
    subject: str,
) -> None:
    """Adds whether questions can be answered, and examples trained, as long as the params allow."""
    needed = (
        spoken.length
        + tokens.count(spoken.tokenizer, longest)
        + study["evaluate"]["max_new_tokens"]
    )
    engine = memory.engine_of(section["inference"]).get("options", {})
    limits = {"max_model_len": engine.get("max_model_len")}
    speaking.check_room(folder, needed, limits, report, f"{subject}.inference")
    speaking.check_room(folder, section["text"]["max_tokens"], {}, report, f"{subject}.text")


def _memory(
    folder: Path, study: Section, section: Section, room: Room, report: Report, subject: str
) -> Trained:
    """Adds memory of serving, and of training by each method of the grid."""
    model = memory.skeleton(folder)
    on_gpus = memory.asks_gpus(section["inference"])
    # A checkpoint is served in bf16, whatever the files of its student hold
    weights = 2 * memory.parameters(model)
    memory.check_serving(
        folder, weights, section["inference"], room, report, f"{subject}.inference"
    )
    how = params.section(Training, section["training"], f"{subject}.training")
    frozen = 2 if on_gpus or hardware.bf16_supported() else 4
    trainable, checkpoints = {}, {}
    for name in study["grid"]["methods"]:
        method = params.section(Method, study["methods"][name], f"methods.{name}")
        trainable[name] = adapters.expected_trainable(model, method)
        parts = memory.training(
            model, method, how, section["text"]["max_tokens"], trainable[name], frozen
        )
        checkpoints[name] = memory.checkpoint(method, trainable[name])
        _judge(parts, how.processes, trainable[name], on_gpus, room, report, f"{subject}, {name}")
    return Trained(memory.parameters(model), trainable, checkpoints)


def _judge(
    parts: dict[str, float],
    processes: int,
    trainable: int,
    on_gpus: bool,
    room: Room,
    report: Report,
    subject: str,
) -> None:
    """Adds whether a cell's processes fit: each a GPU, or all of them this machine."""
    size, whose = room.of(on_gpus)
    listed = ", ".join(f"{name} {part:,.1f}" for name, part in parts.items())
    finding = f"{processes} x {sum(parts.values()):,.1f} GB ({listed}) of {whose}; {trainable:,} weights are trained"
    report.judge(
        sum(parts.values()) * (1 if on_gpus else processes) < size,
        subject,
        "training",
        finding,
        "more processes, training.checkpointing, a smaller text.max_tokens, or larger GPUs (GPU_GB)",
    )
