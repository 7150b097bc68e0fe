"""Every training question is asked up to K times, every attempt kept, with a seed and a key of its
own.
"""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.core import records
from stages.core.asking import costs
from stages.core.asking.answering import Asker
from stages.core.asking.answers import Answer
from stages.core.asking.store import Store
from stages.core.program.errors import StageError
from stages.core.records import Question, Response
from stages.generate import ResponseCounts, Teacher, responses, sample, solved
from tests.conftest import Project
from tests.made import TEMPLATE, question, response, run
from tests.servers import chat_response, serving

SCRIPT = {"engine": "scripted", "wrong_rate": 0.5, "false_start_rate": 0.2, "check_rate": 0.5}
SCRIPTED = Teacher(samples=3, seed=1, inference=SCRIPT, stop_at_first_correct=False)
ASKED = [question(number, question=f"{number} + 1 =") for number in range(4)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store(tmp_path / "store") as found:
        yield found


def generated(teacher: Teacher, store: Store, questions: list[Question] = ASKED) -> list[Response]:
    """All that the stage would write."""
    asker = Asker(teacher, store, "teachers.t")
    return list(responses(asker, sample(asker, teacher, questions), costs.ModelCost()))


def model_teacher(tiny: Path, **changes: Any) -> Teacher:
    """A teacher that samples the tiny model."""
    made = Teacher(
        samples=2,
        seed=1,
        model=str(tiny),
        prompt_template=TEMPLATE,
        sampling={"max_new_tokens": 8, "temperature": 1.0},
        inference={
            "engine": "transformers",
            "dtype": "float32",
            "batch_size": 8,
            "attention": "eager",
        },
    )
    return dataclasses.replace(made, **changes)


def right(row: Response) -> bool:
    """Whether a scripted answer is correct."""
    return row.answer == f"The answer is {int(row.question_id[1:]) + 1}."


def test_every_attempt_is_kept_in_order(store: Store) -> None:
    found = generated(SCRIPTED, store)
    assert [(row.question_id, row.sample) for row in found] == [
        (f"q{n}", s) for n in range(4) for s in range(3)
    ]
    assert {right(row) for row in found} == {True, False}


def test_attempts_differ_and_repeat(store: Store, tmp_path: Path) -> None:
    found = generated(SCRIPTED, store)
    with Store(tmp_path / "another") as other:
        assert generated(SCRIPTED, other) == found
    assert len({row.seed for row in found}) == len({row.request_key for row in found}) == 12
    assert generated(dataclasses.replace(SCRIPTED, seed=2), store) != found


def test_more_samples_and_questions_leave_the_others_as_they_were(store: Store) -> None:
    few = generated(dataclasses.replace(SCRIPTED, samples=2), store, ASKED[1:])
    whole = {(row.question_id, row.sample): row for row in generated(SCRIPTED, store)}
    assert few == [whole[row.question_id, row.sample] for row in few]
    assert len(store) == 12


def test_question_that_is_solved_is_not_asked_again(store: Store) -> None:
    """The attempts are those of a teacher that draws all K, up to the first right one."""
    questions = [question(number, question=f"{number} + 1 =") for number in range(12)]
    teacher = dataclasses.replace(SCRIPTED, samples=4)
    whole = generated(teacher, store, questions)
    wanted = []
    for one in questions:
        rows = [row for row in whole if row.question_id == one.question_id]
        stop = next((place for place, row in enumerate(rows) if right(row)), 3)
        wanted += rows[: stop + 1]
    found = generated(dataclasses.replace(teacher, stop_at_first_correct=True), store, questions)
    assert found == sorted(wanted, key=lambda row: (row.question_id, row.sample))
    assert len(found) < len(whole)
    assert {row.sample for row in found} > {0}


@pytest.mark.parametrize(
    ("reasoning", "text", "finish_reason", "wanted"),
    [
        ("r", "The answer is 4.", "stop", True),
        ("r", "The answer is 5.", "stop", False),
        ("", "The answer is 4.", "stop", False),
        ("r", "The answer is 4.", "length", False),
        ("", "", "refused", False),
    ],
)
def test_solved_is_right_finished_and_shows_its_reasoning(
    reasoning: str, text: str, finish_reason: str, wanted: bool
) -> None:
    assert list(
        solved([Answer(reasoning=reasoning, text=text, finish_reason=finish_reason)], [question(3)])
    ) == [wanted]


def test_model_answers_with_its_own_counts(tiny: Path, store: Store, tmp_path: Path) -> None:
    teacher = model_teacher(tiny)
    asker, cost = Asker(teacher, store, "teachers.t"), costs.ModelCost()
    found = list(responses(asker, sample(asker, teacher, ASKED), cost))
    assert [(row.question_id, row.sample) for row in found] == [
        (f"q{n}", s) for n in range(4) for s in range(2)
    ]
    assert {row.prompt_tokens for row in found} == {len("0 + 1 =\n")}
    assert all(1 <= (row.completion_tokens or 0) <= 8 for row in found)
    assert {row.finish_reason for row in found} <= {"stop", "length"}
    assert {row.model for row in found} == {str(tiny)}
    assert (cost.answers, cost.prompt_tokens) == (8, 64)
    assert cost.completion_tokens == sum(row.completion_tokens or 0 for row in found)
    with Store(tmp_path / "another") as other:
        assert generated(teacher, other) == found


def test_counts_per_question_set() -> None:
    tally = ResponseCounts({"q0": "sums", "q1": "sums", "q2": "words"})
    rows = [
        response(0, 0),
        response(0, 1),
        response(0, 2, reasoning="Another way.", finish_reason="length"),
        response(1, 0),
        response(2, 0, finish_reason="refused"),
    ]
    assert list(tally.watch(iter(rows))) == rows
    assert tally.summary() == [
        {
            "source": "sums",
            "questions": 2,
            "attempts": 4,
            "identical": 1,
            "finish_reasons": {"stop": 3, "length": 1},
        },
        {
            "source": "words",
            "questions": 1,
            "attempts": 1,
            "identical": 0,
            "finish_reasons": {"refused": 1},
        },
    ]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"inference": {"engine": "scripted", "wrong_rate": 0.1}},
            "teachers.t.inference.false_start_rate: missing",
        ),
        (
            {"inference": SCRIPT | {"wrong_rate": 1.5}},
            "inference: wrong_rate is 1.5, expected a rate between 0 and 1",
        ),
        ({"inference": SCRIPT | {"rate": 0.5}}, "teachers.t.inference.rate: unknown entry"),
    ],
)
def test_bad_script_is_refused(store: Store, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(StageError, match=complaint):
        generated(dataclasses.replace(SCRIPTED, **changes), store)


def command(root: Path) -> Any:
    """The stage as a user runs it."""
    return run("stages.generate", "--profile", "test", "--teacher", "solver", cwd=root)


SOLVER = {"samples": 2, "seed": 1, "inference": SCRIPT}


def test_command_asks_training_questions_alone(project: Project) -> None:
    root = project(teachers={"solver": SOLVER | {"stop_at_first_correct": False}})
    rows = [*ASKED, question(5, split="test"), question(6, split="validation")]
    records.write(root / "data/test/questions.parquet", rows, Question)
    done = command(root)
    assert (done.returncode, done.stderr) == (0, "")
    found = list(records.read(root / "data/test/responses/solver.parquet", Response))
    assert [(row.question_id, row.sample) for row in found] == [
        (f"q{n}", s) for n in range(4) for s in range(2)
    ]
    counted = json.loads((root / "metrics/test/generate/solver.json").read_text())[0]
    assert counted["sets"][0]["attempts"] == 8
    cost = json.loads((root / "metrics/test/cost/solver.json").read_text())[0]
    assert (cost["answers"], cost["prompt_tokens"]) == (8, None)


def test_question_that_the_script_cannot_read_ends_the_stage(project: Project) -> None:
    root = project(teachers={"solver": SOLVER})
    rows = [ASKED[0], question(1, question="Why?")]
    records.write(root / "data/test/questions.parquet", rows, Question)
    done = command(root)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "cannot read question 'Why?'" in done.stderr
    assert not list((root / "data/test").glob("responses/*"))


def test_no_training_question_is_an_error(project: Project) -> None:
    root = project(teachers={"solver": SOLVER})
    records.write(root / "data/test/questions.parquet", [question(1, split="test")], Question)
    done = command(root)
    assert done.returncode == 1
    assert "no question in split train; give a set a train size" in done.stderr


def test_server_that_refuses_everything_ends_the_stage(project: Project) -> None:
    with serving(
        lambda body: (400, {"error": {"message": "no temperature for this model"}})
    ) as server:
        inference = {"engine": "openai", "base_url": server.url}
        root = project(
            teachers={
                "solver": {
                    "model": "m",
                    "samples": 2,
                    "seed": 1,
                    "inference": inference,
                    "sampling": {"max_new_tokens": 9},
                }
            }
        )
        records.write(root / "data/test/questions.parquet", ASKED, Question)
        done = command(root)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "teachers.solver: every request was refused" in done.stderr
    assert "no temperature for this model" in done.stderr
    assert not list((root / "data/test").glob("responses/*"))


def test_refused_question_is_recorded_and_the_rest_goes_on(project: Project) -> None:
    def respond(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        asked = body["messages"][0]["content"]
        if asked.startswith("2"):
            return 400, {"error": {"message": "flagged"}}
        return 200, chat_response(f"The answer is {int(asked[0]) + 1}.", reasoning="I count on.")

    with serving(respond) as server:
        sampling = {"max_new_tokens": 9}
        solver = {
            "model": "m",
            "sampling": sampling,
            "inference": {"engine": "openai", "base_url": server.url},
        }
        root = project(teachers={"solver": solver | {"samples": 2, "seed": 1}})
        records.write(root / "data/test/questions.parquet", ASKED, Question)
        assert command(root).returncode == 0
    found = list(records.read(root / "data/test/responses/solver.parquet", Response))
    assert [(row.question_id, row.finish_reason) for row in found] == [
        ("q0", "stop"),
        ("q1", "stop"),
        ("q2", "refused"),
        ("q2", "refused"),
        ("q3", "stop"),
    ]


SERVER = {"engine": "openai", "base_url": "http://127.0.0.1:9/v1"}
SERVED = Teacher(samples=1, seed=1, model="m", sampling={"max_new_tokens": 9}, inference=SERVER)


def asked(teacher: Teacher, store: Store) -> tuple[str, str]:
    """The prompt of the first question, and the key of its answer."""
    asker = Asker(teacher, store, "teachers.t")
    first = question(0)
    handle, request = asker.request(teacher.message(first.question), 1, 0)
    return str(request.prompt), handle.key


def test_instruction_stands_before_the_question_and_makes_another_key(store: Store) -> None:
    prompt, key = asked(SERVED, store)
    brief_prompt, brief_key = asked(dataclasses.replace(SERVED, instruction="Be brief."), store)
    assert (prompt, brief_prompt) == ("What is 0 + 1?", "Be brief.\n\nWhat is 0 + 1?")
    assert key != brief_key


def test_key_without_an_instruction_is_that_of_earlier_stores(store: Store) -> None:
    [row] = sample(RecordingAsker(SERVED, store, "teachers.t"), SERVED, [question(0)]).values()
    assert row.key == "f029e46604f6cf23709d3aec9af14b29"  # as of commit d02ca0c


class RecordingAsker(Asker):
    """An asker whose requests are made and not sent; all questions stay unsolved."""

    def ask(self, requests: Any, label: str, total: int | None = None) -> None:
        """Makes the requests."""
        list(requests)

    def answer(self, handle: Any) -> Answer:
        """No answer."""
        return Answer(reasoning="", text="", finish_reason="failed")


@pytest.mark.parametrize("inference", [SCRIPT, {"engine": "ray", "run": SCRIPT}])
def test_scripted_teacher_takes_no_instruction(inference: dict[str, Any]) -> None:
    with pytest.raises(StageError, match="for brief traces set its false_start_rate and check_"):
        Teacher(samples=1, seed=1, inference=inference, instruction="Be brief.")


def test_scripted_teacher_is_brief_without_false_starts_and_checks(store: Store) -> None:
    """Its rates are the documented way: the same sums, and no sentence that repeats them."""
    brief = dataclasses.replace(
        SCRIPTED, inference={**SCRIPT, "wrong_rate": 0.0, "false_start_rate": 0, "check_rate": 0}
    )
    long = dataclasses.replace(
        SCRIPTED, inference={**SCRIPT, "wrong_rate": 0.0, "false_start_rate": 1, "check_rate": 1}
    )
    brief_rows, long_rows = generated(brief, store), generated(long, store)
    assert [row.answer for row in brief_rows] == [row.answer for row in long_rows]
    for brief_row, long_row in zip(brief_rows, long_rows, strict=True):
        assert len(brief_row.reasoning.splitlines()) == 3  # opening, the sum, the close
        assert len(long_row.reasoning.splitlines()) == 5
