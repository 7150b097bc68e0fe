"""The real conf/compose.py, run in this process on a copy of conf/."""

import importlib.util
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import yaml
from dvc.utils.hydra import compose_and_dump

from tests.imports import ROOT


@dataclass(frozen=True)
class Composed:
    """How it ended: its exit code, and what it says on stderr."""

    code: int
    stderr: str


class Composer:
    """A copy of conf/ with a params.yaml beside it, to compose in."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT / "conf", root / "conf")
        (root / "params.yaml").write_text("profile: before\n")
        self.module = _loaded(root / "conf" / "compose.py")

    def profile(self, name: str, text: str) -> None:
        """Writes conf/profile/<name>.yaml."""
        (self.root / "conf" / "profile" / f"{name}.yaml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str) -> Composed:
        """What `python conf/compose.py` does, and how it ends."""
        with mock.patch.object(sys, "argv", ["conf/compose.py", *arguments]):
            try:
                self.module.main()
            except SystemExit as end:
                return Composed(1, f"{end.code}\n")
        return Composed(0, "")

    @property
    def params(self) -> dict[str, Any]:
        """What params.yaml holds."""
        found: dict[str, Any] = yaml.safe_load((self.root / "params.yaml").read_text())
        return found

    def files(self) -> list[str]:
        """The files beside conf/: params.yaml alone, unless something was left over."""
        return sorted(path.name for path in self.root.iterdir() if path.is_file())


def declared(profile: str) -> dict[str, Any]:
    """All params of a real profile, as `conf/compose.py` writes them."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "params.yaml"
        compose_and_dump(target, str(ROOT / "conf"), None, "config", None, [f"profile={profile}"])
        params: dict[str, Any] = yaml.safe_load(target.read_text())
    return params


def students(profile: str) -> dict[str, dict[str, Any]]:
    """The students of a real profile's grid."""
    params = declared(profile)
    return {name: params["students"][name] for name in params["grid"]["students"]}


def _loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("compose", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    with mock.patch.object(sys, "path", list(sys.path)):  # it puts its own root there
        spec.loader.exec_module(module)
    return module
