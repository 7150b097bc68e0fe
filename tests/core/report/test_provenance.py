"""Where a cell's numbers come from: its files, stages, params and commits."""

import csv
import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from stages import report
from stages.core.report import captions
from stages.core.statistics.bootstrap import Bootstrap
from tests.synthetic import PROFILE, build, run_report

CELL = "solver-strong-small-lora-s0"
LOCK: dict[str, dict[str, Any]] = {
    f"train@{PROFILE}-{CELL}": {
        "cmd": f"python -m stages.train --cell {CELL}",
        "deps": [
            {"path": "stages/train.py", "md5": "aa"},
            {"path": "data/sft.parquet", "md5": "bb"},
        ],
        "params": {"params.yaml": {"methods.lora": {"learning_rate": 0.002}}},
        "outs": [{"path": "data/checkpoints", "md5": "cc.dir"}],
    },
    f"score@{PROFILE}-{CELL}": {
        "cmd": "python -m stages.score",
        "deps": [{"path": "data/checkpoints/weights", "md5": "cc"}],
        "outs": [{"path": f"metrics/{PROFILE}/scores/{CELL}.csv", "md5": "not it"}],
    },
    "assemble": {
        "cmd": "python -m stages.assemble",
        "deps": [{"path": "data/compressed", "md5": "dd.dir"}],
        "outs": [{"path": "data/sft.parquet", "md5": "bb"}],
    },
    "compress": {
        "cmd": "the rewriting",
        "deps": [],
        "outs": [{"path": "data/compressed/mild.parquet", "md5": "ee"}],
    },
    f"report@{PROFILE}": {
        "cmd": "python -m stages.report",
        "deps": [],
        "params": {"params.yaml": {"report": {"resamples": 200}}},
        "outs": [],
    },
    f"train@{PROFILE}-solver-raw-small-lora-s0": {"cmd": "another's", "deps": [], "outs": []},
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a report's metrics, committed, and a lock file."""
    monkeypatch.chdir(tmp_path)
    build(tmp_path)
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": LOCK}))
    for words in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "All metrics"],
    ):
        subprocess.run(["git", *words], check=True)
    return tmp_path


def explained(cell: str) -> tuple[int, str]:
    """Exit code and output of the command."""
    done = CliRunner().invoke(
        report.main, ["--profile", PROFILE, "--explain", cell], catch_exceptions=False
    )
    return done.exit_code, done.output


def test_explain_names_files_stages_params_hashes_and_commit(root: Path) -> None:
    code, output = explained(CELL)
    assert code == 0
    assert f"metrics/{PROFILE}/scores/{CELL}.csv, 60 answers, md5 " in output
    assert output.count(", All metrics") == 6  # its own and raw's
    assert f"metrics/{PROFILE}/train/solver-raw-small-lora-s0.json, md5 " in output
    assert "params.yaml methods.lora: {'learning_rate': 0.002}" in output
    assert "from data/sft.parquet, md5 bb" in output
    assert "to data/checkpoints, md5 cc.dir" in output
    assert "code: 1 file, " in output
    assert "another's" not in output
    assert not (root / "plots").exists()
    assert "results.csv" not in output


def test_explain_goes_up_to_the_first_stage_and_names_the_reports_params(root: Path) -> None:
    _, output = explained(CELL)
    heads = [line.split(": ")[0] for line in output.splitlines() if not line.startswith(" ")]
    assert heads[2:] == [
        f"report@{PROFILE}",
        f"score@{PROFILE}-{CELL}",
        f"train@{PROFILE}-{CELL}",
        "assemble",
        "compress",
    ]
    assert "params.yaml report: {'resamples': 200}" in output


def test_explain_says_whether_a_file_is_as_in_the_lock(root: Path) -> None:
    path = f"metrics/{PROFILE}/scores/{CELL}.csv"
    assert "as in dvc.lock: no, commit" in explained(CELL)[1]
    locked = dict(LOCK)
    md5 = hashlib.md5((root / path).read_bytes(), usedforsecurity=False).hexdigest()
    locked[f"score@{PROFILE}-{CELL}"] = LOCK[f"score@{PROFILE}-{CELL}"] | {
        "outs": [{"path": path, "md5": md5}]
    }
    (root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": locked}))
    assert f"{path}, 60 answers, md5 {md5}, as in dvc.lock: yes, commit" in explained(CELL)[1]


def test_explain_repeats_the_numbers_of_the_last_report(root: Path) -> None:
    assert run_report().exit_code == 0
    _, output = explained(CELL)
    row = next(
        one
        for one in csv.DictReader((root / f"metrics/{PROFILE}/results.csv").open())
        if [one["target"], one["method"], one["group"], one["source"]]
        == ["strong", "lora", "all", "all"]
    )
    told = f"all, 40 questions: accuracy {row['accuracy']} [{row['accuracy_low']}, {row['accuracy_high']}], tokens "
    assert told in output
    assert f"as in metrics/{PROFILE}/results.csv, not committed as it is now" in output


def test_a_file_that_was_changed_since_is_said_to_be(root: Path) -> None:
    path = root / f"metrics/{PROFILE}/train/{CELL}.json"
    path.write_text(path.read_text() + " ")
    assert "not committed as it is now" in explained(CELL)[1]


def test_cell_that_is_not_of_the_grid_is_named(root: Path) -> None:
    assert explained("solver-none") == (
        1,
        "error: --explain solver-none: no cell of this grid; its cells are named as solver-raw-small-lora-s0\n",
    )


def test_caption_moves_with_the_metrics_that_its_figure_is_made_of(root: Path) -> None:
    metrics = root / "metrics" / PROFILE
    about = captions.About("40 questions", Bootstrap(200, 0.95, 0))
    before = {name: captions.sources(name, metrics, about) for name in captions.FIGURES}
    path = metrics / f"scores/{CELL}.csv"
    path.write_text(path.read_text() + "\n")
    moved = {
        name
        for name, caption in before.items()
        if captions.sources(name, metrics, about) != caption
    }
    tokens = {"5_accuracy_tokens", "5b_accuracy_generated"}
    tokens |= {"9_budget", "11_frontier"}
    assert moved == tokens | {"4_accuracy", "7_truncation", "8_retention_efficiency"}
    assert before["6_cost"].startswith(f"From {metrics}/train (10 files, sha256 ")
    assert (
        "params.yaml: report.resamples 200, report.confidence 0.95, report.seed 0."
        in before["4_accuracy"]
    )
    assert "report." not in before["3_rho"]


def test_every_figure_says_what_it_shows_and_on_which_questions() -> None:
    about = captions.About("40 questions", Bootstrap(200, 0.9, 0))
    descriptions = {name: captions.description(name, about) for name in captions.FIGURES}
    assert not [
        name
        for name, text in descriptions.items()
        if "{" in text or ("question" not in text and name != "3_rho")
    ]
    assert "Intervals are 90 % ones" in descriptions["8_retention_efficiency"]
    assert "40 questions" in descriptions["5_accuracy_tokens"]
    marked = captions.About("40 questions", Bootstrap(200, 0.9, 0), has_paper=True)
    with_paper = {name for name in descriptions if "paper" in captions.description(name, marked)}
    assert with_paper == {
        "3_rho",
        "5_accuracy_tokens",
        "5b_accuracy_generated",
        "6_cost",
        "8_retention_efficiency",
    }
    assert not [name for name, text in descriptions.items() if "paper" in text]
