"""dvc.lock is kept whole beside, and put back where a kill left it torn."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.imports import ROOT

OLD = "schema: '2.0'\nstages:\n  a:\n    cmd: a\n"
NEW = OLD + "  b:\n    cmd: b\n"


def lock(root: Path, code: int = 0) -> str:
    """Runs the program and returns what it says."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools/lock.py"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def git(root: Path, *words: str) -> None:
    """Runs git."""
    subprocess.run(
        ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", *words],
        cwd=root,
        check=True,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository that has committed a dvc.lock and then run another stage."""
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / "dvc.lock").write_text(OLD)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "dvc.lock")
    git(tmp_path, "commit", "--quiet", "-m", "old")
    (tmp_path / "dvc.lock").write_text(NEW)
    return tmp_path


TORN = {
    "empty": "",
    "in a word": NEW[:-3],
    "in the head": NEW[:10],
    "in a line that parses": NEW[:-1],
    "between two stages": OLD,
    "after the head": "schema: '2.0'\nstages:\n",
    "no mapping": "schema\n",
}


@pytest.mark.parametrize("kind", TORN)
def test_torn_lock_is_restored_from_the_copy(root: Path, kind: str) -> None:
    assert lock(root) == ""
    (root / "dvc.lock").write_text(TORN[kind])
    assert lock(root).startswith("dvc.lock: was empty or torn; restored")
    assert (root / "dvc.lock").read_text() == NEW
    assert lock(root) == ""


def test_without_a_copy_the_committed_lock_is_taken(root: Path) -> None:
    (root / "dvc.lock").write_text("")
    lock(root)
    assert (root / "dvc.lock").read_text() == OLD


def test_torn_lock_that_nobody_has_is_an_error(root: Path) -> None:
    (root / "dvc.lock").write_text("")
    git(root, "commit", "--quiet", "-am", "torn")
    assert lock(root, code=1).startswith("error: dvc.lock: empty or torn")
    assert (root / "dvc.lock").read_text() == ""


def test_whole_lock_of_another_commit_or_with_more_stages_stays(root: Path) -> None:
    lock(root)
    git(root, "commit", "--quiet", "-am", "new")
    git(root, "checkout", "--quiet", "HEAD~1")
    (root / "dvc.lock").write_text(NEW + "  c:\n    cmd: c\n")
    assert lock(root) == ""
    assert (root / "dvc.lock").read_text().endswith("c\n")
    git(root, "checkout", "--quiet", "-f", "-")
    assert lock(root) == ""
    assert (root / "dvc.lock").read_text() == NEW
    assert len(list((root / ".dvc/tmp").iterdir())) == 1


def test_no_lock_at_all_is_fine(root: Path) -> None:
    (root / "dvc.lock").unlink()
    assert lock(root) == ""
    assert not (root / "dvc.lock").exists()
