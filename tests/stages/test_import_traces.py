"""Someone else's traces become responses of training questions, in their file's order, with nothing
made up.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core import records
from stages.core.imports.lookup import Lookup
from stages.core.program.errors import StageError
from stages.core.records import Question, Response
from stages.import_traces import ImportCounts, ImportedTeacher, responses
from tests.conftest import Project
from tests.imports import ROOT
from tests.made import question, run

FIELDS = {
    "question_id": "item",
    "reasoning": "thinking",
    "answer": "said",
    "finish_reason": "why",
    "completion_tokens": "n",
}
TEACHER = ImportedTeacher(files=["a.jsonl"], model="model-x", fields=FIELDS)
KNOWN = [*(question(number) for number in range(3)), question(3, split="test")]


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
    counts: ImportCounts | None = None,
    known: list[Question] = KNOWN,
) -> list[Response]:
    """The responses of a file of those rows."""
    (imports / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    return list(responses(teacher, Lookup(known, "mine"), "mine", counts or ImportCounts()))


def test_row_becomes_a_response(imports: Path) -> None:
    (found,) = read(imports, row(1))
    assert found == Response(
        question_id="q1",
        sample=0,
        request_key=found.request_key,
        seed=0,
        model="model-x",
        reasoning="1 + 1 = 2.",
        answer="2",
        finish_reason="stop",
        prompt_tokens=None,
        completion_tokens=9,
    )


def test_attempts_of_a_question_are_numbered_over_all_files(imports: Path) -> None:
    (imports / "b.jsonl").write_text(json.dumps(row(1, said="4")) + "\n")
    teacher = ImportedTeacher(files=["a.jsonl", "b.jsonl"], model="model-x", fields=FIELDS)
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
        (
            {"thinking": None, "said": "<think>\nhm\n</think>\n\n2"},
            "hm",
            "2",
        ),  # in tags where it is no field
        ({"thinking": None, "said": "<think>hm"}, "hm", ""),
        ({"thinking": None, "said": "2"}, "", "2"),
        ({"thinking": "", "said": "2"}, "", "2"),
        ({"said": None}, "1 + 1 = 2.", ""),
        ({"said": 2}, "1 + 1 = 2.", "2"),
        ({"thinking": float("nan"), "said": "<think>hm</think>2"}, "hm", "2"),
        ({"thinking": ["hm"]}, "hm", "2"),
        ({"thinking": " \n", "said": "<think>hm</think>2"}, "hm", "2"),
        ({"thinking": "<thinking>hm</thinking>"}, "hm", "2"),
        (
            {
                "said": [
                    {"type": "output_text", "text": "It is "},
                    {"type": "output_text", "text": "2"},
                ]
            },
            "1 + 1 = 2.",
            "It is 2",
        ),
        ({"said": "2<|im_end|>\n<|endoftext|>"}, "1 + 1 = 2.", "2"),
        ({"said": "<|begin_of_solution|>\n2\n<|end_of_solution|>"}, "1 + 1 = 2.", "2"),
        ({"said": 2.5}, "1 + 1 = 2.", "2.5"),
        ({"said": 0}, "1 + 1 = 2.", "0"),
    ],
)
def test_reasoning_and_answer(
    imports: Path, values: dict[str, Any], reasoning: str, answer: str
) -> None:
    (found,) = read(imports, row(1, **values))
    assert (found.reasoning, found.answer) == (reasoning, answer)


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        *(
            (word, "stop")
            for word in (
                "stop",
                None,
                "",
                " ",
                "Completed",
                "endTurn",
                "FINISH_REASON_STOP",
                "<|im_end|>",
            )
        ),
        *(
            (word, "length")
            for word in (
                "length",
                "MAX_TOKENS",
                "maxTokens",
                "<FinishReason.MAX_TOKENS: 2>",
                "max-length",
            )
        ),
        *(
            (word, "content_filter")
            for word in ("SAFETY", "FinishReason.RECITATION", "content-filter")
        ),
        *(
            ("tool_use", "tool_calls"),
            ("context_length_exceeded", "context"),
            ("timeout", "failed"),
        ),
    ],
)
def test_finish_reason(imports: Path, why: str | None, reason: str) -> None:
    (found,) = read(imports, row(1, why=why))
    assert found.finish_reason == reason


def test_held_out_questions_are_not_trained_on(imports: Path) -> None:
    assert [found.question_id for found in read(imports, row(3), row(1))] == ["q1"]


def test_unknown_questions_are_dropped_where_the_teacher_says_so(imports: Path) -> None:
    teacher = ImportedTeacher(
        files=["a.jsonl"], model="model-x", fields=FIELDS, unknown_questions="drop"
    )
    counts = ImportCounts()
    found = read(imports, row(8), row(1), row(3), teacher=teacher, counts=counts)
    assert [one.question_id for one in found] == ["q1"]
    assert counts.rows == {"unknown_question": 1, "taken": 1, "not_training": 1, "no_response": 0}
    assert counts.matched == {"question_id": 2}


@pytest.mark.parametrize(
    ("rows", "fields", "complaint"),
    [
        (
            [row(1), row(8)],
            FIELDS,
            r"a\.jsonl: row 2: question_id 8 is in no question set; add the set, or set",
        ),
        (
            [row(1)],
            FIELDS | {"answer": "reply"},
            r"a\.jsonl: row 1: no field 'reply' for answer; it has: item, n, said",
        ),
        (
            [row(1)],
            {"question_id": "item"},
            "row 1: teachers.mine.fields must name question_id and answer",
        ),
        (
            [row(1)],
            {"answer": "said"},
            "row 1: teachers.mine.fields must name question_id and answer",
        ),
        ([], FIELDS, r"a\.jsonl: empty: it holds no rows"),
        (
            [row(1, said={"text": "2"})],
            FIELDS,
            "row 1: answer: expected text, found dict of 1: .*; mend the field map",
        ),
        ([row(1, said=True)], FIELDS, "row 1: answer: expected text, found bool: True"),
        ([row(1, said=float("inf"))], FIELDS, "row 1: answer: expected text, found float: inf"),
        (
            [row(1, thinking=["a", "b"])],
            FIELDS,
            "row 1: reasoning: 2 of them beside one answer; map a list of answers",
        ),
        (
            [row(1, thinking="a \ud83d")],
            FIELDS,
            r"row 1: reasoning: character 3 is \\ud83d, half of a surrogate pair",
        ),
        (
            [row(1, said=["2", "3"])],
            FIELDS,
            "row 1: reasoning: expected a list of 2, one for each answer",
        ),
        (
            [row(1, said=["2", "3"], thinking=["a", "b"])],
            FIELDS,
            "row 1: finish_reason: expected a list of 2, one for",
        ),
        (
            [row(None)],
            FIELDS,
            "row 1: question_id: expected an id, a text or a whole number, found NoneType",
        ),
        (
            [row(["1"])],
            FIELDS,
            "row 1: question_id: expected an id, a text or a whole number, found list of 1",
        ),
        (
            [row(True)],
            FIELDS,
            "row 1: question_id: expected an id, a text or a whole number, found bool",
        ),
        (
            [row("\x1b[31mred\nid" + "x" * 10**6)],
            FIELDS,
            r"question_id \\x1b\[31mred\\nidx+\.\.\. \(1,000,011 char",
        ),
        (
            [row(1, n=-1)],
            FIELDS,
            "row 1: completion_tokens: -1 is not between 0 and 9223372036854775807",
        ),
        (
            [row(1, n=2**70)],
            FIELDS,
            "row 1: completion_tokens: 1180591620717411303424 is not between 0 and",
        ),
        ([row(1, n=True)], FIELDS, "row 1: completion_tokens: True is no whole number"),
        (
            [row(1, why="perhaps \x07")],
            FIELDS,
            r"row 1: finish_reason: 'perhaps \\x07' is no end that is known",
        ),
        ([row(1, why=1)], FIELDS, "row 1: finish_reason: '1' is no end that is known"),
    ],
)
def test_bad_file_is_refused_by_file_and_row(
    imports: Path, rows: list[dict[str, Any]], fields: dict[str, str], complaint: str
) -> None:
    with pytest.raises(StageError, match=complaint):
        read(
            imports,
            *rows,
            teacher=ImportedTeacher(files=["a.jsonl"], model="model-x", fields=fields),
        )


SEVERAL = FIELDS | {"correct": "right"}


def test_list_of_responses_is_an_attempt_each_with_what_is_said_of_it(imports: Path) -> None:
    """As OpenR1-Math has them: three generations, how each ended, and a verdict on each."""
    several = row(
        1,
        said=["<think>a</think>2", "<think>b", "<think>a</think>2"],
        thinking=None,
        why=["stop", "length", None],
        n=[3, None, 3.0],
        right=[True, False, None],
    )
    counts = ImportCounts()
    found = read(
        imports,
        several,
        row(1, right=1),
        teacher=ImportedTeacher(files=["a.jsonl"], model="m", fields=SEVERAL),
        counts=counts,
    )
    assert [
        (one.sample, one.reasoning, one.answer, one.finish_reason, one.completion_tokens)
        for one in found
    ] == [
        (0, "a", "2", "stop", 3),
        (1, "b", "", "length", None),
        (2, "a", "2", "stop", 3),
        (3, "1 + 1 = 2.", "2", "stop", 9),
    ]
    assert len({one.request_key for one in found}) == 4
    assert (counts.rows["taken"], counts.attempts["taken"]) == (2, 4)
    assert counts.source_verdicts == {"correct": 2, "wrong": 1}


def test_readmes_example_reads_openr1s_rows(imports: Path) -> None:
    """Its columns, as that data set has them; the row is ours."""
    text = (ROOT / "stages/core/imports/README.md").read_text()
    (told,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    brought = {
        "problem": "What is 1 + 1?",
        "generations": ["<think>\na\n</think>\n\n2", "<think>\nb"],
        "finish_reasons": None,
        "correctness_math_verify": [True, False],
    }
    teacher = ImportedTeacher(files=["a.jsonl"], model="m", fields=yaml.safe_load(told)["fields"])
    found = read(imports, brought, teacher=teacher)
    assert [(one.sample, one.reasoning, one.answer) for one in found] == [
        (0, "a", "2"),
        (1, "b", ""),
    ]


def test_lists_of_reasonings_and_answers_stand_side_by_side(imports: Path) -> None:
    lists = row(1, thinking=["a", "<think>b</think>"], said=["2", "3"], why=None, n=None)
    assert [(one.reasoning, one.answer) for one in read(imports, lists)] == [("a", "2"), ("b", "3")]
    counts = ImportCounts()
    assert read(imports, row(1, thinking=[], said=[], why=[], n=[]), counts=counts) == []
    assert (counts.rows["taken"], counts.rows["no_response"]) == (1, 1)


def test_giant_response_is_left_out_and_counted(imports: Path) -> None:
    counts = ImportCounts()
    found = read(
        imports,
        row(1, thinking="<think>" + "a \n" * 400_000),
        row(1, thinking="a" * 999_000),
        counts=counts,
    )
    assert [len(one.reasoning) for one in found] == [999_000]
    assert (counts.attempts["too_long"], counts.attempts["taken"]) == (1, 1)


def test_responses_without_reasoning_are_counted_and_said(project: Project, imports: Path) -> None:
    rows = [row(0, thinking="", said="1"), row(1), row(1, thinking=None, said="2<|eot_id|>")]
    (imports / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    root = project(teachers={"mine": {"files": ["a.jsonl"], "fields": FIELDS, "model": "m"}})
    records.write(root / "data/test/questions.parquet", [question(0), question(1)], Question)
    done = run("stages.import_traces", "--profile", "test", "--teacher", "mine", cwd=root)
    assert done.returncode == 0
    assert done.stderr.startswith(
        "warning: teachers.mine: 2 of 3 responses show no reasoning, and so are not kept;"
    )
    assert done.stderr.count("\n") == 1
    assert json.loads((root / "metrics/test/import/mine.json").read_text()) == {
        "teacher": "mine",
        "rows": {"taken": 3, "not_training": 0, "unknown_question": 0, "no_response": 0},
        "matched_by": {"question_id": 3},
        "attempts": {"taken": 3, "too_long": 0, "without_reasoning": 2, "turn_marks_removed": 1},
        "said_to_be": {},
    }


TEXT = "Solve\u00a0x² \r\n for \ufb01ve\u200b."  # a ligature, a zero-width space


@pytest.mark.parametrize(
    ("asked", "question_id", "how"),
    [
        (TEXT, "q1", "text"),
        (f"  {TEXT}\n", "q1", "text"),
        ("Solve x2\nfor five.", "q1", "normal_form"),
        ("Solve x\u00b2 for\u2028five\ufeff.", "q1", "normal_form"),
        ("What is 0 + 1?", "q0", "text"),
    ],
)
@pytest.mark.parametrize("name", ["question", "question_id"])
def test_question_is_found_by_its_text(
    imports: Path, asked: str, question_id: str, how: str, name: str
) -> None:
    counts, fields = ImportCounts(), {name: "item", "answer": "said"}
    known = [question(0), question(1, question=TEXT), question(2, question="Solve X2 for five.")]
    teacher = ImportedTeacher(files=["a.jsonl"], model="m", fields=fields)
    (found,) = read(imports, row(asked), teacher=teacher, counts=counts, known=known)
    assert (found.question_id, counts.matched) == (question_id, {how: 1})


def test_training_question_comes_before_others_of_its_id(imports: Path) -> None:
    """Rows of sets without ids are numbered in each split."""
    known = [
        question(0, split="test"),
        question(1, source_id="0"),
        question(2, source_id="0", split="validation"),
    ]
    assert [one.question_id for one in read(imports, row(0), known=known)] == ["q1"]
    counts = ImportCounts()
    assert read(imports, row(0), known=known[::2], counts=counts) == []
    assert counts.rows["not_training"] == 1


@pytest.mark.parametrize(
    ("changes", "fields", "complaint"),
    [
        (
            {"source_id": "0"},
            FIELDS,
            "question_id 0 is two questions of sums; map an id of its own in questions.sets.sums.fields: "
            "'What is 0 + 1?' (id 0 of sums, train) and 'What is 1 + 1?' (id 0 of sums, train)",
        ),
        (
            {"source_id": "0", "source": "others"},
            FIELDS,
            "question_id 0 is in two question sets; name one as source of teachers.mine: 'What is 0 + 1?' (id 0 of "
            "sums, train) and 'What is 1 + 1?' (id 0 of others, train)",
        ),
        (
            {"question": "What\u2003is 0 + 1?"},
            {"question": "item", "answer": "said"},
            "question 'What is 0  + 1?' is two questions of sums; map an id of its own in questions.sets.sums.fields: ",
        ),
        (
            {
                "question": "What\u2003is 0 + 1?",
                "split": "test",
            },  # which of them was answered cannot be told
            {"question": "item", "answer": "said"},
            "question 'What is 0  + 1?' is two questions of sums; map",
        ),
    ],
)
def test_question_that_is_not_clear_is_refused_with_both(
    imports: Path, changes: dict[str, str], fields: dict[str, str], complaint: str
) -> None:
    asked = 0 if "question_id" in fields else "What is 0  + 1?"
    known = [question(0), question(1, **changes)]
    with pytest.raises(StageError) as refused:
        read(
            imports,
            row(asked),
            teacher=ImportedTeacher(files=["a.jsonl"], model="m", fields=fields),
            known=known,
        )
    message = "data/imports/traces/a.jsonl: row 1: " + " ".join(complaint.split())
    assert str(refused.value).startswith(message)


def test_command_sorts_by_question_and_sample(project: Project, imports: Path) -> None:
    rows = [row(2), row(1), row(2, said="x")]
    (imports / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    root = project(teachers={"mine": {"files": ["a.jsonl"], "fields": FIELDS, "model": "m"}})
    records.write(
        root / "data/test/questions.parquet", [question(number) for number in range(4)], Question
    )
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
        (
            [row(0)],
            [question(0, split="test")],
            "teachers.mine: none of its rows answers a training question",
        ),
        (
            [row(0)],
            [question(0), question(1, source="other", source_id="0")],
            "question_id 0 is in two question sets; name one as source",
        ),
        (
            [row(0, n="many")],
            [question(0)],
            "a.jsonl: row 1: completion_tokens: 'many' is no whole number",
        ),
        (
            [row(0, n=1.5)],
            [question(0)],
            "a.jsonl: row 1: completion_tokens: 1.5 is no whole number",
        ),
        (
            [row(0), row(1), row(0)],
            [question(0), question(1)],
            "row 3: the same question, reasoning and answer as",
        ),
    ],
)
def test_command_refuses_what_gives_no_responses(
    project: Project,
    imports: Path,
    rows: list[dict[str, Any]],
    questions: list[Question],
    complaint: str,
) -> None:
    (imports / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    root = project(teachers={"mine": {"files": ["a.jsonl"], "fields": FIELDS, "model": "m"}})
    records.write(root / "data/test/questions.parquet", questions, Question)
    done = run("stages.import_traces", "--profile", "test", "--teacher", "mine", cwd=root)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list((root / "data/test").glob("responses/*"))
