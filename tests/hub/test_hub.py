"""The models stage against a hub on loopback: what it downloads, and what it says where there is
none.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests import miniatures
from tests.hub.server import COMMIT, hub
from tests.imports import ROOT

REPO = "openai/gpt-oss-20b"
SCRIPT = """
import sys
from pathlib import Path
from stages.core.program.errors import StageError
from stages.core.students.origins import StudentSource, from_hub

try:
    from_hub(StudentSource(kind="hub", repo=sys.argv[1], revision=sys.argv[2]), Path("model"))
except StageError as error:
    print("error:", error)
"""


def downloaded(address: str, folder: Path) -> str:
    """What the stage says of a model that it downloads into `folder`/model."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    env |= {"HF_HOME": str(folder / "cache"), "HF_ENDPOINT": address, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT, REPO, COMMIT]
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=True
    ).stdout


def test_model_of_the_hub_is_downloaded_without_its_other_forms(tmp_path: Path) -> None:
    folder = miniatures.build(REPO, tmp_path / "there")
    with hub({REPO: folder}) as served:
        assert downloaded(served.url, tmp_path) == ""
    expected = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == expected


def test_hub_that_refuses_connections_is_one_line(tmp_path: Path) -> None:
    complaint = downloaded("http://127.0.0.1:9", tmp_path)
    assert complaint.startswith(f"error: source.repo: {REPO}@{COMMIT}: cannot be downloaded: ")
    assert complaint.count("\n") == 1
