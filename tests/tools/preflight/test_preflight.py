"""Whole tables of preflight: the profiles are fine, and what was wrong with one is an error line
with its remedy.
"""

import copy
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stages.core.program import params
from stages.core.questions.items import QuestionSet
from tests.hub.folders import data_set
from tests.imports import ROOT
from tools.preflight import asked_models, budget, question_sets, students
from tools.preflight.__main__ import examine, params_of
from tools.preflight.budget import TrainedSizes
from tools.preflight.lines import Line, Report
from tools.preflight.memory import Room

ROOM = Room(141.0, 64.0)
OF_A_MODEL = ["files", "prompt", "clock", "end", "reasoning", "context", "serving"]


def of(report: Report, subject: str) -> dict[str, Line]:
    """The lines of an entry, by what was checked."""
    return {line.check: line for line in report.lines if line.subject == subject}


@pytest.fixture(scope="module")
def table(paper: dict[str, Any]) -> Report:
    """The lines of the paper profile on miniatures."""
    return examine(paper, ROOM)


def test_paper_on_miniatures_has_no_error(table: Report) -> None:
    assert [line for line in table.lines if line.status == "error"] == []


def test_every_entry_of_the_paper_is_looked_at(table: Report, paper: dict[str, Any]) -> None:
    grid = paper["grid"]
    asked_ones = [*(f"teachers.{name}" for name in grid["teachers"])]
    asked_ones += [f"compressors.{name}" for name in grid["compressors"]]
    for subject in asked_ones:
        assert list(of(table, subject)) == OF_A_MODEL, subject
    for name in grid["students"]:
        assert list(of(table, f"students.{name}")) == ["files", "tokens", "prompt", "reasoning"]
        assert list(of(table, f"students.{name}.inference")) == ["context", "serving"]
        assert {"students." + name + ", " + method for method in grid["methods"]} <= {
            line.subject for line in table.lines if line.check == "training"
        }
    sets = {line.subject.removeprefix("questions.") for line in table.lines if line.check == "rows"}
    assert sets == set(paper["questions"]["sets"])
    assert {"number", "GPUs", "data/"} <= {line.check for line in table.lines}


def test_prompts_are_shown_as_they_are_asked(table: Report) -> None:
    shown = of(table, "students.llama8b")["prompt"].finding
    assert shown.endswith(r": <|begin_of_text|>User:\nWhat is 2 + 2?\n\nAssistant:\n")
    assert "2026-06-05" in of(table, "teachers.gptoss120b")["prompt"].finding
    assert of(table, "teachers.gptoss120b")["clock"].finding == "its day is 2026-06-05"
    assert "The day: 26 Jul 2024" in of(table, "compressors.llama70b")["prompt"].finding
    assert of(table, "teachers.qwen397b")["clock"].finding == "its chat template reads no clock"


@pytest.mark.parametrize("profile", ["smoke", "default"])
def test_profile_is_fine(profile: str) -> None:
    report = examine(params_of(profile, []), ROOM)
    assert not report.failed
    assert report.count("warning") == 0


def teacher(paper: dict[str, Any], name: str, **changes: Any) -> dict[str, Line]:
    """The lines of a teacher with other settings."""
    section, report = copy.deepcopy(paper["teachers"][name]) | changes, Report()
    asked_models.check_teacher(section, "What is 1 + 1?", ROOM, report, "teachers.mine")
    return of(report, "teachers.mine")


def test_template_that_reads_the_clock_is_an_error_without_a_date(paper: dict[str, Any]) -> None:
    line = teacher(paper, "gptoss120b", date=None)["prompt"]
    assert line.status == "error"
    assert "reads the clock" in line.finding
    assert "date" in line.finding + line.remedy


def test_reasoning_that_does_not_come_apart_is_an_error(paper: dict[str, Any]) -> None:
    line = teacher(paper, "qwen397b", output="harmony")["reasoning"]
    assert (line.status, line.remedy.startswith("set output")) == ("error", True)
    assert teacher(paper, "gptoss120b", output="think")["reasoning"].status == "error"


def test_answer_beyond_the_engines_context_is_an_error(paper: dict[str, Any]) -> None:
    inference = {"engine": "vllm", "options": {"max_model_len": 32768}}
    line = teacher(paper, "qwen397b", inference=inference)["context"]
    assert line.status == "error"
    assert "max_model_len 32,768" in line.finding


