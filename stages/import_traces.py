"""import_traces: take a teacher's responses from files that someone else generated.

questions, data/imports/traces/<file>, teachers.<teacher>
    -> data/<profile>/responses/<teacher>.parquet, metrics/<profile>/import/<teacher>.json (rows taken and left)
Run: python -m stages.import_traces --profile default --teacher mine
"""

import collections
import hashlib
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from stages.core import chat, command, messages, params, records, sources
from stages.core.errors import StageError
from stages.core.files import write_json
from stages.core.params import Name, NotEmpty, once, watched, words
from stages.core.records import Question, Response

FORMATS = ("fields", "messages")
FIELDS = (
    *("question_id", "question", "reasoning", "answer", "finish_reason", "sample"),
    *("prompt_tokens", "completion_tokens", "correct", "messages"),
)
PARAMS = {"teacher": "teachers.{teacher}"}
# How servers call an answer that ended by itself, and one that ended at the token limit
ENDED, CUT = {"stop", "eos", "eos_token", "end_turn", "stop_sequence", "none", ""}, {"length", "max_tokens"}


@dataclass(frozen=True)
class ImportedTeacher:
    """Files in data/imports/traces/ and their field map.

    `fields` must name question_id (the id of the question in its own source) and answer. Where it names no
    reasoning, the answer's text holds it in think tags. sample, finish_reason, completion_tokens and prompt_tokens may
    be named too. With `format` messages a row holds question, reasoning and answer as messages (core/messages/), and
    `fields` need name nothing: its question is found by our question_id, else by its text.
    """

    files: Annotated[list[NotEmpty], Field(min_length=1)]
    model: NotEmpty
    fields: dict[Annotated[str, words(*FIELDS)], NotEmpty] = field(default_factory=dict)
    format: str = "fields"
    source: Name | None = None  # the question set that the ids belong to, where ids of several sets coincide
    unknown_questions: Literal["error", "drop"] = "error"  # or drop: rows whose question is in no question set

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise StageError(f"format: {self.format!r} is unknown; known: {', '.join(FORMATS)}")
        for name in self.files:
            watched(name)
        once(self.files)

    @property
    def by_text(self) -> bool:
        """Whether rows name no id of their question's source."""
        return self.format == "messages" and "question_id" not in self.fields

    def keys(self, question: Question) -> list[str]:
        """What rows may call a question."""
        return [question.question_id, question.question.strip()] if self.by_text else [question.source_id]


def responses(
    teacher: ImportedTeacher,
    questions: Mapping[str, Question],
    name: str,
    counts: collections.Counter[str],
    twice: Set[str] = frozenset(),
) -> Iterator[Response]:
    """Yields the rows' responses in the files' order; `counts` says what became of all rows.

    `questions` by the teacher's keys; `twice` are those of several questions.
    """
    taken: collections.Counter[str] = collections.Counter()
    places: dict[tuple[str | int, ...], str] = {}
    for file in teacher.files:
        for place, row in sources.rows(sources.TRACES / file):
            found = _found(teacher, name, row, place)
            key = _key(teacher, questions, row, found)
            question = _question(teacher, questions, name, key, place, twice)
            kind = "unknown_question" if question is None else "taken" if question.split == "train" else "not_training"
            counts[kind] += 1
            if question is not None and kind == "taken":
                numbered = _count(found, "sample", place)
                sample = taken[question.question_id] if numbered is None else numbered
                made = _response(teacher, question, found, sample, place)
                _once(places, made, numbered is not None, place)
                yield made
                taken[question.question_id] += 1


def _found(teacher: ImportedTeacher, name: str, row: Mapping[str, Any], place: str) -> dict[str, Any]:
    """What a row says, by our names."""
    mapped = {field: sources.pick(row, teacher.fields, field, place) for field in teacher.fields}
    if teacher.format == "messages":
        return messages.read(row, mapped.get("messages", row.get("messages")), place) | mapped
    if not {"question_id", "answer"} <= mapped.keys():
        raise StageError(f"{place}: teachers.{name}.fields must name question_id and answer")
    return mapped


