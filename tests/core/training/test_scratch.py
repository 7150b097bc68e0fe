"""What runs left is listed and pruned, and what a run holds is left alone."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from stages.core.training import scratch
from tools import scratch as program


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scratch with the folders of three runs."""
    monkeypatch.setattr(program, "FOLDER", tmp_path)
    for name in ("a", "b", "c"):
        (tmp_path / name / "checkpoint-5").mkdir(parents=True)
        (tmp_path / name / "checkpoint-5" / "optimizer.pt").write_bytes(b"x" * 20_000_000)
    return tmp_path


def command(*words: str) -> tuple[int, list[str]]:
    """Exit code and lines of output."""
    done = CliRunner().invoke(program.main, words)
    return done.exit_code, done.output.splitlines()


def test_runs_that_hold_their_folder_are_shown_and_kept(folder: Path) -> None:
    with scratch.held(folder / "b"):
        sizes = [f"{folder}/a: 0.02 GB", f"{folder}/b: 0.02 GB, in use", f"{folder}/c: 0.02 GB"]
        assert command("list") == (0, sizes)
        removed = [
            f"{folder}/a: removed, 0.02 GB",
            f"{folder}/b: in use, kept",
            f"{folder}/c: removed, 0.02 GB",
        ]
        assert command("prune") == (0, removed)
    assert [path.name for path in folder.iterdir()] == ["b"]


def test_prune_takes_the_folders_that_are_named(folder: Path) -> None:
    assert command("prune", "c") == (0, [f"{folder}/c: removed, 0.02 GB"])
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]
    code, _ = command("prune", "a", "typo")
    assert code == 1
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]


def test_no_scratch_at_all_is_nothing_to_prune(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "FOLDER", tmp_path / "none")
    assert command("list") == command("prune") == (0, [])
    assert not (tmp_path / "none").exists()
