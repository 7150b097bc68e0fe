"""A student's folder: plain, loadable, and with one EOS in tokenizer, config and generation config."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

from stages.core import tokens
from stages.models import main, random_weights
from tests.conftest import Project
from tests.made import SHAPE, TINY


def digests(folder: Path) -> dict[str, str]:
    """A hash of each file in a folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_random_student_follows_from_its_seed(tiny: Path, tmp_path: Path) -> None:
    random_weights(TINY, tmp_path / "again")
    assert digests(tmp_path / "again") == digests(tiny)
    random_weights(dataclasses.replace(TINY, seed=1), tmp_path / "other")
    assert digests(tmp_path / "other")["model.safetensors"] != digests(tiny)["model.safetensors"]


def test_tokenizer_config_and_generation_config_agree_on_the_eos(tiny: Path, tokenizer: Any) -> None:
    assert tokenizer.eos_token == "<|im_end|>"
    assert AutoConfig.from_pretrained(tiny).eos_token_id == tokenizer.eos_token_id
    assert GenerationConfig.from_pretrained(tiny).eos_token_id == tokenizer.eos_token_id


@pytest.mark.parametrize("lost", ["model.safetensors", "config.json", "tokenizer.json"])
def test_folder_that_lacks_a_part_is_refused(project: Project, tiny: Path, tmp_path: Path, lost: str) -> None:
    for path in tiny.iterdir():
        if not path.name.startswith(lost.partition(".")[0]):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    root = project(students={"mine": {"source": {"kind": "folder", "path": str(tmp_path)}}})
    done = CliRunner().invoke(main, ["--profile", "test", "--student", "mine"])
    assert done.exit_code == 1
    assert f"source.path: {tmp_path}: no " in done.output
    assert not [path for path in (root / "data").rglob("*") if path.is_file()]


def test_student_from_a_folder_is_a_copy_that_loads(project: Project, tiny: Path) -> None:
    root = project(students={"mine": {"source": {"kind": "folder", "path": str(tiny)}}})
    cell = ["--profile", "test", "--student", "mine"]
    out = root / "data/test/models/mine"
    for _ in range(2):  # a second time over the first
        assert CliRunner().invoke(main, cell, catch_exceptions=False).exit_code == 0
        assert digests(out) == digests(tiny)
    assert AutoModelForCausalLM.from_pretrained(out).config.hidden_size == SHAPE["hidden_size"]
    assert tokens.load(out).eos_token == "<|im_end|>"
    assert [path.name for path in out.parent.iterdir()] == ["mine"]
