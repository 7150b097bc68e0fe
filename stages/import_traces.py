"""import_traces: take a teacher's responses from files that someone else generated.

questions, data/imports/traces/<file>, teachers.<teacher>
    -> data/<profile>/responses/<teacher>.parquet,
       metrics/<profile>/import/<teacher>.json (rows taken and rows left out)
Run: python -m stages.import_traces --profile default --teacher mine
"""

import collections
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import click
from pydantic import Field

from stages.core import paths, records
from stages.core.imports import messages, sources, values
from stages.core.imports.attempts import Attempt, attempts
from stages.core.imports.counts import ImportCounts
from stages.core.imports.lookup import Lookup
from stages.core.program import command, params
from stages.core.program.errors import StageError, shown
from stages.core.program.files import write_json
from stages.core.program.params import Name, NotEmpty, check_no_duplicates, check_watched, one_of
from stages.core.records import Question, Response

FORMATS = ("fields", "messages")
FIELDS = (
    "question_id",
    "question",
    "reasoning",
    "answer",
    "finish_reason",
    "sample",
    "prompt_tokens",
    "completion_tokens",
    "correct",
    "messages",
)
PARAMS = {"teacher": "teachers.{teacher}"}


@dataclass(frozen=True, kw_only=True)
class ImportedTeacher:
    """Files in data/imports/traces/ and their field map.

    `fields` must name question_id (the question's id in its own source) or question (its text),
    and answer. Where it names no reasoning, the reasoning is in the answer's text, in the marks of
    its model. sample, finish_reason, completion_tokens, prompt_tokens and correct may be named too.
    Where answer is a list, these are lists beside it.

    With `format: messages` a row holds question, reasoning and answer as messages
    (core/imports/messages.py), and `fields` need name nothing. The question is found by our
    question_id, else by its text.
    """

    files: Annotated[list[NotEmpty], Field(min_length=1)]
    model: NotEmpty
    fields: dict[Annotated[str, one_of(*FIELDS)], NotEmpty] = field(default_factory=dict)
    format: str = "fields"
    # The question set that the ids belong to, where ids of several sets coincide
    source: Name | None = None
    # drop: leave out the rows whose question is in no question set
    unknown_questions: Literal["error", "drop"] = "error"

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise StageError(f"format: {self.format!r} is unknown; known: {', '.join(FORMATS)}")
        for file_name in self.files:
            check_watched(file_name)
        check_no_duplicates(self.files)


def responses(
    teacher: ImportedTeacher, questions: Lookup, name: str, counts: ImportCounts
) -> Iterator[Response]:
    """Yields the rows' responses in the order of the files.

    `name` is the teacher's in the params. What becomes of each row is added to `counts`. Raises
    StageError for what is wrong with a row.
    """
    attempts_taken: collections.Counter[str] = collections.Counter()  # by question_id
    # Where each attempt, and each pair of texts, was met first
    first_locations: dict[tuple[str | int, ...], str] = {}
    for file in teacher.files:
        for location, row in sources.rows(sources.TRACES / file):
            fields = _by_our_names(teacher, name, row, location)
            question = _question(teacher, questions, row, fields, location, counts)
            if question is None:
                continue
            row_attempts = attempts(fields, location)
            counts.rows["no_response"] += not row_attempts
            for number, attempt in enumerate(row_attempts, 1):
                counts.add(attempt)
                if attempt.too_long:
                    continue
                # Where the file numbers no attempts, they are numbered as they come
                sample = attempt.sample
                if sample is None:
                    sample = attempts_taken[question.question_id]
                is_in_list = len(row_attempts) > 1
                attempt_location = f"{location}, response {number}" if is_in_list else location
                response = _response(teacher, question, attempt, sample, attempt_location)
                is_numbered = attempt.sample is not None or is_in_list
                _check_is_new(first_locations, response, is_numbered, attempt_location)
                yield response
                attempts_taken[question.question_id] += 1


def _by_our_names(
    teacher: ImportedTeacher, name: str, row: Mapping[str, Any], location: str
) -> dict[str, Any]:
    """The values of a row, by our names."""
    mapped = {field: sources.pick(row, teacher.fields, field, location) for field in teacher.fields}
    if teacher.format == "messages":
        # Under the name that the map gives, else under those of most data sets
        conversation = mapped.get("messages", row.get("messages", row.get("conversations")))
        values_of_messages = messages.read(row, conversation, location)
        if mapped.keys().isdisjoint(values_of_messages):
            return values_of_messages | mapped
        # A mapped field replaces one of the messages', so the texts are no longer as we wrote them
        return values_of_messages | mapped | {"exact": False}
    if "answer" not in mapped or not {"question_id", "question"} & mapped.keys():
        raise StageError(
            f"{location}: teachers.{name}.fields must name question_id and answer, or question and "
            "answer"
        )
    return mapped


