"""Models of a hub: only their small files are fetched, and gates and revisions become lines."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub.server import COMMIT, hub
from tests.imports import ROOT

REPO = "meta-llama/Llama-3.1-8B"
# In a process of its own: huggingface_hub reads the hub's address and the token when it is imported
SCRIPT = """
import sys
from tools.preflight import fetching
from tools.preflight.lines import Report

report = Report()
files = fetching.model(sys.argv[1], sys.argv[2], report, "model")
print(report.table())
print(files.weights if files else None)
"""
DATA = """
import sys
from stages.core.questions.items import QuestionSet
from tools.preflight import question_sets
from tools.preflight.lines import Report

report = Report()
where = {"files": {"test": "test"}, "dataset": sys.argv[1], "revision": sys.argv[2]}
entry = QuestionSet("hub", "in_distribution", "numeric", {"test": 1}, **where)
question_sets.repository(entry, report, "questions.mine")
print(report.table())
"""


def fetched(
    address: str, cache: Path, revision: str, token: str = "", script: str = SCRIPT
) -> list[str]:
    """The lines of a model that is fetched, and at last how many bytes its weights have; or those
    of a data set.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    env |= {"HF_HOME": str(cache), "HF_ENDPOINT": address, "HF_TOKEN": token}
    command = [sys.executable, "-c", script, REPO, revision]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.stdout, done.stderr[-3000:]
    return [line for line in done.stdout.splitlines() if line]


def test_small_files_are_fetched_and_a_revision_that_moves_is_a_warning(
    models: dict[str, Path], tmp_path: Path
) -> None:
    with hub({REPO: models[REPO]}, gated=frozenset({REPO})) as served:
        lines = fetched(served.url, tmp_path, "main", token="hf_mine")
    weights = sum(path.stat().st_size for path in models[REPO].glob("*.safetensors"))
    assert [line.split()[0] for line in lines] == ["warning", "->", "ok", "1", str(weights)]
    assert f"{REPO}@main is no commit" in lines[0]
    assert lines[1].endswith(f"-> revision: {COMMIT}")
    assert "its gate is open to this token" in lines[2]
    assert {"config.json", "tokenizer.json"} <= set(served.asked)
    assert not any(name.endswith(".safetensors") for name in served.asked)


def test_closed_gate_is_an_error_with_the_page_of_its_terms(
    models: dict[str, Path], tmp_path: Path
) -> None:
    with hub({REPO: models[REPO]}, gated=frozenset({REPO})) as served:
        lines = fetched(served.url, tmp_path, COMMIT)
    assert [line.split()[0] for line in lines] == ["ok", "error", "->", "1", "None"]
    assert "there is no token" in lines[1]
    assert f"https://huggingface.co/{REPO}" in lines[2]


def test_gate_without_a_token_is_closed_though_the_small_files_are_cached(
    models: dict[str, Path], tmp_path: Path
) -> None:
    with hub({REPO: models[REPO]}, gated=frozenset({REPO})) as served:
        assert "open to this token" in fetched(served.url, tmp_path, COMMIT, token="hf_mine")[1]
        lines = fetched(served.url, tmp_path, COMMIT)
    assert "gated, and there is no token" in lines[1]


def test_repository_without_safetensors_is_an_error(
    models: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(models[REPO], folder, ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "pytorch_model.bin").write_bytes(b"0")
    with hub({REPO: folder}) as served:
        lines = fetched(served.url, tmp_path / "cache", COMMIT)
    assert [line.split()[0] for line in lines] == ["ok", "ok", "error", "->", "2", "0"]
    assert "no *.safetensors" in lines[2]


@pytest.mark.parametrize("is_there", [True, False])
def test_model_or_hub_that_is_not_there_is_an_error(tmp_path: Path, is_there: bool) -> None:
    with hub({}) as served:
        lines = fetched(served.url if is_there else "http://127.0.0.1:9", tmp_path, COMMIT)
    assert [line.split()[0] for line in lines] == ["error", "->", "0", "None"]
    assert "not read from the hub" in lines[0]


def test_gate_of_a_data_set_is_told(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    with hub({REPO: tmp_path / "set"}, gated=frozenset({REPO})) as served:
        closed = fetched(served.url, tmp_path / "closed", "main", script=DATA)
        opened = fetched(served.url, tmp_path / "opened", COMMIT, token="hf_mine", script=DATA)
    assert [line.split()[0] for line in closed] == ["warning", "->", "error", "->", "0"]
    assert f"https://huggingface.co/datasets/{REPO}" in closed[3]
    assert [line.split()[0] for line in opened] == ["ok", "ok", "2"]