def _key(
    teacher: ImportedTeacher, questions: Mapping[str, Question], row: Mapping[str, Any], found: Mapping[str, Any]
) -> str:
    """What a row calls its question: an id of ours that is known comes before the text."""
    if not teacher.by_text:
        return str(found["question_id"])
    ours = row.get("question_id")
    return ours if isinstance(ours, str) and ours in questions else str(found["question"]).strip()


def _once(places: dict[tuple[str | int, ...], str], made: Response, numbered: bool, place: str) -> None:
    """Raises StageError for an attempt that was there; where rows number attempts, these may say the same."""
    attempt = made.question_id, made.sample
    said = attempt if numbered else (made.question_id, made.reasoning, made.answer)
    for key, what in ((attempt, " and sample"), (said, ", reasoning and answer")):
        first = places.setdefault(key, place)
        if first != place:
            raise StageError(f"{place}: the same question{what} as {first}; remove one")


def _question(
    teacher: ImportedTeacher, questions: Mapping[str, Question], name: str, key: str, place: str, twice: Set[str]
) -> Question | None:
    """The question that a row answers; None for an unknown one where the teacher drops these."""
    what = f"question {key[:60]!r}" if teacher.by_text else f"question_id {key}"
    if key in twice:
        raise StageError(f"{place}: {what} is in two question sets; name one as source of teachers.{name}")
    if key not in questions and teacher.unknown_questions != "drop":
        raise StageError(f"{place}: {what} is in no question set; add the set, or set unknown_questions: drop")
    return questions.get(key)


def _response(
    teacher: ImportedTeacher, question: Question, found: Mapping[str, Any], sample: int, place: str
) -> Response:
    reasoning, answer = found.get("reasoning"), "" if found["answer"] is None else str(found["answer"])
    if reasoning is None:
        reasoning, answer = chat.split(answer)
    ended = str(found.get("finish_reason")).lower()
    key = hashlib.sha256(f"{teacher.model}\n{place}\n{reasoning}\n{answer}".encode()).hexdigest()[:32]
    return Response(
        question_id=question.question_id,
        sample=sample,
        request_key=key,
        seed=0,
        model=teacher.model,
        reasoning=str(reasoning).strip(),
        answer=answer.strip(),
        finish_reason="stop" if ended in ENDED else "length" if ended in CUT else ended,
        prompt_tokens=_count(found, "prompt_tokens", place),
        completion_tokens=_count(found, "completion_tokens", place),
    )


def _count(found: Mapping[str, Any], name: str, place: str) -> int | None:
    value = found.get(name)
    if value is not None and type(value) is not int:
        raise StageError(f"{place}: {name}: {value!r} is no whole number; mend the field map or the file")
    return value


@command.stage("profile", "teacher")
def main(profile: str, teacher: str) -> None:
    """Take one teacher's responses from files into data/<profile>/responses/<teacher>.parquet."""
    place = f"teachers.{teacher}"
    config = params.section(ImportedTeacher, params.read(PARAMS, profile, teacher=teacher)["teacher"], place)
    data = Path("data") / profile
    known: dict[str, Question] = {}
    twice: set[str] = set()
    for question in records.read(data / "questions.parquet", Question):
        if config.source not in (None, question.source):
            continue
        for key in config.keys(question):
            if key in known:
                twice.add(key)
            known[key] = question
    counts = collections.Counter(taken=0, not_training=0, unknown_question=0)
    found = list(responses(config, known, teacher, counts, twice))
    if not found:
        raise StageError(f"{place}: none of its rows answers a training question; check files, fields and splits")
    found.sort(key=lambda row: (row.question_id, row.sample))
    records.write(data / "responses" / f"{teacher}.parquet", found, Response)
    write_json(Path("metrics") / profile / "import" / f"{teacher}.json", {"teacher": teacher, "rows": dict(counts)})


if __name__ == "__main__":
    main()