def test_weights_that_one_gpu_cannot_hold_are_an_error(paper: dict[str, Any]) -> None:
    report = Report()
    section = copy.deepcopy(paper["teachers"]["qwen397b"])
    asked_models.check_teacher(section, "", Room(0.001, 64.0), report, "teachers.mine")
    assert of(report, "teachers.mine")["serving"].status == "error"


def test_tokenizer_that_ends_elsewhere_than_its_model_is_a_warning(
    paper: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(paper["teachers"]["qwen397b"]["model"], folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"eos_token": "<|im_start|>"}))
    line = teacher(paper, "qwen397b", model=str(folder))["end"]
    assert line.status == "warning"
    assert "248044, 248046" in line.finding


def test_date_that_is_nowhere_in_the_prompt_is_a_warning(paper: dict[str, Any]) -> None:
    line = teacher(paper, "qwen397b", date="2026-06-05")["clock"]
    assert line.status == "warning"
    assert "date 2026-06-05 is nowhere in the prompt" in line.finding


def test_folder_without_safetensors_is_an_error(paper: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    model = paper["teachers"]["qwen397b"]["model"]
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    assert teacher(paper, "qwen397b", model=str(folder))["weights"].status == "error"
    report = student(paper, {"source": {"path": str(folder)}})
    assert of(report, "students.qwen9b")["weights"].status == "error"


@pytest.mark.parametrize(("trace", "statuses"), [(32_768, []), (60_000, ["warning"])])
def test_context_without_room_for_the_longest_trace_is_a_warning(
    paper: dict[str, Any], trace: int, statuses: list[str]
) -> None:
    report = Report()
    section = paper["compressors"]["ministral14b"]
    asked_models.check_compressor(
        section, "What is 1 + 1?", trace, ROOM, report, "compressors.mine"
    )
    assert [line.status for line in report.lines if line.check == "traces"] == statuses
    teachers = [{"sampling": {"max_new_tokens": 5}}, {"sampling": {"max_new_tokens": trace}}, {}]
    assert asked_models.longest_trace(teachers) == trace


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ({"budget": "equal_steps", "steps": 77}, "each 77 steps"),
        ({"budget": "equal_tokens"}, "steps unknown"),
        ({}, "each some "),
    ],
)
def test_steps_are_those_of_the_methods_budget(
    paper: dict[str, Any], method: dict[str, Any], words: str
) -> None:
    study, report = copy.deepcopy(paper), Report()
    study["methods"]["lora"] |= method
    budget.check_questions(study, question_sets.entries(study["questions"]), report)
    (line,) = (
        line for line in report.lines if line.subject == "train" and line.finding.startswith("lora")
    )
    assert words in line.finding


def test_disk_names_every_part(paper: dict[str, Any]) -> None:
    sizes = TrainedSizes(
        10**9,
        {"lora": 10**7, "full": 10**9},
        {"lora": 6 * 10**7, "full": 6 * 10**9},
        cached=3 * 10**9,
    )
    report = Report()
    budget.check_disk(paper, {"one": sizes}, 5 * 10**9, 10**9, report)
    (line,) = report.lines
    assert line.finding.startswith(f"{40 + 0.4 + 3.45 + 8 + 2 + 12:,.2f} GB: ")
    for part in (
        "8.00 GB weights in the hub's cache",
        "2.00 GB students",
        "12.00 GB two checkpoints",
        "3.45 GB at most",
    ):
        assert part in line.finding


@pytest.mark.parametrize(
    ("most_searched", "status", "words"),
    [
        (20_000, "error", "none of the 8 rows there are has question 'none'"),
        (4, "warning", "4 rows looked through"),
    ],
)
def test_wanted_value_that_no_row_has_is_told(
    paper: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    most_searched: int,
    status: str,
    words: str,
) -> None:
    monkeypatch.setattr(question_sets, "MOST_SEARCHED", most_searched)
    section, report = copy.deepcopy(paper["questions"]["sets"]["mmlu_other"]), Report()
    section |= {"where": {"subject": ["nutrition"]}}
    data_set(tmp_path / "mmlu", "mmlu_other", section)
    where = {"subject": ["nutrition", "none"]}
    section |= {"dataset": str(tmp_path / "mmlu"), "where": where, "sizes": {"test": None}}
    question_sets.check({"mmlu": params.section(QuestionSet, section, "x")}, report)
    line = next(line for line in report.lines if line.check == "where")
    assert line.status == status
    assert words.replace("question", "subject") in line.finding


