"""The real tools/compose.py, run in this process on a copy of conf/."""

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from dvc.utils.hydra import compose_and_dump

from tests.imports import ROOT
from tools import compose


@dataclass(frozen=True)
class Composed:
    """How tools/compose.py ended."""

    code: int
    stderr: str


class Composer:
    """A copy of conf/ with a params.yaml beside it, to compose in."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT / "conf", root / "conf")
        (root / "params.yaml").write_text("profile: before\n")

    def profile(self, name: str, text: str) -> None:
        """Writes conf/profile/<name>.yaml."""
        (self.root / "conf" / "profile" / f"{name}.yaml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str) -> Composed:
        """Does what `python -m tools.compose` does, and returns how it ended."""
        argv = ["tools/compose.py", *arguments]
        with mock.patch.object(sys, "argv", argv), mock.patch.object(compose, "ROOT", self.root):
            try:
                compose.main()
            except SystemExit as end:
                return Composed(1, f"{end.code}\n")
        return Composed(0, "")

    @property
    def params(self) -> dict[str, Any]:
        """What params.yaml holds."""
        params: dict[str, Any] = yaml.safe_load((self.root / "params.yaml").read_text())
        return params

    def files(self) -> list[str]:
        """The files beside conf/: params.yaml alone, unless something was left over."""
        return sorted(path.name for path in self.root.iterdir() if path.is_file())


def declared(profile: str) -> dict[str, Any]:
    """All params of a real profile, as `tools/compose.py` writes them."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "params.yaml"
        compose_and_dump(target, str(ROOT / "conf"), None, "config", None, [f"profile={profile}"])
        params: dict[str, Any] = yaml.safe_load(target.read_text())
    return params


def students(profile: str) -> dict[str, dict[str, Any]]:
    """The students of a real profile's grid."""
    params = declared(profile)
    return {name: params["students"][name] for name in params["grid"]["students"]}
