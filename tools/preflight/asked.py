"""Teachers and compressors that are models: their files, prompts and room, and the memory that
serves them.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stages.compress import compressor_of
from stages.core import tokens
from stages.core.asking.language_model import LanguageModel, model_settings
from stages.core.program import params
from stages.core.records import Trace
from stages.core.targets.compressors import llm
from stages.core.targets.compressors.llm import LLM
from stages.generate import Teacher
from tools.preflight import fetching, memory, speaking
from tools.preflight.lines import Report
from tools.preflight.memory import Room
from tools.preflight.speaking import Turn


def check_teacher(
    section: Mapping[str, Any], longest: str, room: Room, report: Report, subject: str
) -> int:
    """Adds the lines of a teacher that is asked, and returns the bytes of its weights in the hub's
    cache.

    `longest` is a question of a set.
    """
    teacher = params.section(Teacher, section, subject)
    if teacher.inference["engine"] == "scripted":
        report.ok(subject, "files", "a program, no model")
        return 0
    return _check(teacher, speaking.QUESTION, longest, {}, room, report, subject)


def check_compressor(
    section: Mapping[str, Any], longest: str, trace: int, room: Room, report: Report, subject: str
) -> int:
    """Adds the lines of a compressor, and returns as `check_teacher`; a teacher writes up to
    `trace` tokens.
    """
    how = compressor_of(section, subject)
    if isinstance(how, LLM):
        return _check(
            how,
            llm.render(_trace()),
            longest,
            {"context": how.context},
            room,
            report,
            subject,
            trace,
        )
    report.ok(subject, "files", "a program, no model")
    return 0


def longest_trace(teachers: Iterable[Mapping[str, Any]]) -> int:
    """The most tokens that one of these teachers may write."""
    return max((one.get("sampling", {}).get("max_new_tokens", 0) for one in teachers), default=0)


def _trace() -> Trace:
    texts = {
        "question": speaking.QUESTION,
        "reasoning": speaking.REASONING,
        "answer": speaking.ANSWER,
    }
    blank: dict[str, Any] = dict.fromkeys((field.name for field in dataclasses.fields(Trace)), "")
    return Trace(**blank | texts)


def _check(
    model: LanguageModel,
    question: str,
    longest: str,
    limits: Mapping[str, int],
    room: Room,
    report: Report,
    subject: str,
    trace: int = 0,
) -> int:
    """Adds a model's lines, and returns the bytes that the hub's cache takes; `trace` is what it
    reads besides.
    """
    served, sampling = model_settings(model, subject)
    if served.renders:
        report.ok(
            subject,
            "files",
            f"{model.model} of a server, which renders its prompts and is not asked here",
        )
        return 0
    files = fetching.model(model.model, model.revision, report, subject)
    if files is None:
        return 0
    speaks = (
        Path(model.tokenizer)
        if model.tokenizer and Path(model.tokenizer).is_dir()
        else files.folder
    )
    turn = Turn(model.prompt_template, model.date, question, model.template_arguments, model.system)
    spoken = speaking.show_prompt(speaks, turn, report, subject)
    if spoken is not None:
        speaking.check_end(files.folder, spoken.tokenizer, report, subject)
        speaking.check_split(spoken, model.output, model.opened, report, subject)
        needed = spoken.length + tokens.count(spoken.tokenizer, longest) + sampling.max_new_tokens
        engine = {
            "max_model_len": memory.engine_of(model.inference)
            .get("options", {})
            .get("max_model_len")
        }
        speaking.check_room(files.folder, needed, {**limits, **engine}, report, subject)
        speaking.check_traces(needed, trace, {**limits, **engine}, report, subject)
    memory.check_serving(files.folder, files.weights or 0, model.inference, room, report, subject)
    return files.cached
