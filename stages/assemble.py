"""assemble: turn every target of one teacher into fine-tuning examples for one student.

All targets hold exactly the same (question, sample) rows: those that every compressor and
shortener kept, and whose examples fit the student's length limit under every target. Anything else
would compare arms on different questions.

traces, compressed, shortened, the student's tokenizer
    -> data/<profile>/sft/<teacher>/<student>/<target>.parquet,
       metrics/<profile>/assemble/<teacher>-<student>.json
Run: python -m stages.assemble --profile default --teacher scripted --student smollm2
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core import chat, paths, records, tokens
from stages.core.paths import DataPaths
from stages.core.program import command, params
from stages.core.program.files import replacing, write_json
from stages.core.program.params import Positive
from stages.core.records import Example, Question
from stages.core.targets.assembly.completions import Prompt, prompts
from stages.core.targets.assembly.examples import examples, rho_tokens, summary
from stages.core.targets.assembly.matching import Matched, match
from stages.core.targets.assembly.sources import TargetSource, sources

PARAMS = {
    "targets": "grid.targets",
    "compressors": "grid.compressors",
    "shorteners": "grid.shorteners",
    "text": "students.{student}.text",
    "assemble": "assemble",
}


@dataclass(frozen=True)
class Assemble:
    """`traces_per_question`: how many of a question's kept traces are used, lowest sample first.

    None for all of them.
    """

    traces_per_question: Positive | None


@command.stage("profile", "teacher", "student")
def main(profile: str, teacher: str, student: str) -> None:
    """Write one teacher's targets as examples to data/<profile>/sft/<teacher>/<student>/."""
    # Check the params before anything is read
    declared = params.read(PARAMS, profile, teacher=teacher, student=student)
    text = params.section(chat.Text, declared["text"], f"students.{student}.text")
    options = params.section(Assemble, declared["assemble"], "assemble")
    _check_grid(declared)

    # Find the rows that all targets share
    data = paths.data(profile)
    source_by_target = _sources(data, teacher, student, declared)
    tokenizer = tokens.load(data.model(student))
    questions = _training_questions(data)
    prompt_by_id = prompts(questions.values(), tokenizer, text)
    matched = match(
        source_by_target,
        TargetSource(data.traces(teacher), has_variants=False),
        prompt_by_id,
        tokenizer,
        text.max_tokens,
        options.traces_per_question,
    )

    # Write their examples, and the metrics
    with replacing(data.sft(teacher, student)) as folder:
        _write_examples(folder, source_by_target, matched, prompt_by_id, tokenizer.eos_token)
    # The targets that have a ratio to the raw traces: those that were compressed or shortened
    rewritten = [target for target, source in source_by_target.items() if source.has_variants]
    metrics = {
        "teacher": teacher,
        "student": student,
        "targets": summary(matched.counts, prompt_by_id),
        "rho_tokens": rho_tokens(matched.counts, matched.raw, rewritten, questions),
    }
    metric_path = paths.metric(profile, "assemble", f"{teacher}-{student}")
    write_json(metric_path, metrics | _sizes(matched))


def _sizes(matched: Matched) -> dict[str, Any]:
    """The sizes of the matched set for the metrics."""
    keys = matched.raw.completion
    return {
        "questions": len({question_id for question_id, _ in keys}),
        "examples": len(keys),
        "dropped": matched.dropped,
    }


def _check_grid(declared: Mapping[str, Any]) -> None:
    """Raises StageError where an entry of the grid is not a list of names."""
    params.entry(params.NonEmptyNames, declared["targets"], "grid.targets")
    params.entry(params.Compressors, declared["compressors"], "grid.compressors")
    params.entry(params.Shorteners, declared["shorteners"], "grid.shorteners")


def _training_questions(data: DataPaths) -> dict[str, Question]:
    """The questions that students are trained on, by question_id."""
    questions = records.read(data.questions, Question)
    return {question.question_id: question for question in questions if question.split == "train"}


def _sources(
    data: DataPaths, teacher: str, student: str, declared: Mapping[str, Any]
) -> dict[str, TargetSource]:
    """Where the rows of each target of the grid are."""
    folders = {
        "traces": data.traces(teacher),
        "compressed": data.folder / "compressed" / teacher,
        "shortened": data.folder / "shortened" / teacher / student,
    }
    return sources(declared["targets"], folders, declared)


def _write_examples(
    folder: Path,
    source_by_target: Mapping[str, TargetSource],
    matched: Matched,
    prompt_by_id: Mapping[str, Prompt],
    eos: str,
) -> None:
    """Writes a file of examples for each target."""
    targets = command.progress(source_by_target.items(), "assemble", unit="target")
    for target, source in targets:
        completion_tokens = matched.counts[target].completion
        raw_tokens = matched.raw.completion
        rows = examples(source, completion_tokens, raw_tokens, prompt_by_id, eos)
        records.write(folder / f"{target}.parquet", rows, Example)


if __name__ == "__main__":
    main()
