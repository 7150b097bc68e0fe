"""assemble: turn every target of one teacher into fine-tuning examples for one student.

All targets answer exactly the same questions: those whose rows every compressor and shortener
kept, and whose examples fit the student's length limit under every target. Anything else would
compare arms on different questions. Targets with a file hold the same (question, sample) rows.
Those that are made here (the section `targets`) take other rows of the same questions, as their
kinds say.

traces, compressed, shortened, the student's tokenizer; responses, where a target goes by all
attempts
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
from stages.core.program.errors import StageError
from stages.core.program.files import replacing, write_json
from stages.core.program.params import Positive
from stages.core.records import Example, Question
from stages.core.targets.assembly import attempts, planning, usage
from stages.core.targets.assembly.completions import Prompt, prompts
from stages.core.targets.assembly.examples import examples, rho_tokens, summary
from stages.core.targets.assembly.kinds.interface import ATTEMPTS, AssembledTarget, MatchedSet, Plan
from stages.core.targets.assembly.matching import Limits, Matched, match
from stages.core.targets.assembly.sources import TargetSource, file_targets, sources
from stages.core.targets.assembly.token_counts import TokenCounts

PARAMS = {
    "targets": "grid.targets",
    "compressors": "grid.compressors",
    "shorteners": "grid.shorteners",
    "assembled": "targets",
    "teacher": "teachers.{teacher}",
    "text": "students.{student}.text",
    "assemble": "assemble",
}


@dataclass(frozen=True)
class Assemble:
    """`traces_per_question`: how many of a question's kept traces are used, lowest sample first.

    None for all of them.
    """

    traces_per_question: Positive | None


@dataclass(frozen=True, kw_only=True)
class Arms:
    """What the targets of one teacher hold for one student."""

    plans: Mapping[str, Plan]  # by target of the grid, in order
    counts: Mapping[str, TokenCounts]  # by target, then by key of the matched set
    sources: Mapping[str, TargetSource]  # by the names that plans have
    metrics: Mapping[str, dict[str, Any]]  # of assembled targets


@command.stage("profile", "teacher", "student")
def main(profile: str, teacher: str, student: str) -> None:
    """Write one teacher's targets as examples to data/<profile>/sft/<teacher>/<student>/."""
    # Check the params before anything is read
    declared = params.read(PARAMS, profile, teacher=teacher, student=student)
    text = params.section(chat.Text, declared["text"], f"students.{student}.text")
    used, limits = _checked(declared, teacher, text.max_tokens)

    # Find the rows that all targets share
    data = paths.data(profile)
    source_by_name = _sources(data, teacher, student, declared)
    base = planning.base_sources(declared["targets"], used, source_by_name)
    tokenizer = tokens.load(data.model(student))
    questions = _training_questions(data)
    prompt_by_id = prompts(questions.values(), tokenizer, text)
    matched = match(base, source_by_name["raw"], prompt_by_id, tokenizer, limits)

    # Write their examples, and the metrics
    all_sources = base | {ATTEMPTS: source_by_name["raw"]}
    arms = _arms(declared["targets"], used, all_sources, matched, data, teacher)
    with replacing(data.sft(teacher, student)) as folder:
        _write_examples(folder, arms, matched, prompt_by_id, tokenizer.eos_token)
    metrics = {
        "teacher": teacher,
        "student": student,
        "targets": _target_metrics(arms, prompt_by_id),
        "rho_tokens": rho_tokens(arms.counts, matched.raw, _rewritten(arms, used), questions),
    }
    metric_path = paths.metric(profile, "assemble", f"{teacher}-{student}")
    write_json(metric_path, metrics | _sizes(matched))


def _checked(
    declared: Mapping[str, Any], teacher: str, max_tokens: int
) -> tuple[dict[str, AssembledTarget], Limits]:
    """The assembled targets that the grid uses, and the limits of the matched set.

    Raises StageError for params that no target can be made from.
    """
    options = params.section(Assemble, declared["assemble"], "assemble")
    params.entry(params.NonEmptyNames, declared["targets"], "grid.targets")
    params.entry(params.Compressors, declared["compressors"], "grid.compressors")
    params.entry(params.Shorteners, declared["shorteners"], "grid.shorteners")
    assembled = usage.assembled_targets(declared["assembled"])
    used = usage.in_use(declared["targets"], assembled, file_targets(declared))
    usage.check_attempts(used, teacher, declared["teacher"], options.traces_per_question)
    limits = Limits(
        max_tokens=max_tokens,
        per_question=options.traces_per_question,
        choosing=any(target.chooses_attempts for target in used.values()),
        raw_lengths=any(target.has_reasoning for target in used.values()),
    )
    return used, limits


