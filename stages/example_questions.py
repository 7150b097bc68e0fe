"""example_questions: choose training questions whose answers the report's page shows beside their
traces.

Students are measured on questions that no trace was made for. So that a trace and what students
write can be seen of one question, all of them also answer a few that they were trained on:
`evaluate.example_questions` of each set, first by question_id, of those that every arm of every
teacher was trained on. Their answers are files of their own, which nothing that counts reads. A
student's own choice, so that a new student leaves the others' answers alone.

sft, questions -> data/<profile>/examples/questions/<student>.parquet
Run: python -m stages.example_questions --profile default --student smollm2
"""

import collections
from collections.abc import Collection, Iterable, Iterator

from stages.core import paths, records
from stages.core.paths import DataPaths
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.records import Example, Question

PARAMS = {
    "teachers": "grid.teachers",
    "targets": "grid.targets",
    "count": "evaluate.example_questions",
}


def chosen(
    questions: Iterable[Question], trained: Collection[str], count: int
) -> Iterator[Question]:
    """The first `count` questions of each set among those `trained` on."""
    taken: collections.Counter[str] = collections.Counter()
    for row in questions:
        if row.question_id in trained and taken[row.source] < count:
            taken[row.source] += 1
            yield row


def matched(data: DataPaths, student: str, teachers: Iterable[str], target: str) -> set[str]:
    """The questions that all teachers' arms of a student were trained on; a teacher's arms all have
    the same ones.
    """
    files = [data.sft(teacher, student) / f"{target}.parquet" for teacher in teachers]
    return set.intersection(
        *({row.question_id for row in records.read(path, Example)} for path in files)
    )


@command.stage("profile", "student")
def main(profile: str, student: str) -> None:
    """Choose the training questions that a student answers for the report's page."""
    declared = params.read(PARAMS, profile, student=student)
    count = declared["count"]
    if type(count) is not int or not 0 <= count <= params.LARGEST_COUNT:
        raise StageError(
            f"params.yaml: evaluate.example_questions: {count!r}: expected a number of questions, 0 or more"
        )
    for name in ("teachers", "targets"):
        params.entry(params.NonEmptyNames, declared[name], f"grid.{name}")
    data = paths.data(profile)
    trained = (
        matched(data, student, declared["teachers"], declared["targets"][0]) if count else set()
    )
    rows = chosen(records.read(data.questions, Question), trained, count)
    records.write(data.example_questions(student), rows, Question)


if __name__ == "__main__":
    main()
