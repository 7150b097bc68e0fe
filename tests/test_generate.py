"""Every training question is asked K times, every attempt kept, with a seed and a key of its own."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from stages.core import records
from stages.core.errors import StageError
from stages.core.records import Question, Response
from stages.generate import Teacher, by_model, by_script, request_key
from tests.conftest import Project
from tests.made import TEMPLATE, question, run

SCRIPT = {"wrong_rate": 0.5, "false_start_rate": 0.2, "check_rate": 0.5}
SCRIPTED = Teacher("scripted", samples=3, seed=1, script=SCRIPT)
ASKED = [question(number, question=f"{number} + 1 =") for number in range(4)]
INFERENCE = {"dtype": "float32", "batch_size": 8, "attention": "eager"}


def model_teacher(tiny: Path, **changes: Any) -> Teacher:
    """A teacher that samples the tiny model."""
    made = Teacher(
        "transformers",
        samples=2,
        seed=1,
        model=str(tiny),
        prompt_template=TEMPLATE,
        sampling={"max_new_tokens": 8, "temperature": 1.0},
        inference=INFERENCE,
    )
    return dataclasses.replace(made, **changes)


def test_every_attempt_is_kept_in_order() -> None:
    found = list(by_script(SCRIPTED, ASKED))
    assert [(row.question_id, row.sample) for row in found] == [(f"q{n}", s) for n in range(4) for s in range(3)]
    right = {row.answer == f"The answer is {ASKED[int(row.question_id[1:])].gold}." for row in found}
    assert right == {True, False}


def test_attempts_differ_and_repeat() -> None:
    found = list(by_script(SCRIPTED, ASKED))
    assert list(by_script(SCRIPTED, ASKED)) == found
    assert len({row.seed for row in found}) == len({row.request_key for row in found}) == 12
    assert list(by_script(dataclasses.replace(SCRIPTED, seed=2), ASKED)) != found


def test_more_samples_and_questions_leave_the_others_as_they_were() -> None:
    few = list(by_script(dataclasses.replace(SCRIPTED, samples=2), ASKED[1:]))
    whole = {(row.question_id, row.sample): row for row in by_script(SCRIPTED, ASKED)}
    assert few == [whole[row.question_id, row.sample] for row in few]


@pytest.mark.parametrize(
    ("changes", "prompt", "seed", "sample"),
    [
        ({}, "other", 7, 0),
        ({}, "prompt", 8, 0),
        ({}, "prompt", 7, 1),
        ({"model": "other"}, "prompt", 7, 0),
        ({"sampling": {"temperature": 1.0}}, "prompt", 7, 0),
        ({"script": {}}, "prompt", 7, 0),
    ],
)
def test_request_key_is_of_all_that_shapes_the_answer(
    changes: dict[str, Any], prompt: str, seed: int, sample: int
) -> None:
    key = request_key(SCRIPTED, "prompt", 7, 0)
    assert request_key(dataclasses.replace(SCRIPTED, **changes), prompt, seed, sample) != key
    assert request_key(dataclasses.replace(SCRIPTED, samples=9, seed=9), "prompt", 7, 0) == key


def test_model_answers_with_its_own_counts(tiny: Path) -> None:
    found = list(by_model(model_teacher(tiny), ASKED))
    assert [(row.question_id, row.sample) for row in found] == [(f"q{n}", s) for n in range(4) for s in range(2)]
    assert {row.prompt_tokens for row in found} == {len("0 + 1 =\n")}
    assert all(1 <= (row.completion_tokens or 0) <= 8 for row in found)
    assert {row.finish_reason for row in found} <= {"stop", "length"}
    assert {row.model for row in found} == {str(tiny)}
    assert list(by_model(model_teacher(tiny), ASKED)) == found


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"engine": "llama"}, "inference.engine: 'llama' is unknown; known: transformers, vllm"),
        ({"model": "nowhere"}, "nowhere: no such folder"),
        ({"prompt_template": None}, "no chat template; give the student a prompt_template"),
        ({"sampling": {"temperature": 1.0}}, "max_new_tokens: missing"),
        ({"sampling": {"max_new_tokens": 0}}, "expected max_new_tokens >= 1"),
        ({"inference": {"batchsize": 1}}, "inference.batchsize: unknown entry; known: attention, batch_size"),
    ],
)
def test_bad_teacher_is_refused(tiny: Path, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(StageError, match=complaint):
        list(by_model(model_teacher(tiny, **changes), ASKED))


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ({"wrong_rate": 0.1}, "teachers.*script.check_rate: missing|teachers.*script.false_start_rate: missing"),
        (SCRIPT | {"wrong_rate": 1.5}, "expected a rate between 0 and 1"),
        (SCRIPT | {"rate": 0.5}, "script.rate: unknown entry"),
    ],
)
def test_bad_script_is_refused(script: dict[str, float], complaint: str) -> None:
    with pytest.raises(StageError, match=complaint):
        list(by_script(dataclasses.replace(SCRIPTED, script=script), ASKED))


def test_command_asks_training_questions_alone(project: Project) -> None:
    root = project(teachers={"solver": {"engine": "scripted", "samples": 2, "seed": 1, "script": SCRIPT}})
    rows = [*ASKED, question(5, split="test"), question(6, split="validation")]
    records.write(root / "data/test/questions.parquet", rows, Question)
    done = run("stages.generate", "--profile", "test", "--teacher", "solver", cwd=root)
    assert (done.returncode, done.stderr) == (0, "")
    found = list(records.read(root / "data/test/responses/solver.parquet", Response))
    assert [(row.question_id, row.sample) for row in found] == [(f"q{n}", s) for n in range(4) for s in range(2)]


def test_question_that_the_script_cannot_read_ends_the_stage(project: Project) -> None:
    root = project(teachers={"solver": {"engine": "scripted", "samples": 2, "seed": 1, "script": SCRIPT}})
    rows = [ASKED[0], question(1, question="Why?")]
    records.write(root / "data/test/questions.parquet", rows, Question)
    done = run("stages.generate", "--profile", "test", "--teacher", "solver", cwd=root)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "cannot read question 'Why?'" in done.stderr
    assert not list((root / "data/test").glob("responses/*"))


def test_no_training_question_is_an_error(project: Project) -> None:
    root = project(teachers={"solver": {"engine": "scripted", "samples": 2, "seed": 1, "script": SCRIPT}})
    records.write(root / "data/test/questions.parquet", [question(1, split="test")], Question)
    done = run("stages.generate", "--profile", "test", "--teacher", "solver", cwd=root)
    assert done.returncode == 1
    assert "no question in split train; give a set a train size" in done.stderr