def _arms(
    targets: list[str],
    used: Mapping[str, AssembledTarget],
    all_sources: Mapping[str, TargetSource],
    matched: Matched,
    data: DataPaths,
    teacher: str,
) -> Arms:
    """Plans every target over the matched set."""
    drawn, matched_set = _matched_set(used, matched, data, teacher)
    plans = planning.plans(used, matched_set)
    metrics = {}
    for name, target in used.items():
        metrics[name] = target.metrics(plans[name], matched_set)
        if name in usage.by_attempts(used):
            metrics[name]["attempts"] = drawn
    return Arms(
        plans={target: plans[target] for target in targets},
        counts={target: planning.planned_counts(plans[target], matched) for target in targets},
        sources=all_sources,
        metrics=metrics,
    )


def _matched_set(
    used: Mapping[str, AssembledTarget], matched: Matched, data: DataPaths, teacher: str
) -> tuple[dict[str, int], MatchedSet]:
    """The matched set, and how many attempts were drawn for its questions and were right.

    The responses are read only where a target goes by a question's attempts.
    """
    by_attempts = usage.by_attempts(used)
    if not by_attempts:
        return {}, planning.matched_set(matched, {})
    drawn = attempts.counts(data.responses(teacher))
    right = attempts.counts(data.traces(teacher))
    question_ids = {question_id for question_id, _ in matched.raw.completion}
    totals = {
        "drawn": sum(drawn[question_id] for question_id in question_ids),
        "right": sum(right[question_id] for question_id in question_ids),
    }
    if totals["drawn"] <= len(question_ids):
        raise StageError(
            f"params.yaml: targets.{by_attempts[0]}: it goes by all attempts, and {teacher} made one "
            "at each question; draw more, or leave the target out"
        )
    return totals, planning.matched_set(matched, attempts.right_shares(drawn, right))


def _target_metrics(arms: Arms, prompt_by_id: Mapping[str, Prompt]) -> dict[str, dict[str, Any]]:
    """The sizes of each target, and what the assembled ones say of themselves."""
    sizes = summary(arms.counts, prompt_by_id)
    return {target: sizes[target] | arms.metrics.get(target, {}) for target in arms.plans}


def _rewritten(arms: Arms, used: Mapping[str, AssembledTarget]) -> list[str]:
    """The targets that have a ratio to the raw traces: those that have another reasoning."""
    return [
        target
        for target in arms.plans
        if (target in used and used[target].has_reasoning)
        or (target in arms.sources and arms.sources[target].has_variants)
    ]


def _sizes(matched: Matched) -> dict[str, Any]:
    """The sizes of the matched set for the metrics."""
    keys = matched.raw.completion
    return {
        "questions": len({question_id for question_id, _ in keys}),
        "examples": len(keys),
        "dropped": matched.dropped,
    }


def _training_questions(data: DataPaths) -> dict[str, Question]:
    """The questions that students are trained on, by question_id."""
    questions = records.read(data.questions, Question)
    return {question.question_id: question for question in questions if question.split == "train"}


def _sources(
    data: DataPaths, teacher: str, student: str, declared: Mapping[str, Any]
) -> dict[str, TargetSource]:
    """Where the rows of each target are that has a file."""
    folders = {
        "traces": data.traces(teacher),
        "compressed": data.folder / "compressed" / teacher,
        "shortened": data.folder / "shortened" / teacher / student,
    }
    return sources(folders, declared)


def _write_examples(
    folder: Path, arms: Arms, matched: Matched, prompt_by_id: Mapping[str, Prompt], eos: str
) -> None:
    """Writes a file of examples for each target."""
    targets = command.progress(arms.plans.items(), "assemble", unit="target")
    for target, plan in targets:
        completion_tokens = arms.counts[target].completion
        raw_tokens = matched.raw.completion
        rows = examples(plan, arms.sources, completion_tokens, raw_tokens, prompt_by_id, eos)
        records.write(folder / f"{target}.parquet", rows, Example)


if __name__ == "__main__":
    main()