def student(paper: dict[str, Any], change: dict[str, Any]) -> Report:
    """The lines of qwen9b with other settings, by the names of its sections."""
    study, report = copy.deepcopy(paper), Report()
    for name, values in change.items():
        study["students"]["qwen9b"][name] |= values
    students.check("qwen9b", study, "What is 1 + 1?", ROOM, report)
    return report


def test_special_token_with_another_id_is_an_error(paper: dict[str, Any]) -> None:
    report = student(paper, {"source": {"special_tokens": {"<|im_end|>": 7}}})
    line = of(report, "students.qwen9b")["tokens"]
    assert line.status == "error"
    assert "expected id 7, found 248046" in line.finding


def test_chat_template_that_opens_a_think_block_is_an_error_of_a_student(
    paper: dict[str, Any],
) -> None:
    report = student(paper, {"text": {"prompt_template": None}})
    line = of(report, "students.qwen9b")["completion"]
    assert (line.status, line.remedy.startswith("give a prompt_template")) == ("error", True)


def test_examples_longer_than_the_model_reads_are_an_error(paper: dict[str, Any]) -> None:
    report = student(paper, {"text": {"max_tokens": 300_000}})
    assert of(report, "students.qwen9b.text")["context"].status == "error"


def test_folder_that_is_not_there_is_an_error_and_the_rest_is_looked_at(
    paper: dict[str, Any],
) -> None:
    report = student(paper, {"source": {"path": "nowhere"}})
    assert [(line.check, line.status) for line in report.lines] == [("files", "error")]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            {"fields": {"question": "question", "gold": "answers"}},
            "no field 'answers' for gold; it has: answer",
        ),
        ({"grader": "numeric", "gold_pattern": "(It)"}, "grader numeric reads 0 golds, not 'It'"),
        ({"files": {"train": "trains", "test": "test"}}, "cannot be loaded from the hub"),
    ],
)
def test_set_that_cannot_be_read_is_an_error(
    paper: dict[str, Any], tmp_path: Path, change: dict[str, Any], complaint: str
) -> None:
    section, report = copy.deepcopy(paper["questions"]["sets"]["gsm8k"]), Report()
    data_set(tmp_path / "gsm8k", "gsm8k", section)
    section |= {"dataset": str(tmp_path / "gsm8k")} | change
    question_sets.check({"gsm8k": params.section(QuestionSet, section, "x")}, report)
    (line,) = report.lines
    assert line.status == "error"
    assert complaint in line.finding
    assert line.remedy


def test_lines_go_on_below_themselves() -> None:
    report = Report()
    report.warning("students.one", "files", "a b " * 20, "c d " * 20)
    report.ok("x", "y", "short")
    first, second, *rest = report.table(70).splitlines()
    start = first.index("a b")
    assert max(map(len, (first, second, *rest))) <= 70
    assert second.startswith(" " * start + "a b")
    assert rest[0].startswith(" " * start + "-> c d")
    assert rest[1].startswith(" " * start + "   d c")
    assert rest[-1] == "1 ok, 1 warning, 0 errors"


def test_command_prints_the_table_writes_nothing_and_fails_on_an_error(tmp_path: Path) -> None:
    before = (ROOT / "params.yaml").read_bytes()
    command = [sys.executable, "-m", "tools.preflight", "smoke"]
    wrong = "students.tiny.source.eos='<|no_end|>'"
    env = os.environ | {"COLUMNS": "100"}
    done = subprocess.run([*command, wrong], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout.startswith("profile smoke, for GPUs of 141 GB\n")
    assert "error    students.tiny" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert "kernels-community" not in done.stderr
    assert done.stdout.splitlines()[-1].endswith("1 error")
    assert (ROOT / "params.yaml").read_bytes() == before
    refused = subprocess.run(
        [*command, "evaluate.samples=x"], cwd=ROOT, capture_output=True, text=True
    )
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("error: profile smoke: ")
