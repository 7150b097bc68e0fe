"""The curves of training as rows, and the template that draws them, through DVC in a repository of
its own.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from stages.core.cells import Cell
from stages.core.report.figures import curves
from stages.core.report.figures.styles import arm_styles
from tests.core.plots import dvc
from tests.synthetic import PROFILE, SMALL, run_report

ARMS = ("raw", "light", "truncated_light", "untrained")
RAW = Cell("solver", "raw", "small", "lora", "s0")
CUT = Cell("solver", "truncated_light", "small", "lora", "s0")
CURVE = {"curve": [[5, 900, 2.5, 0.001], [10, 1800, 1.5, 0.0005]]}
PLOTS = {
    "loss": "step",
    "loss_tokens": "tokens",
    "learning_rate": "step",
    "tokens_per_second": "step",
}


def test_a_row_for_each_point_of_each_cell() -> None:
    rows = curves.rows(
        ARMS, {RAW: CURVE, CUT: CURVE}, {RAW: {"speeds": [[5, 80.5], [10, 81.0]]}, CUT: {}}
    )
    assert [tuple(row) for row in rows] == [curves.COLUMNS] * 4
    cell = {
        "cell": "solver-raw-small-lora-s0",
        "teacher": "solver",
        "target": "raw",
        "student": "small",
    }
    cell |= {"method": "lora", "seed": "s0", "arm": "raw", "colour": "#000000"}
    step = {
        "step": 10,
        "tokens": 1800,
        "loss": 1.5,
        "learning_rate": 0.0005,
        "tokens_per_second": 81.0,
    }
    assert rows[1] == cell | step
    assert (rows[2]["arm"], rows[2]["colour"]) == (
        "truncated to light",
        arm_styles(ARMS)["truncated_light"].colour,
    )
    assert rows[2]["tokens_per_second"] is None


@pytest.mark.parametrize("trained", [{}, {"curve": []}])
def test_a_cell_without_a_curve_has_no_rows(trained: dict[str, Any]) -> None:
    rows = curves.rows(ARMS, {RAW: trained, CUT: CURVE}, {RAW: {}, CUT: {}})
    assert {row["target"] for row in rows} == {"truncated_light"}


def test_plots_hold_every_cell_and_both_revisions(repository: Path) -> None:
    path = repository / "metrics" / PROFILE / "train" / "solver-raw-small-lora-s0.json"
    path.write_text(path.read_text().replace("3.0", "9.0", 1).replace("[[25, ", "[[24, "))
    assert run_report().exit_code == 0
    shown, compared = (
        dvc("show", *PLOTS, "--json"),
        dvc("diff", "HEAD", "--targets", *PLOTS, "--json"),
    )
    cells = {cell.name for cell in SMALL.cells()[:-1]}
    for plots, revisions in ((shown, {"workspace"}), (compared, {"workspace", "HEAD"})):
        assert "errors" not in plots
        assert set(plots["data"]) == set(PLOTS)
        for (plot,) in plots["data"].values():
            rows = plot["content"]["data"]["values"]
            assert {(row["rev"], row["cell"]) for row in rows} == {
                (rev, cell) for rev in revisions for cell in cells
            }
            assert "<DVC_METRIC" not in json.dumps(plot["content"])
    steps = {row["step"] for row in compared["data"]["loss"][0]["content"]["data"]["values"]}
    assert {"24", "25"} <= steps


def test_each_plot_has_its_axes_and_the_template_names_columns_alone(repository: Path) -> None:
    plots = dvc("show", *PLOTS, "--json")["data"]
    for name, x in PLOTS.items():
        encoding = plots[name][0]["content"]["hconcat"][0]["spec"]["encoding"]
        assert (encoding["x"]["field"], encoding["y"]["field"]) == (x, name.removesuffix("_tokens"))
    template = (repository / ".dvc/plots/training.json").read_text()
    named = set(re.findall(r'"field": "(\w+)"', template)) | set(
        re.findall(r"datum\.(\w+)", template)
    )
    assert named - {"panel", "place", "rev"} <= set(curves.COLUMNS)


def test_a_grid_without_curves_leaves_the_plots_out_and_nothing_fails(repository: Path) -> None:
    for path in (repository / "metrics" / PROFILE / "train").iterdir():
        path.write_text(json.dumps(json.loads(path.read_text()) | {"curve": []}))
    assert run_report().exit_code == 0
    assert (repository / "plots" / PROFILE / "vega/training.csv").read_text() == ",".join(
        curves.COLUMNS
    ) + "\n"
    assert dvc("show", *PLOTS, "--json")["data"] == {name: [] for name in PLOTS}
