"""What the tests of plots share: the templates in a repository of their own, and DVC's answers
there.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.imports import ROOT
from tests.synthetic import SMALL, build, run_report


def dvc(*command: str) -> dict[str, Any]:
    """What a `dvc plots` command says as JSON."""
    env = os.environ | {
        "DVC_NO_ANALYTICS": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(["dvc", "plots", *command], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def git(*command: str) -> None:
    """A git command in the current folder."""
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    subprocess.run(["git", *who, *command], check=True, capture_output=True)


def reported(root: Path) -> None:
    """In `root`, the current folder: dvc.yaml, the templates, and the committed report of a grid of
    ten cells.
    """
    for name in ("dvc.yaml", ".dvc/config"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    shutil.copytree(ROOT / ".dvc/plots", root / ".dvc/plots")
    build(root, SMALL, questions=8)
    assert run_report().exit_code == 0
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "-m", "report")
