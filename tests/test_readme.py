"""The README's numbers are the tracked ones."""

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from stages.core.items import QuestionSet
from tests.imports import ROOT

README = (ROOT / "README.md").read_text()


def test_the_table_is_the_tracked_one() -> None:
    for path, shown in re.findall(r"<!-- table: (\S+) -->\n(.*?)<!-- end -->", README, re.DOTALL):
        assert shown.strip() == (ROOT / path).read_text().strip(), path
    assert README.count("<!-- table: ") >= 1


def test_grading_table_is_the_tracked_one() -> None:
    shown = (ROOT / "stages/core/grading/README.md").read_text()
    for one in json.loads((ROOT / "metrics/grading.json").read_text())["sets"].values():
        counts = (one["right_answers"], one["false_rejects"], one["wrong_answers"], one["false_accepts"])
        assert " | ".join(f"{count:,}" for count in counts) in shown


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


def test_page_can_live_in_git() -> None:
    assert 100_000 < (ROOT / "plots/default/report.html").stat().st_size < 2_000_000


def test_learning_rates_are_those_of_the_calibration() -> None:
    """The table of validation accuracies, and that the default profile has the best rate of each method."""
    with (ROOT / "metrics/calibrate/results.csv").open() as file:
        found = [row for row in csv.DictReader(file) if row["target"] == "raw"]
    best: dict[str, tuple[float, str]] = {}
    for method in dict.fromkeys(row["method"] for row in found):
        own = {row["source"]: float(row["accuracy"]) for row in found if row["method"] == method}
        (whole,) = (
            row for row in found if (row["method"], row["group"], row["source"]) == (method, "in_distribution", "all")
        )
        mean = f"{100 * float(whole['accuracy']):.1f} [{100 * float(whole['accuracy_low']):.1f}"
        numbers = [f"{100 * own[source]:.1f}" for source in ("chain_sum", "equations", "products")]
        shown = re.search(
            rf"^\| \*?\*?{method}\*?\*? \| {' . '.join(numbers)} \| .*{re.escape(mean)}", README, re.MULTILINE
        )
        assert shown, method
        kind = method.partition("_")[0]
        best[kind] = max(best.get(kind, (0.0, "")), (float(whole["accuracy"]), method))
    methods = yaml.safe_load((ROOT / "conf/profile/calibrate.yaml").read_text())["methods"]
    default = yaml.safe_load((ROOT / "conf/profile/default.yaml").read_text())["methods"]
    for kind, (_, method) in best.items():
        assert default[kind]["learning_rate"] == methods[method]["learning_rate"]
