"""The paths of stages/core/paths.py are what dvc.yaml names."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core import paths
from stages.core.cells import Cell
from tests.imports import ROOT

GRAPH: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
AXES = ("profile", "teacher", "target", "student", "method", "seed", "compressor", "shortener")
ITEM = {axis: f"${{item.{axis}}}" for axis in AXES}
DATA = paths.data(ITEM["profile"])
CELL = Cell(*(ITEM[axis] for axis in ("teacher", "target", "student", "method", "seed")))


def outs(stage: str) -> set[str]:
    """The paths that a stage declares to write."""
    entry = GRAPH[stage]
    listed = [*entry.get("outs", []), *entry.get("metrics", [])]
    return {next(iter(out)) if isinstance(out, dict) else out for out in listed}


@pytest.mark.parametrize(
    ("stage", "path"),
    [
        ("models", DATA.model(ITEM["student"])),
        ("questions", DATA.questions),
        ("questions", DATA.near_duplicates),
        ("questions", paths.metrics(ITEM["profile"]) / "questions.json"),
        ("generate", DATA.responses(ITEM["teacher"])),
        ("generate", paths.metric(ITEM["profile"], "cost", ITEM["teacher"])),
        ("import_traces", DATA.responses(ITEM["teacher"])),
        ("verify", DATA.traces(ITEM["teacher"])),
        ("verify", DATA.disagreements("verify", ITEM["teacher"])),
        ("compress", DATA.compressed(ITEM["teacher"], ITEM["compressor"])),
        ("shorten", DATA.shortened(ITEM["teacher"], ITEM["student"], ITEM["shortener"])),
        ("assemble", DATA.sft(ITEM["teacher"], ITEM["student"])),
        ("example_questions", DATA.example_questions(ITEM["student"])),
        ("train", DATA.checkpoint(CELL)),
        ("train", paths.metric(ITEM["profile"], "timing", CELL.name)),
        ("evaluate", DATA.predictions(CELL)),
        ("evaluate", DATA.example_predictions(CELL)),
        ("evaluate_untrained", DATA.predictions(Cell.untrained(ITEM["student"]))),
        ("score", DATA.scores(CELL)),
        ("score", DATA.example_scores(CELL)),
        ("score", DATA.disagreements("score", CELL.name)),
        ("score_untrained", DATA.example_scores(Cell.untrained(ITEM["student"]))),
        ("report", paths.plots(ITEM["profile"]) / "report.html"),
    ],
)
def test_a_path_is_an_out_of_its_stage(stage: str, path: Path) -> None:
    assert str(path) in outs(stage)


def test_every_path_is_tested() -> None:
    names = {name for name in vars(paths.DataPaths) if not name.startswith("_")}
    source = Path(__file__).read_text()
    assert {name for name in names if f"DATA.{name}" not in source} == {"checkpoints"}
