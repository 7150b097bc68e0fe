"""example_questions: choose the training questions that the report's page shows with their traces.

Students are measured on questions that no trace was made for. The page shows traces and students'
answers to the same questions, so all students also answer a few that they were trained on. These
are `evaluate.example_questions` of each set: the first by question_id of those that every arm of
every teacher was trained on. Their answers are files of their own, which nothing that counts reads.
Each student has its own choice, so that a new student leaves the others' answers alone.

sft, questions -> data/<profile>/examples/questions/<student>.parquet
Run: python -m stages.example_questions --profile default --student smollm2
"""

from collections import Counter
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
    questions: Iterable[Question], trained_ids: Collection[str], count: int
) -> Iterator[Question]:
    """Yields the first `count` questions of each set whose ids are among `trained_ids`.

    `questions` are in the order of their ids, as their file has them.
    """
    taken_by_source: Counter[str] = Counter()
    for question in questions:
        if question.question_id in trained_ids and taken_by_source[question.source] < count:
            taken_by_source[question.source] += 1
            yield question


def matched(data: DataPaths, student: str, teachers: Iterable[str], target: str) -> set[str]:
    """The ids of the questions that all arms of a student were trained on, whatever the teacher.

    The arms of one teacher all have the same questions, so one `target` stands for them.
    """
    ids_by_teacher = []
    for teacher in teachers:
        path = data.sft(teacher, student) / f"{target}.parquet"
        ids_by_teacher.append({example.question_id for example in records.read(path, Example)})
    return set.intersection(*ids_by_teacher)


@command.stage("profile", "student")
def main(profile: str, student: str) -> None:
    """Choose the training questions that a student answers for the report's page."""
    declared = params.read(PARAMS, profile, student=student)
    count = declared["count"]
    if type(count) is not int or not 0 <= count <= params.LARGEST_COUNT:
        raise StageError(
            f"params.yaml: evaluate.example_questions: {count!r}: expected a number of questions, "
            "0 or more"
        )
    for axis in ("teachers", "targets"):
        params.entry(params.NonEmptyNames, declared[axis], f"grid.{axis}")

    data = paths.data(profile)
    trained_ids: set[str] = set()
    if count:
        trained_ids = matched(data, student, declared["teachers"], declared["targets"][0])
    questions = chosen(records.read(data.questions, Question), trained_ids, count)
    records.write(data.example_questions(student), questions, Question)


if __name__ == "__main__":
    main()
