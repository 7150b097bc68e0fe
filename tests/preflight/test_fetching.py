"""Models of a hub: found at a revision, their small files alone fetched, gates and revisions told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub.server import COMMIT, hub
from tests.imports import ROOT

REPO = "meta-llama/Llama-3.1-8B"


def table(hub_of: Hub | None, cache: Path, *overrides: str, token: str = "") -> list[str]:
    """The lines that preflight prints of the smoke profile with a student of the hub."""
    source = f"students.tiny.source={{kind:hub,repo:{REPO},eos:'<|end_of_text|>',special_tokens:{{}}}}"
    env = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    env |= {"HF_HOME": str(cache), "HF_ENDPOINT": hub_of.url if hub_of else "http://127.0.0.1:9", "HF_TOKEN": token}
    command = [sys.executable, "-m", "tools.preflight", "smoke", "~students.tiny.source", f"+{source}", *overrides]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.stdout, done.stderr[-3000:]
    return [line for line in done.stdout.splitlines() if "students.tiny " in line or line.lstrip().startswith("->")]


def test_small_files_of_a_model_are_fetched_and_an_open_revision_is_a_warning(
    models: dict[str, Path], tmp_path: Path
) -> None:
    with hub({REPO: models[REPO]}) as served:
        lines = table(served, tmp_path, "+students.tiny.source.revision=main")
    assert [line.split()[0] for line in lines] == ["warning", "->", "ok", "ok", "ok", "ok"]
    assert f"{REPO}@main is no commit" in lines[0]
    assert lines[1].endswith(f"-> revision: {COMMIT}")
    assert "no gate" in lines[2]
    assert "end <|end_of_text|> (128001)" in lines[3]
    assert {"config.json", "tokenizer.json"} <= set(served.asked)
    assert not any(name.endswith(".safetensors") for name in served.asked)


def test_closed_gate_is_an_error_with_the_page_of_its_terms(models: dict[str, Path], tmp_path: Path) -> None:
    with hub({REPO: models[REPO]}, gated=frozenset({REPO})) as served:
        closed = table(served, tmp_path / "closed", f"+students.tiny.source.revision={COMMIT}")
        opened = table(served, tmp_path / "opened", f"+students.tiny.source.revision={COMMIT}", token="hf_mine")
    assert [line.split()[0] for line in closed] == ["ok", "error", "->"]
    assert "there is no token" in closed[1]
    assert f"https://huggingface.co/{REPO}" in closed[2]
    assert "its gate is open to this token" in opened[1]


@pytest.mark.parametrize("absent", [True, False])
def test_model_or_hub_that_is_not_there_is_an_error(models: dict[str, Path], tmp_path: Path, absent: bool) -> None:
    revision = f"+students.tiny.source.revision={COMMIT}"
    if absent:
        with hub({}) as served:
            lines = table(served, tmp_path, revision)
    else:
        lines = table(None, tmp_path, revision)
    assert [line.split()[0] for line in lines] == ["error", "->"]
    assert "not read from the hub" in lines[0]
