"""import_traces: take a teacher's responses from files that someone else generated.

questions, data/imports/traces/<file>, teachers.<teacher>
    -> data/<profile>/responses/<teacher>.parquet, metrics/<profile>/import/<teacher>.json (rows taken and left)
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
from stages.core.imports.lookup import Lookup
from stages.core.program import command, params
from stages.core.program.errors import StageError, shown
from stages.core.program.files import write_json
from stages.core.program.params import Name, NotEmpty, once, watched, words
from stages.core.records import Question, Response

FORMATS = ("fields", "messages")
FIELDS = (
    *("question_id", "question", "reasoning", "answer", "finish_reason", "sample"),
    *("prompt_tokens", "completion_tokens", "correct", "messages"),
)
PARAMS = {"teacher": "teachers.{teacher}"}


@dataclass(frozen=True)
class ImportedTeacher:
    """Files in data/imports/traces/ and their field map.

    `fields` must name question_id (the id of the question in its own source) or question (its
    text), and answer. Where it names no reasoning, the answer's text holds it in the marks of its
    model. sample, finish_reason, completion_tokens, prompt_tokens and correct may be named too.
    Where answer is a list, these are lists beside it. With `format` messages a row holds question,
    reasoning and answer as messages (core/messages/), and `fields` need name nothing: its question
    is found by our question_id, else by its text.
    """

    files: Annotated[list[NotEmpty], Field(min_length=1)]
    model: NotEmpty
    fields: dict[Annotated[str, words(*FIELDS)], NotEmpty] = field(default_factory=dict)
    format: str = "fields"
    source: Name | None = (
        None  # the question set that the ids belong to, where ids of several sets coincide
    )
    unknown_questions: Literal["error", "drop"] = (
        "error"  # or drop: rows whose question is in no question set
    )

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise StageError(f"format: {self.format!r} is unknown; known: {', '.join(FORMATS)}")
        for name in self.files:
            watched(name)
        once(self.files)


class ImportCounts:
    """What became of the rows, by what their questions were found, and what their attempts are
    like.
    """

    def __init__(self) -> None:
        self.rows = collections.Counter(taken=0, not_training=0, unknown_question=0, no_response=0)
        self.matched: collections.Counter[str] = collections.Counter()
        self.attempts = collections.Counter(
            taken=0, too_long=0, without_reasoning=0, turn_marks_removed=0
        )
        self.said: collections.Counter[str] = (
            collections.Counter()
        )  # by the rows themselves, which is not believed

    def add(self, attempt: Attempt) -> None:
        """ImportCounts one attempt at a training question."""
        if attempt.too_long:
            self.attempts["too_long"] += 1
            return
        self.attempts.update(["taken"])
        self.attempts["without_reasoning"] += not attempt.reasoning.strip()
        self.attempts["turn_marks_removed"] += attempt.ended
        if attempt.correct is not None:
            self.said.update(["correct" if attempt.correct else "wrong"])

    def summary(self) -> dict[str, dict[str, int]]:
        """All counts."""
        return {
            "rows": dict(self.rows),
            "matched_by": dict(self.matched),
            "attempts": dict(self.attempts),
            "said_to_be": dict(self.said),
        }


def responses(
    teacher: ImportedTeacher, questions: Lookup, name: str, counts: ImportCounts
) -> Iterator[Response]:
    """Yields the rows' responses in the files' order; `counts` says what became of all rows."""
    taken: collections.Counter[str] = collections.Counter()
    places: dict[tuple[str | int, ...], str] = {}
    for file in teacher.files:
        for place, row in sources.rows(sources.TRACES / file):
            found = _found(teacher, name, row, place)
            question = _question(teacher, questions, row, found, place, counts)
            if question is None:
                continue
            several = attempts(found, place)
            counts.rows["no_response"] += not several
            for number, attempt in enumerate(several, 1):
                counts.add(attempt)
                if attempt.too_long:
                    continue
                sample = taken[question.question_id] if attempt.sample is None else attempt.sample
                at = place if len(several) == 1 else f"{place}, response {number}"
                made = _response(teacher, question, attempt, sample, at)
                # of a list, and where rows number their attempts, two may be the same
                _once(places, made, attempt.sample is not None or len(several) > 1, at)
                yield made
                taken[question.question_id] += 1


def _found(
    teacher: ImportedTeacher, name: str, row: Mapping[str, Any], place: str
) -> dict[str, Any]:
    """What a row says, by our names."""
    mapped = {field: sources.pick(row, teacher.fields, field, place) for field in teacher.fields}
    if teacher.format == "messages":
        there = mapped.get("messages", row.get("messages", row.get("conversations")))
        read = messages.read(row, there, place)
        return read | mapped | ({} if mapped.keys().isdisjoint(read) else {"exact": False})
    if "answer" not in mapped or not {"question_id", "question"} & mapped.keys():
        raise StageError(
            f"{place}: teachers.{name}.fields must name question_id and answer, or question and answer"
        )
    return mapped


def _question(
    teacher: ImportedTeacher,
    questions: Lookup,
    row: Mapping[str, Any],
    found: Mapping[str, Any],
    place: str,
    counts: ImportCounts,
) -> Question | None:
    """The training question that a row answers; None for another one, and for an unknown one that
    may be dropped.
    """
    if "question_id" in teacher.fields:
        key = values.identifier(found["question_id"], "question_id", place)
        what, match = f"question_id {shown(key)}", questions.by_id(key, place)
    else:
        key = values.text(found["question"], "question", place) or ""
        ours = row.get("question_id") if teacher.format == "messages" else None
        known = questions.own.get(ours) if isinstance(ours, str) else None
        what = f"question '{shown(key.strip())}'"
        match = (known, "question_id") if known else questions.by_text(key, place)
    if match is None and teacher.unknown_questions != "drop":
        raise StageError(
            f"{place}: {what} is in no question set; add the set, or set unknown_questions: drop"
        )
    taken = match is not None and match[0].split == "train"
    counts.rows.update(
        ["taken" if taken else "unknown_question" if match is None else "not_training"]
    )
    counts.matched.update([match[1]] if match else [])
    return match[0] if match and taken else None


def _once(
    places: dict[tuple[str | int, ...], str], made: Response, numbered: bool, place: str
) -> None:
    """Raises StageError for an attempt that was there; where rows number attempts, these may say
    the same.
    """
    attempt = made.question_id, made.sample
    said = attempt if numbered else (made.question_id, made.reasoning, made.answer)
    for key, what in ((attempt, " and sample"), (said, ", reasoning and answer")):
        first = places.setdefault(key, place)
        if first != place:
            raise StageError(f"{place}: the same question{what} as {first}; remove one")


def _response(
    teacher: ImportedTeacher, question: Question, attempt: Attempt, sample: int, place: str
) -> Response:
    shaped = f"{teacher.model}\n{place}\n{attempt.reasoning}\n{attempt.answer}"
    return Response(
        question_id=question.question_id,
        sample=sample,
        request_key=hashlib.sha256(shaped.encode()).hexdigest()[:32],
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
    place = f"teachers.{teacher}"
    config = params.section(
        ImportedTeacher, params.read(PARAMS, profile, teacher=teacher)["teacher"], place
    )
    data, counts = paths.data(profile), ImportCounts()
    asked = records.read(data.questions, Question)
    known = Lookup((row for row in asked if config.source in (None, row.source)), teacher)
    found = sorted(
        responses(config, known, teacher, counts), key=lambda row: (row.question_id, row.sample)
    )
    if not found:
        told = ", ".join(
            f"{count} {kind}" for kind, count in (counts.rows + counts.attempts).items()
        )
        raise StageError(
            f"{place}: none of its rows answers a training question ({told}); check files, fields and splits"
        )
    if bare := counts.attempts["without_reasoning"]:
        click.echo(
            f"warning: {place}: {bare} of {len(found)} responses show no reasoning, and so are not kept; "
            "name its field in fields.reasoning, or see docs/other_programs.md for the marks that are read",
            err=True,
        )
    records.write(data.responses(teacher), found, Response)
    write_json(paths.metric(profile, "import", teacher), {"teacher": teacher} | counts.summary())


if __name__ == "__main__":
    main()
