"""Someone else's traces become responses of training questions, in their file's order, with nothing made up."""

import collections
import json
from pathlib import Path
from typing import Any

import pytest

from stages.core import records
from stages.core.errors import StageError
from stages.core.records import Question, Response
from stages.import_traces import ImportedTeacher, responses
from tests.conftest import Project
from tests.made import question, run

FIELDS = {
    "question_id": "item",
    "reasoning": "thinking",
    "answer": "said",
    "finish_reason": "why",
    "completion_tokens": "n",
}
TEACHER = ImportedTeacher(["a.jsonl"], "model-x", FIELDS)
KNOWN = {str(number): question(number) for number in range(3)} | {"3": question(3, split="test")}


def row(item: Any, **values: Any) -> dict[str, Any]:
    """A row of such a file."""
    return {"item": item, "thinking": " 1 + 1 = 2. ", "said": " 2 ", "why": "stop", "n": 9} | values


@pytest.fixture
def imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of files that users bring."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data/imports/traces"
    folder.mkdir(parents=True)
    return folder


def read(
    imports: Path,
    *rows: dict[str, Any],
    teacher: ImportedTeacher = TEACHER,
    counts: collections.Counter[str] | None = None,
) -> list[Response]:
    """The responses of a file of those rows."""
    (imports / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    return list(responses(teacher, KNOWN, "mine", collections.Counter() if counts is None else counts))


def test_row_becomes_a_response(imports: Path) -> None:
    (found,) = read(imports, row(1))
    assert found == Response("q1", 0, found.request_key, 0, "model-x", "1 + 1 = 2.", "2", "stop", None, 9)


def test_attempts_of_a_question_are_numbered_over_all_files(imports: Path) -> None:
    (imports / "b.jsonl").write_text(json.dumps(row(1, said="4")) + "\n")
    teacher = ImportedTeacher(["a.jsonl", "b.jsonl"], "model-x", FIELDS)
    found = read(imports, row(1), row(2), row(1, said="3"), teacher=teacher)
    assert [(one.question_id, one.sample, one.answer) for one in found] == [
        ("q1", 0, "2"),
        ("q2", 0, "2"),
        ("q1", 1, "3"),
        ("q1", 2, "4"),
    ]
    assert len({one.request_key for one in found}) == 4


@pytest.mark.parametrize(
    ("values", "reasoning", "answer"),
    [
        ({"thinking": None, "said": "<think>\nhm\n</think>\n\n2"}, "hm", "2"),  # in tags where it is no field
        ({"thinking": None, "said": "<think>hm"}, "hm", ""),
        ({"thinking": None, "said": "2"}, "", "2"),
        ({"thinking": "", "said": "2"}, "", "2"),
        ({"said": None}, "1 + 1 = 2.", ""),
        ({"said": 2}, "1 + 1 = 2.", "2"),
        ({"said": 0}, "1 + 1 = 2.", "0"),
    ],
)
def test_reasoning_and_answer(imports: Path, values: dict[str, Any], reasoning: str, answer: str) -> None:
    (found,) = read(imports, row(1, **values))
    assert (found.reasoning, found.answer) == (reasoning, answer)


@pytest.mark.parametrize(
    ("why", "reason"), [("stop", "stop"), ("length", "length"), ("MAX_TOKENS", "length"), (None, "stop")]
)
def test_finish_reason(imports: Path, why: str | None, reason: str) -> None:
    (found,) = read(imports, row(1, why=why))
    assert found.finish_reason == reason


def test_held_out_questions_are_not_trained_on(imports: Path) -> None:
    assert [found.question_id for found in read(imports, row(3), row(1))] == ["q1"]


def test_unknown_questions_are_dropped_where_the_teacher_says_so(imports: Path) -> None:
    teacher = ImportedTeacher(["a.jsonl"], "model-x", FIELDS, unknown_questions="drop")
    counts: collections.Counter[str] = collections.Counter()
    found = read(imports, row(8), row(1), row(3), teacher=teacher, counts=counts)
    assert [one.question_id for one in found] == ["q1"]
    assert counts == {"unknown_question": 1, "taken": 1, "not_training": 1}


@pytest.mark.parametrize(
    ("rows", "fields", "complaint"),
    [
        ([row(1), row(8)], FIELDS, r"a\.jsonl: row 2: question_id 8 is in no question set; add the set, or set"),
        (
            [row(1)],
            FIELDS | {"answer": "reply"},
            r"a\.jsonl: row 1: no field 'reply' for answer; it has: item, n, said",
        ),
        ([row(1)], {"question_id": "item"}, "row 1: teachers.mine.fields must name question_id and answer"),
        ([row(1)], {"answer": "said"}, "row 1: teachers.mine.fields must name question_id and answer"),
        ([], FIELDS, r"a\.jsonl: empty: it holds no rows"),
    ],
)
def test_bad_file_is_refused_by_file_and_row(
    imports: Path, rows: list[dict[str, Any]], fields: dict[str, str], complaint: str
) -> None:
    with pytest.raises(StageError, match=complaint):
        read(imports, *rows, teacher=ImportedTeacher(["a.jsonl"], "model-x", fields))


def test_command_sorts_by_question_and_sample(project: Project, imports: Path) -> None:
    rows = [row(2), row(1), row(2, said="x")]
    (imports / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    root = project(teachers={"mine": {"files": ["a.jsonl"], "fields": FIELDS, "model": "m"}})
    records.write(root / "data/test/questions.parquet", [question(number) for number in range(4)], Question)
    done = run("stages.import_traces", "--profile", "test", "--teacher", "mine", cwd=root)
    assert (done.returncode, done.stderr) == (0, "")
    found = records.read(root / "data/test/responses/mine.parquet", Response)
    assert [(one.question_id, one.sample, one.answer) for one in found] == [
        ("q1", 0, "2"),
        ("q2", 0, "2"),
        ("q2", 1, "x"),
    ]


@pytest.mark.parametrize(
    ("rows", "questions", "complaint"),
    [
        ([row(0)], [question(0, split="test")], "teachers.mine: none of its rows answers a training question"),
        (
            [row(0)],
            [question(0), question(1, source="other", source_id="0")],
            "question_id 0 is in two question sets; name one as source",
        ),
        ([row(0, n="many")], [question(0)], "a.jsonl: row 1: completion_tokens: 'many' is no whole number"),
        ([row(0, n=1.5)], [question(0)], "a.jsonl: row 1: completion_tokens: 1.5 is no whole number"),
        ([row(0), row(1), row(0)], [question(0), question(1)], "row 3: the same question, reasoning and answer as"),
    ],
)
def test_command_refuses_what_gives_no_responses(
    project: Project, imports: Path, rows: list[dict[str, Any]], questions: list[Question], complaint: str
) -> None:
    (imports / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    root = project(teachers={"mine": {"files": ["a.jsonl"], "fields": FIELDS, "model": "m"}})
    records.write(root / "data/test/questions.parquet", questions, Question)
    done = run("stages.import_traces", "--profile", "test", "--teacher", "mine", cwd=root)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list((root / "data/test").glob("responses/*"))