def _question(
    teacher: ImportedTeacher,
    questions: Lookup,
    row: Mapping[str, Any],
    fields: Mapping[str, Any],
    location: str,
    counts: ImportCounts,
) -> Question | None:
    """The training question that a row answers.

    None for a question of another split, and for an unknown one that may be dropped.
    """
    if "question_id" in teacher.fields:
        id_in_row = values.identifier(fields["question_id"], "question_id", location)
        label = f"question_id {shown(id_in_row)}"
        match = questions.by_id(id_in_row, location)
    else:
        text = values.text(fields["question"], "question", location) or ""
        label = f"question '{shown(text.strip())}'"
        our_id = row.get("question_id") if teacher.format == "messages" else None
        by_our_id = questions.by_question_id.get(our_id) if isinstance(our_id, str) else None
        match = (by_our_id, "question_id") if by_our_id else questions.by_text(text, location)
    if match is None:
        if teacher.unknown_questions != "drop":
            raise StageError(
                f"{location}: {label} is in no question set; add the set, or set "
                "unknown_questions: drop"
            )
        counts.rows["unknown_question"] += 1
        return None
    question, matched_by = match
    is_taken = question.split == "train"
    counts.rows["taken" if is_taken else "not_training"] += 1
    counts.matched[matched_by] += 1
    return question if is_taken else None


def _check_is_new(
    first_locations: dict[tuple[str | int, ...], str],
    response: Response,
    is_numbered: bool,
    location: str,
) -> None:
    """Raises StageError for an attempt that was there already.

    Where attempts are numbered, by their rows or in a list, two of them may have the same texts.
    """
    attempt_key: tuple[str | int, ...] = (response.question_id, response.sample)
    text_key = (response.question_id, response.reasoning, response.answer)
    checks = [(attempt_key, " and sample")]
    if not is_numbered:
        checks.append((text_key, ", reasoning and answer"))
    for key, label in checks:
        first_location = first_locations.setdefault(key, location)
        if first_location != location:
            raise StageError(
                f"{location}: the same question{label} as {first_location}; remove one"
            )


def _response(
    teacher: ImportedTeacher, question: Question, attempt: Attempt, sample: int, location: str
) -> Response:
    """The record of an attempt. A hash of it stands for the request that nobody here made."""
    hashed = f"{teacher.model}\n{location}\n{attempt.reasoning}\n{attempt.answer}"
    return Response(
        question_id=question.question_id,
        sample=sample,
        request_key=hashlib.sha256(hashed.encode()).hexdigest()[:32],
        seed=0,
        model=teacher.model,
        reasoning=attempt.reasoning.strip(),
        answer=attempt.answer.strip(),
        finish_reason=attempt.finish_reason,
        prompt_tokens=attempt.prompt_tokens,
        completion_tokens=attempt.completion_tokens,
    )


@command.stage("profile", "teacher")
def main(profile: str, teacher: str) -> None:
    """Take one teacher's responses from files into data/<profile>/responses/<teacher>.parquet."""
    # Load
    params_path = f"teachers.{teacher}"
    section = params.read(PARAMS, profile, teacher=teacher)["teacher"]
    config = params.section(ImportedTeacher, section, params_path)
    data = paths.data(profile)
    counts = ImportCounts()
    all_questions = records.read(data.questions, Question)
    questions = (row for row in all_questions if config.source in (None, row.source))

    # Read the files
    imported = responses(config, Lookup(questions, teacher), teacher, counts)
    ordered = sorted(imported, key=lambda response: (response.question_id, response.sample))
    if not ordered:
        all_counts = (counts.rows + counts.attempts).items()
        summary = ", ".join(f"{count} {kind}" for kind, count in all_counts)
        raise StageError(
            f"{params_path}: none of its rows answers a training question ({summary}); check "
            "files, fields and splits"
        )
    if without_reasoning := counts.attempts["without_reasoning"]:
        click.echo(
            f"warning: {params_path}: {without_reasoning} of {len(ordered)} responses show no "
            "reasoning, and so are not kept; name its field in fields.reasoning, or see "
            "docs/other_programs.md for the marks that are read",
            err=True,
        )

    # Save
    records.write(data.responses(teacher), ordered, Response)
    write_json(paths.metric(profile, "import", teacher), {"teacher": teacher} | counts.summary())


if __name__ == "__main__":
    main()
