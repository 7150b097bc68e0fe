"""A student before it is trained: its files, its prompt and end, its room to answer, and memory of its cells."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages import models
from stages.core import machine, params, tokens
from stages.core.chat import Text
from stages.core.training import adapters
from stages.core.training.settings import Method, Training
from stages.models import Source
from tools.preflight import fetching, memory, speaking
from tools.preflight.budget import Trained
from tools.preflight.lines import Report
from tools.preflight.memory import Room

Section = Mapping[str, Any]


def check(name: str, whole: Section, longest: str, room: Room, report: Report) -> Trained | None:
    """Adds the lines of one student, and returns what its cells leave; None where its files cannot be read."""
    section, subject = whole["students"][name], f"students.{name}"
    source = params.section(Source, section["source"], f"{subject}.source")
    with tempfile.TemporaryDirectory() as scratch:
        files = fetching.student(source, Path(scratch), report, subject)
        if files is None:
            return None
        _tokens(source, files.folder, report, subject)
        text = params.section(Text, section["text"], f"{subject}.text")
        spoken = speaking.show_prompt(files.folder, text.prompt_template, {}, text.date, report, subject)
        if spoken is not None:
            speaking.check_split(spoken, "think", False, report, subject)
            _room(files.folder, whole, section, longest, spoken, report, subject)
        with report.errors_of(subject, "memory"):
            return _memory(files.folder, whole, section, room, report, subject)
    return None


def _tokens(source: Source, folder: Path, report: Report, subject: str) -> None:
    """Adds whether the special tokens have the ids that the params declare, and what ends a completion."""
    with report.errors_of(subject, "tokens"):
        eos, number = models.check(source, folder, f"{subject}.source")
        declared = ", ".join(f"{token} {one}" for token, one in source.special_tokens.items())
        report.ok(subject, "tokens", f"end {eos} ({number}); as declared: {declared or 'none'}")


def _room(
    folder: Path, whole: Section, section: Section, longest: str, spoken: speaking.Spoken, report: Report, subject: str
) -> None:
    question = tokens.count(spoken.tokenizer, longest)
    needed = spoken.length + question + whole["evaluate"]["max_new_tokens"]
    inference = section["inference"]
    served = inference.get("run", inference).get("options", {}).get("max_model_len")
    remedy = "lower evaluate.max_new_tokens, or raise the engine's max_model_len"
    speaking.check_room(folder, needed, served, report, f"{subject}.inference", remedy)
    remedy = "lower text.max_tokens: longer examples leave all arms, and are counted"
    speaking.check_room(folder, section["text"]["max_tokens"], None, report, f"{subject}.text", remedy)


def _memory(folder: Path, whole: Section, section: Section, room: Room, report: Report, subject: str) -> Trained:
    """Adds memory of serving, and of training by each method of the grid."""
    model = memory.skeleton(folder)
    on_gpus = memory.asks_gpus(section["inference"])
    # A checkpoint is served in bf16, whatever the files of its student hold
    memory.serving(folder, 2 * memory.parameters(model), section["inference"], room, report, f"{subject}.inference")
    how = params.section(Training, section["training"], f"{subject}.training")
    trainable = {}
    for name in whole["grid"]["methods"]:
        method = params.section(Method, whole["methods"][name], f"methods.{name}")
        trainable[name] = adapters.expected_trainable(model, method)
        frozen = 2 if on_gpus or machine.bf16_supported() else 4
        parts = memory.training(model, method, how, section["text"]["max_tokens"], trainable[name], on_gpus, frozen)
        _training(parts, how.processes, trainable[name], on_gpus, room, report, f"{subject}, {name}")
    return Trained(memory.parameters(model), trainable)


def _training(
    parts: dict[str, float], processes: int, trainable: int, on_gpus: bool, room: Room, report: Report, subject: str
) -> None:
    size, where = room.of(on_gpus)
    needed = sum(parts.values()) * (1 if on_gpus else processes)
    listed = ", ".join(f"{name} {size:,.1f}" for name, size in parts.items())
    report.judge(
        needed < size,
        subject,
        "training",
        f"{needed:,.1f} GB of {where} in each of {processes} processes ({listed}); {trainable:,} weights trained",
        "more processes, training.checkpointing, a smaller text.max_tokens, or larger GPUs (GPU_GB)",
    )
