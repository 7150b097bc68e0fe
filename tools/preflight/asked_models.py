"""Check teachers and compressors that are models.

It is about their files, prompts and context, and the memory that serves them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.compress import compressor_of
from stages.core import chat, tokens
from stages.core.asking.language_model import LanguageModel, model_settings
from stages.core.program import params
from stages.core.targets.compressors import prompts as prompts_of_compressors
from stages.core.targets.compressors.llm import LLM
from stages.generate import Teacher
from tools.preflight import fetching, memory, prompts
from tools.preflight.lines import Report
from tools.preflight.memory import Room
from tools.preflight.prompts import Turn


def check_teacher(
    section: Mapping[str, Any], longest_question: str, room: Room, report: Report, subject: str
) -> int:
    """Adds the lines of a teacher that is asked.

    `longest_question` is the longest one of the sets that was read. Returns the bytes of the
    teacher's weights in the hub's cache.
    """
    teacher = params.section(Teacher, section, subject)
    if teacher.inference["engine"] == "scripted":
        report.ok(subject, "files", "a program, no model")
        return 0
    task = _Task(
        question=teacher.message(prompts.QUESTION),
        longest_question=longest_question,
    )
    return _check(teacher, task, room, report, subject)


def check_compressor(
    section: Mapping[str, Any],
    longest_question: str,
    trace_tokens: int,
    room: Room,
    report: Report,
    subject: str,
) -> int:
    """Adds the lines of a compressor. Arguments and result are those of `check_teacher`.

    `trace_tokens` is the most that a teacher may write.
    """
    compressor = compressor_of(section, subject)
    if not isinstance(compressor, LLM):
        report.ok(subject, "files", "a program, no model")
        return 0
    task = _Task(
        question=prompts_of_compressors.render(
            compressor.template, prompts.QUESTION, prompts.REASONING, prompts.ANSWER
        ),
        examples=compressor.turns,
        longest_question=longest_question,
        limits={"context": compressor.context},
        trace_tokens=trace_tokens,
    )
    return _check(compressor, task, room, report, subject)


def longest_trace(teachers: Iterable[Mapping[str, Any]]) -> int:
    """The most tokens that one of these teachers may write."""
    limits = [teacher.get("sampling", {}).get("max_new_tokens", 0) for teacher in teachers]
    return max(limits, default=0)


@dataclass(frozen=True)
class _Task:
    """What a model is asked."""

    question: str  # a short one, for the prompt that the table shows
    longest_question: str  # for the length of the longest prompt
    limits: Mapping[str, int] = field(default_factory=dict)  # tokens that the params allow, by name
    trace_tokens: int = 0  # of the longest trace that the model reads besides
    examples: chat.Turns = ()


def _check(model: LanguageModel, task: _Task, room: Room, report: Report, subject: str) -> int:
    """Adds a model's lines, and returns the bytes of its weights in the hub's cache."""
    served, sampling = model_settings(model, subject)
    if served.renders:
        finding = f"{model.model} of a server, which renders its prompts and is not asked here"
        report.ok(subject, "files", finding)
        return 0
    files = fetching.model(model.model, model.revision, report, subject)
    if files is None:
        return 0

    has_own_tokenizer = model.tokenizer and Path(model.tokenizer).is_dir()
    tokenizer_folder = Path(model.tokenizer or "") if has_own_tokenizer else files.folder
    turn = Turn(
        template=model.prompt_template,
        date=model.date,
        question=task.question,
        arguments=model.template_arguments,
        system=model.system,
        examples=task.examples,
    )
    rendered = prompts.show_prompt(tokenizer_folder, turn, report, subject)
    if rendered is not None:
        prompts.check_end(files.folder, rendered.tokenizer, report, subject)
        prompts.check_reasoning(rendered, model.output, model.opened, report, subject)
        # The longest question beside the short one is a little more than any prompt has
        prompt_tokens = rendered.length + tokens.count(rendered.tokenizer, task.longest_question)
        needed = prompt_tokens + sampling.max_new_tokens
        options = memory.engine_of(model.inference).get("options", {})
        limits = {**task.limits, "max_model_len": options.get("max_model_len")}
        prompts.check_context(files.folder, needed, limits, report, subject)
        prompts.check_traces(needed, task.trace_tokens, limits, report, subject)
    memory.check_serving(files.folder, files.weights or 0, model.inference, room, report, subject)
    return files.cached
