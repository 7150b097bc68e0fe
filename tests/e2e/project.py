"""A copy of this project with a git and a DVC repository of its own, to run stages in."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psutil

from tests.imports import ROOT


class Project:
    """A working copy without results: a fresh clone without tracked metrics, plots and dvc.lock."""

    def __init__(self, root: Path, *, bare: bool = False) -> None:
        """Copies the project into `root`. With `bare` the content of `root` stays as it is."""
        self.root = root
        if bare:
            return
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        for name in subprocess.check_output(listed, cwd=ROOT, text=True).split("\0"):
            if (
                name
                and (ROOT / name).is_file()
                and not name.startswith(("metrics/", "plots/", "dvc.lock"))
            ):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, root / name)
        self.run("git", "init", "--quiet", "--initial-branch", "main")
        self.commit("copy")

    def commit(self, message: str) -> None:
        """Commits all that git does not ignore, and the smoke profile's metrics and plots, which it
        ignores.
        """
        self.run("git", "add", "--all")
        results = [name for name in ("metrics", "plots") if (self.root / name).exists()]
        self.run("git", "add", "--force", *results, ".dvc/config")
        self.run(
            "git",
            "-c",
            "user.name=test",
            "-c",
            "user.email=test@localhost",
            "commit",
            "--quiet",
            "-m",
            message,
        )

    def copied(self, root: Path) -> "Project":
        """A copy with all results and the cache."""
        shutil.copytree(self.root, root, symlinks=True)
        return Project(root, bare=True)

    def cloned(self, root: Path) -> "Project":
        """A clone, as on another machine: what git holds, and no data."""
        subprocess.run(["git", "clone", "--quiet", str(self.root), str(root)], check=True)
        return Project(root, bare=True)

    @property
    def env(self) -> dict[str, str]:
        """The environment of commands, with this Python's programs first on the path."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        # Inside a make that runs the tests, the make in the copy would print its folder
        outer = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MAKE", "MFLAGS"))
        }
        # HF_HUB_OFFLINE: nothing here may reach for a hub. An attempt would take minutes to fail
        return outer | {"PATH": path, "CI": "true", "HF_HUB_OFFLINE": "1", "DVC_NO_ANALYTICS": "1"}

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a command in the copy."""
        done = subprocess.run(command, cwd=self.root, env=self.env, capture_output=True, text=True)
        assert done.returncode == 0 or not check, (
            f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
        return done

    def processes(self) -> list[psutil.Process]:
        """The processes at work in the copy."""
        working = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if (
                    Path(process.cwd()).is_relative_to(self.root)
                    and process.status() != psutil.STATUS_ZOMBIE
                ):
                    working.append(process)
        return working

    def compose(self, profile: str, *overrides: str) -> None:
        """Writes params.yaml for `profile`."""
        self.run("python", "-m", "tools.compose", profile, *overrides)

    def repro(self, *targets: str) -> set[str]:
        """Runs `dvc repro` and returns the stages that it really ran."""
        return set(
            re.findall(r"Running stage '([^']+)'", self.run("dvc", "repro", *targets).stdout)
        )
