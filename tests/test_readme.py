"""The README's numbers are the tracked ones."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from stages.questions import QuestionSet
from tests.imports import ROOT

README = (ROOT / "README.md").read_text()


def test_the_table_is_the_tracked_one() -> None:
    for path, shown in re.findall(r"<!-- table: (\S+) -->\n(.*?)<!-- end -->", README, re.DOTALL):
        assert shown.strip() == (ROOT / path).read_text().strip(), path
    assert README.count("<!-- table: ") >= 1


def test_profile_for_ones_own_traces_composes(tmp_path: Path) -> None:
    shown = re.search(r"```yaml\n(# @package _global_\n.*?)```", README, re.DOTALL)
    assert shown
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "conf/profile/mine.yaml").write_text(shown[1])
    command = [sys.executable, "conf/compose.py", "mine"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    params = yaml.safe_load((tmp_path / "params.yaml").read_text())
    assert [name for name, entry in params["questions"]["sets"].items() if entry] == ["gsm8k"]
    assert QuestionSet(**params["questions"]["sets"]["gsm8k"]).gold_pattern


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    assert pictures
    assert not [picture for picture in pictures if not (ROOT / picture).is_file()]


def test_it_opens_with_the_two_commands() -> None:
    head = "\n".join(README.splitlines()[:25])
    assert "make repro" in head
    assert "make test" in head


def test_it_is_short_enough_to_read() -> None:
    assert len(README.splitlines()) <= 250
