"""import_traces: take a teacher's responses from files that someone else generated.

questions, data/imports/traces/<file>, teachers.<teacher> -> data/<profile>/responses/<teacher>.parquet
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
from stages.core.records import Question, Response

PARAMS = {"teacher": "teachers.{teacher}"}


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
    teacher: ImportedTeacher, questions: Mapping[str, Question], name: str, twice: Set[str] = frozenset()
) -> Iterator[tuple[str, Response]]:
    """Yields (place, response) in the files' order. `questions` by source id; `twice` are ids of several sets."""
    taken: collections.Counter[str] = collections.Counter()
    for file in teacher.files:
        for place, row in sources.rows(sources.TRACES / file):
            found = {field: sources.pick(row, teacher.fields, field, place) for field in teacher.fields}
            if not {"question_id", "answer"} <= found.keys():
                raise StageError(f"{place}: teachers.{name}.fields must name question_id and answer")
            if str(found["question_id"]) in twice:
                raise StageError(
                    f"{place}: question_id {found['question_id']!r} is in two question sets; name one as source of "
                    f"teachers.{name}"
                )
            question = questions.get(str(found["question_id"]))
            if question is None and teacher.unknown_questions == "drop":
                continue
            if question is None:
                raise StageError(
                    f"{place}: question_id {found['question_id']!r} is in no question set; add the set, "
                    "or set unknown_questions: drop"
                )
            if question.split == "train":
                yield place, _response(teacher, question, found, taken[question.question_id], place)
                taken[question.question_id] += 1


def _response(
    teacher: ImportedTeacher, question: Question, found: Mapping[str, Any], sample: int, place: str
) -> Response:
    reasoning, answer = found.get("reasoning"), str(found["answer"] or "")
    if reasoning is None:
        reasoning, answer = chat.split(answer)
    key = hashlib.sha256(f"{teacher.model}\n{place}\n{reasoning}\n{answer}".encode()).hexdigest()[:32]
    return Response(
        question_id=question.question_id,
        sample=sample,
        request_key=key,
        seed=0,
        model=teacher.model,
        reasoning=str(reasoning).strip(),
        answer=answer.strip(),
        finish_reason="length" if str(found.get("finish_reason", "stop")) == "length" else "stop",
        prompt_tokens=found.get("prompt_tokens"),
        completion_tokens=found.get("completion_tokens"),
    )


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
    found = [response for _, response in responses(config, known, teacher, twice)]
    if not found:
        raise StageError(f"{place}: none of its rows answers a training question; check files, fields and splits")
    found.sort(key=lambda row: (row.question_id, row.sample))
    records.write(data / "responses" / f"{teacher}.parquet", found, Response)


if __name__ == "__main__":
    main()
