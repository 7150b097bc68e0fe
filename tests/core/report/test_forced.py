"""The report of raw's students whose thinking is closed at other arms' lengths, without training."""

import csv
import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from stages import report
from tests.synthetic import PROFILE, SMALL, build, run_report

GRID = dataclasses.replace(SMALL, methods=["full"], forced=["light"])
LABEL = "raw, thinking closed at light's length"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(root: Path, name: str) -> str:
    """A table in Markdown."""
    return (root / "plots" / PROFILE / "tables" / f"{name}.md").read_text()


def test_forced_arm_stands_beside_the_others_and_trained_nothing(root: Path) -> None:
    build(root, GRID)
    assert run_report(drawn=True).exit_code == 0
    for name in ("4_accuracy", "4b_differences", "5_lengths", "8_retention_efficiency", "headline"):
        assert LABEL in table(root, name), name
    for name in ("6_cost", "6b_amounts", "7_truncation", "10_break_even"):
        assert LABEL not in table(root, name), name
    figure = (root / "plots" / PROFILE / "figures" / "5_accuracy_tokens.svg").read_text()
    assert "closed at light" in figure
    assert table(root, "4_accuracy").index("| answer only |") < table(root, "4_accuracy").index(
        LABEL
    )


def test_forced_arm_is_compared_with_raw_in_the_family_of_all_verdicts(root: Path) -> None:
    build(root, GRID)
    run_report()
    rows = [line for line in table(root, "4b_differences").splitlines() if f"| {LABEL} |" in line]
    assert [row.split(" | ")[5:7] for row in rows] == [
        ["raw", "in_distribution"],
        ["raw", "ood_reasoning"],
        ["untrained", "in_distribution"],
    ]
    # 14 without it, see test_report.py
    assert "for all 17 comparisons of tables 4b and 7" in table(root, "4b_differences")


@pytest.mark.parametrize("seeds", [["s0"], ["s0", "s1"]])
def test_forced_arm_has_no_samples_and_no_training_scalars(root: Path, seeds: list[str]) -> None:
    metrics = build(root, dataclasses.replace(GRID, seeds=seeds))
    assert run_report().exit_code == 0
    (samples,) = [line for line in table(root, "4c_samples").splitlines() if LABEL in line]
    assert samples.strip("| ").split(" | ")[5:] == ["0", "-", "-", "-"]
    summary = json.loads((metrics / "summary.json").read_text())
    with_forced = {name for name, values in summary.items() if "forced_light" in values}
    assert with_forced <= {"accuracy", "output_tokens", "retention"}
    with (metrics / "results.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["target"] == "forced_light"]
    assert {row["train_tokens"] for row in rows} == {""}
    assert all(row["accuracy"] and row["retention"] for row in rows if row["source"] == "all")


def test_forced_scores_alone_are_a_report_too(root: Path) -> None:
    metrics = build(root, GRID)
    for path in (metrics / "scores").iterdir():
        if "forced" not in path.name:
            path.unlink()
    assert run_report().exit_code == 0


def test_forced_arm_that_was_not_scored_is_a_hole(root: Path) -> None:
    metrics = build(root, GRID)
    name = "solver-forced_light-small-full-s0"
    (metrics / "scores" / f"{name}.csv").unlink()
    run = run_report()
    assert run.exit_code == 0
    holes = [line for line in run.stderr.splitlines() if "not there yet" in line]
    assert holes == [
        f"warning: metrics/{PROFILE}/scores/{name}.csv: not there yet; the report leaves it out"
    ]


def test_grid_without_forced_arms_is_reported_as_before(root: Path) -> None:
    metrics = build(root, dataclasses.replace(GRID, forced=[]))
    run_report()
    without = (metrics / "results.csv").read_bytes()
    assert b"forced" not in without
    text = (root / "params.yaml").read_text()
    assert "  forced: []\n" in text
    (root / "params.yaml").write_text(text.replace("  forced: []\n", ""))
    assert run_report().exit_code == 0
    assert (metrics / "results.csv").read_bytes() == without


def test_explain_names_the_stages_of_a_forced_cell(root: Path) -> None:
    build(root, GRID)
    cell = "solver-forced_light-small-full-s0"
    stage = f"score_forced@{PROFILE}-solver-light-small-full-s0"
    entry = {"cmd": "the grading", "deps": [], "outs": []}
    (root / "dvc.lock").write_text(json.dumps({"stages": {stage: entry}}))
    done = CliRunner().invoke(report.main, ["--profile", PROFILE, "--explain", cell])
    assert done.exit_code == 0
    assert f"{stage}: the grading" in done.output
    assert f"metrics/{PROFILE}/scores/solver-raw-small-full-s0.csv" in done.output
