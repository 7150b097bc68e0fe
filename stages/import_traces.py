"""import_traces: take a teacher's responses from files that someone else generated.

questions, data/imports/traces/<file>, teachers.<teacher>
    -> data/<profile>/responses/<teacher>.parquet, metrics/<profile>/import/<teacher>.json (rows taken and left)
Run: python -m stages.import_traces --profile default --teacher mine
"""

import collections
import hashlib
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core import chat, command, params, records, sources
from stages.core.errors import StageError
from stages.core.files import write_json
from stages.core.records import Question, Response

PARAMS = {"teacher": "teachers.{teacher}"}
# How servers call an answer that ended by itself, and one that ended at the token limit
ENDED, CUT = {"stop", "eos", "eos_token", "end_turn", "stop_sequence", "none", ""}, {"length", "max_tokens"}


@dataclass(frozen=True)
class ImportedTeacher:
    """Files in data/imports/traces/ and their field map.

    `fields` must name question_id (the id of the question in its own source) and answer. Where it names no
    reasoning, the answer's text holds it in think tags. finish_reason, completion_tokens and prompt_tokens may be
    named too.
    """

    files: list[str]
    fields: dict[str, str]
    model: str
    source: str | None = None  # the question set that the ids belong to, where ids of several sets coincide
    unknown_questions: str = "error"  # or drop: rows whose question is in no question set


def responses(
    teacher: ImportedTeacher,
    questions: Mapping[str, Question],
    name: str,
    counts: collections.Counter[str],
    twice: Set[str] = frozenset(),
) -> Iterator[Response]:
    """Yields the rows' responses in the files' order; `counts` says what became of all rows.

    `questions` by source id; `twice` are ids of several sets.
    """
    taken: collections.Counter[str] = collections.Counter()
    places: dict[tuple[str, ...], str] = {}
    for file in teacher.files:
        for place, row in sources.rows(sources.TRACES / file):
            found = {field: sources.pick(row, teacher.fields, field, place) for field in teacher.fields}
            if not {"question_id", "answer"} <= found.keys():
                raise StageError(f"{place}: teachers.{name}.fields must name question_id and answer")
            question = _question(teacher, questions, name, str(found["question_id"]), place, twice)
            kind = "unknown_question" if question is None else "taken" if question.split == "train" else "not_training"
            counts[kind] += 1
            if question is not None and kind == "taken":
                made = _response(teacher, question, found, taken[question.question_id], place)
                first = places.setdefault((made.question_id, made.reasoning, made.answer), place)
                if first != place:
                    raise StageError(f"{place}: the same question, reasoning and answer as {first}; remove one")
                yield made
                taken[question.question_id] += 1


def _question(
    teacher: ImportedTeacher, questions: Mapping[str, Question], name: str, key: str, place: str, twice: Set[str]
) -> Question | None:
    """The question that a row answers; None for an unknown one where the teacher drops these."""
    if key in twice:
        raise StageError(f"{place}: question_id {key} is in two question sets; name one as source of teachers.{name}")
    if key not in questions and teacher.unknown_questions != "drop":
        raise StageError(
            f"{place}: question_id {key} is in no question set; add the set, or set unknown_questions: drop"
        )
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
        if question.source_id in known:
            twice.add(question.source_id)
        known[question.source_id] = question
    counts = collections.Counter(taken=0, not_training=0, unknown_question=0)
    found = list(responses(config, known, teacher, counts, twice))
    if not found:
        raise StageError(f"{place}: none of its rows answers a training question; check files, fields and splits")
    found.sort(key=lambda row: (row.question_id, row.sample))
    records.write(data / "responses" / f"{teacher}.parquet", found, Response)
    write_json(Path("metrics") / profile / "import" / f"{teacher}.json", {"teacher": teacher, "rows": dict(counts)})


if __name__ == "__main__":
    main()
