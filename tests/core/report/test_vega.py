"""What was evaluated as rows for `dvc plots`, and the templates that draw them, through DVC in a
repository.
"""

import csv
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from stages.core.cells import Cell
from stages.core.grid import ALL
from stages.core.report.figures import vega
from stages.core.report.figures.styles import arm_styles
from stages.core.report.results import Result
from stages.core.statistics.measures import Estimate, Lengths
from tests.core.plots import dvc
from tests.synthetic import PROFILE, SMALL, build, measured, run_report

ARMS = ("raw", "light", "untrained")
PLOTS = {"accuracy_tokens": "tokens", "accuracy_budget": "cap"}
COLUMNS = {"accuracy_tokens": vega.POINTS, "accuracy_budget": vega.CURVES}


def result(target: str, method: str = "", accuracy: Estimate = Estimate(0.5, 0.25, 0.75)) -> Result:  # noqa: B008
    """An arm with just what the rows say."""
    lengths = Lengths(mean=21, q1=10, median=20, q3=30, p95=40, maximum=50)
    cell = Cell("solver" if method else "", target, "small", method, "s0" if method else "")
    parts = dict.fromkeys(("lengths", "thinking", "answering"), lengths)
    measure = measured(40, accuracy, 21, **parts)
    return Result(cell, None, {(ALL, ALL): measure})


POOLED = [
    result("raw", "full"),
    result("light", "full"),
    result("raw", "lora"),
    result("untrained"),
]


def test_a_point_for_each_arm_and_the_untrained_one_in_every_panel() -> None:
    points = vega.points(ARMS, POOLED)
    assert [tuple(row) for row in points] == [vega.POINTS] * 5
    assert [(row["panel"], row["target"]) for row in points] == [
        ("small of solver, full", "raw"),
        ("small of solver, full", "light"),
        ("small of solver, full", "untrained"),
        ("small of solver, lora", "raw"),
        ("small of solver, lora", "untrained"),
    ]
    values = {
        "tokens": 20,
        "tokens_q1": 10,
        "tokens_q3": 30,
        "accuracy": 50,
        "accuracy_low": 25,
        "accuracy_high": 75,
    }
    assert points[1].items() >= values.items()
    assert {row["arm"]: row["colour"] for row in points} == {
        arm: arm_styles(ARMS)[arm].colour for arm in ARMS
    }
    assert {row["asked"] for row in points} == {"40 questions"}


def test_a_row_for_each_cap_and_none_where_nothing_was_trained() -> None:
    curves = {result.cell: [Estimate(0.0), Estimate(0.5, 0.25)] for result in POOLED}
    budgets = vega.budgets(ARMS, POOLED[1:2], [4, 8], curves)
    names = ("cap", "accuracy", "accuracy_low", "accuracy_high")
    assert [tuple(row[name] for name in names) for row in budgets] == [
        (4, 0, None, None),
        (8, 50, 25, None),
    ]
    assert [tuple(row) for row in budgets] == [vega.CURVES] * 2
    assert vega.budgets(ARMS, POOLED[3:], [4, 8], curves) == vega.points(ARMS, POOLED[3:]) == []


def test_numbers_are_those_of_the_results(repository: Path) -> None:
    with (repository / "metrics" / PROFILE / "results.csv").open(newline="") as file:
        results = {
            (row["target"], row["method"]): row
            for row in csv.DictReader(file)
            if (row["group"], row["source"]) == ("in_distribution", "all")
        }
    for row in rows("accuracy_tokens", dvc("show", "accuracy_tokens", "--json")):
        result_row = results[row["target"], row["method"]]
        assert row["tokens"] == result_row["tokens_median"]
        assert row["tokens_q1"] == result_row["tokens_q1"]
        for name in ("accuracy", "accuracy_low", "accuracy_high"):
            assert float(row[name]) == pytest.approx(100 * float(result_row[name]), rel=1e-4)
    ends = [
        row
        for row in rows("accuracy_budget", dvc("show", "accuracy_budget", "--json"))
        if row["cap"] == "512"
    ]
    assert {(row["target"], row["method"]) for row in ends} == set(results)


def rows(name: str, plots: dict[str, Any]) -> list[dict[str, str]]:
    """The rows of a plot, from what DVC says."""
    (plot,) = plots["data"][name]
    values: list[dict[str, str]] = plot["content"]["data"]["values"]
    return values


def test_plots_hold_every_arm_in_both_revisions_and_what_moved(repository: Path) -> None:
    path = repository / "metrics" / PROFILE / "scores" / "solver-light-small-lora-s0.csv"
    path.write_text(path.read_text().replace("answered,1", "answered,0"))
    assert run_report().exit_code == 0
    shown, compared = (
        dvc("show", *PLOTS, "--json"),
        dvc("diff", "HEAD", "--targets", *PLOTS, "--json"),
    )
    arms = {(cell.target, cell.method) for cell in SMALL.cells()}
    for plots, revisions in ((shown, {"workspace"}), (compared, {"workspace", "HEAD"})):
        assert "errors" not in plots
        for name in PLOTS:
            plotted = {(row["rev"], row["target"], row["method"]) for row in rows(name, plots)}
            assert plotted == {(rev, *arm) for rev in revisions for arm in arms}
            assert "<DVC_METRIC" not in json.dumps(plots["data"][name][0]["content"])
    accuracies = {}
    for row in rows("accuracy_tokens", compared):
        accuracies.setdefault((row["target"], row["method"]), set()).add(row["accuracy"])
    assert {arm for arm, values in accuracies.items() if len(values) > 1} == {("light", "lora")}


@pytest.mark.parametrize("name", PLOTS)
def test_axes_are_logarithmic_and_the_template_names_columns_alone(
    repository: Path, name: str
) -> None:
    content = dvc("show", name, "--json")["data"][name][0]["content"]
    chart = content["hconcat"][0]
    computed = {step["as"] for step in chart["transform"] if "as" in step}
    computed |= {"place", "nth", "rev"}
    for layer in chart["spec"]["layer"]:
        assert layer["encoding"]["x"]["scale"]["type"] == "log"
        assert layer["encoding"]["color"] == {"field": "colour", "type": "nominal", "scale": None}
    marks = [layer["mark"]["type"] for layer in chart["spec"]["layer"]]
    assert (
        marks
        == {
            "accuracy_tokens": ["rule", "rule", "point", "text"],
            "accuracy_budget": ["area", "line"],
        }[name]
    )
    text = json.dumps(content | {"data": None})
    named = set(re.findall(r'"field": "(\w+)"', text)) | set(re.findall(r"datum\.(\w+)", text))
    assert named | {PLOTS[name]} <= set(COLUMNS[name]) | computed
    parsed = set(content["data"]["format"]["parse"])
    numbers = ("accuracy", "tokens", "cap")
    assert parsed == {column for column in COLUMNS[name] if column.startswith(numbers)}


def test_arms_with_several_seeds_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    build(tmp_path, dataclasses.replace(SMALL, methods=["full"], seeds=["s0", "s1"]), questions=6)
    assert run_report().exit_code == 0
    with (tmp_path / "plots" / PROFILE / "vega/accuracy_tokens.csv").open(newline="") as file:
        targets_and_seeds = [(row["target"], row["seed"]) for row in csv.DictReader(file)]
    assert targets_and_seeds == [(target, "") for target in (*SMALL.targets, "untrained")]
