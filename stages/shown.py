"""shown: choose training questions whose answers the report's page shows beside their traces.

Students are measured on questions that no trace was made for. So that a trace and what students write can be seen of
one question, all of them also answer a few that they were trained on: the first `evaluate.shown_questions` of each set
by question_id, of those that every arm of every teacher was trained on. Their answers are files of their own, which
nothing that counts reads. A student's own choice, so that a new student leaves the others' answers alone.

sft, questions -> data/<profile>/shown/questions/<student>.parquet
Run: python -m stages.shown --profile default --student smollm2
"""

import collections
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from stages.core import records
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.records import Example, Question

PARAMS = {"teachers": "grid.teachers", "targets": "grid.targets", "count": "evaluate.shown_questions"}


def chosen(questions: Iterable[Question], trained: Collection[str], count: int) -> Iterator[Question]:
    """The first `count` questions of each set among those `trained` on."""
    taken: collections.Counter[str] = collections.Counter()
    for row in questions:
        if row.question_id in trained and taken[row.source] < count:
            taken[row.source] += 1
            yield row


def matched(folder: Path, student: str, teachers: Iterable[str], target: str) -> set[str]:
    """The questions that all teachers' arms of a student were trained on; a teacher's arms all have the same ones."""
    files = [folder / teacher / student / f"{target}.parquet" for teacher in teachers]
    return set.intersection(*({row.question_id for row in records.read(path, Example)} for path in files))


@command.stage("profile", "student")
def main(profile: str, student: str) -> None:
    """Choose the training questions that a student answers for the report's page."""
    declared = params.read(PARAMS, profile, student=student)
    count = declared["count"]
    if type(count) is not int or not 0 <= count <= params.MOST:
        raise StageError(f"params.yaml: evaluate.shown_questions: {count!r}: expected a number of questions, 0 or more")
    for name in ("teachers", "targets"):
        params.entry(params.Some, declared[name], f"grid.{name}")
    data = Path("data") / profile
    trained = matched(data / "sft", student, declared["teachers"], declared["targets"][0]) if count else set()
    rows = chosen(records.read(data / "questions.parquet", Question), trained, count)
    records.write(data / "shown" / "questions" / f"{student}.parquet", rows, Question)


if __name__ == "__main__":
    main()
