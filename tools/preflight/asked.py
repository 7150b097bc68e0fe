"""Teachers and compressors that are models: their files, prompts and room, and the memory that serves them."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.compress import compressor_of
from stages.core import asking, params, tokens
from stages.core.asking import LanguageModel
from stages.core.compressors import llm
from stages.core.compressors.llm import LLM
from stages.core.records import Trace
from stages.generate import Teacher
from tools.preflight import fetching, memory, speaking
from tools.preflight.lines import Report
from tools.preflight.memory import Room

TRACE = Trace(
    **dict.fromkeys((field.name for field in dataclasses.fields(Trace)), "")
    | {"question": speaking.QUESTION, "reasoning": speaking.REASONING, "answer": speaking.ANSWER}  # type: ignore[arg-type]
)


def check_teacher(section: Mapping[str, Any], longest: str, room: Room, report: Report, subject: str) -> None:
    """Adds the lines of a teacher that is asked."""
    teacher = params.section(Teacher, section, subject)
    if teacher.inference["engine"] == "scripted":
        report.ok(subject, "files", "a program, no model")
        return
    _check(teacher, speaking.QUESTION, longest, None, room, report, subject)


def check_compressor(section: Mapping[str, Any], longest: str, room: Room, report: Report, subject: str) -> None:
    """Adds the lines of a compressor."""
    how = compressor_of(section, subject)
    if not isinstance(how, LLM):
        report.ok(subject, "files", "a program, no model")
        return
    _check(how, llm.render(TRACE), longest, how.context, room, report, subject)


def _check(
    model: LanguageModel, question: str, longest: str, context: int | None, room: Room, report: Report, subject: str
) -> None:
    served, sampling = asking.settings(model, subject)
    if served.renders:
        report.ok(subject, "files", f"{model.model} of a server, which renders its prompts and is not asked here")
        return
    files = fetching.model(model.model, model.revision, report, subject)
    if files is None:
        return
    folder = Path(model.tokenizer) if model.tokenizer and Path(model.tokenizer).is_dir() else files.folder
    template, date = model.prompt_template, model.date
    spoken = speaking.show_prompt(folder, template, model.template_arguments, date, report, subject, question)
    if spoken is None:
        return
    speaking.check_end(files.folder, spoken.tokenizer, report, subject)
    speaking.check_split(spoken, model.output, model.opened, report, subject)
    inference = model.inference.get("run", model.inference)
    limit = inference.get("options", {}).get("max_model_len")
    asked = spoken.length + tokens.count(spoken.tokenizer, longest) + sampling.max_new_tokens
    remedy = "lower sampling.max_new_tokens or context, or raise max_model_len"
    with report.errors_of(subject, "context"):
        speaking.check_room(files.folder, context or asked, limit, report, subject, remedy)
        report.judge(
            asked <= (context or asked), subject, "context", f"{asked:,} tokens at least, context {context}", remedy
        ) if context else None
    memory.serving(files.folder, files.weights or 0, model.inference, room, report, subject)
