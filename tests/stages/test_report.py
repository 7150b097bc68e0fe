"""The report on synthetic metrics of small grids: what it writes, what it refuses, and its edge
cases.
"""

import csv
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from stages.core.cells import UNTRAINED
from stages.core.grid import Grid
from stages.core.records import GROUPS
from stages.core.report import arms, family, paper
from stages.core.report.metrics import load
from stages.core.statistics.significance import detectable, holm_levels
from tests.synthetic import ONE, PROFILE, SMALL, TARGETS, build, run_report


def written(root: Path) -> dict[str, bytes]:
    """Every file that the report writes, by its path."""
    places = [
        root / "plots",
        root / "metrics" / PROFILE / "summary.json",
        root / "metrics" / PROFILE / "results.csv",
    ]
    files = [
        path
        for place in places
        for path in (place.rglob("*") if place.is_dir() else [place])
        if path.is_file()
    ]
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(files)}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_writes_every_table_and_figure_and_the_same_bytes_again(root: Path) -> None:
    build(root)
    assert run_report(drawn=True).exit_code == 0
    first = written(root)
    names = [
        "1_datasets",
        "2_traces",
        "2b_selection",
        "3_compression",
        "4_accuracy",
        "4b_differences",
        "4c_samples",
    ]
    names += [
        "5_lengths",
        "6_cost",
        "6b_amounts",
        "7_truncation",
        "8_retention_efficiency",
        "9_budget",
        "10_break_even",
        "headline",
        *(f"set_set_{letter}_{group}" for group in GROUPS[:2] for letter in "ab"),
    ]
    drawn = [
        "4_accuracy",
        "3_rho",
        "5_accuracy_tokens",
        "6_cost",
        "7_truncation",
        "8_retention_efficiency",
    ]
    drawn += ["5b_accuracy_generated", "9_budget"]
    plots = [f"tables/{name}.{kind}" for name in names for kind in ("md", "tex")]
    plots += [f"figures/{name}.{kind}" for name in drawn for kind in ("png", "svg")]
    plots += ["report.html", "figures/captions.md"]
    plots += [f"vega/{name}.csv" for name in ("training", "accuracy_tokens", "accuracy_budget")]
    metrics = [f"metrics/{PROFILE}/results.csv", f"metrics/{PROFILE}/summary.json"]
    assert set(first) == {f"plots/{PROFILE}/{name}" for name in plots} | set(metrics)
    assert run_report(drawn=True).exit_code == 0
    assert written(root) == first
    assert b"nan" not in first[f"metrics/{PROFILE}/results.csv"].lower()
    dated = (b"dc:date", b"tEXt", str(root).encode())
    assert not [name for name, data in first.items() if any(mark in data for mark in dated)]


def test_budgets_of_one_way_have_a_figure_and_a_table(root: Path) -> None:
    """The other tests of files have neither."""
    budgets = ["step_10", "step_50"]
    compressors = [*SMALL.compressors, *budgets]
    grid = dataclasses.replace(
        SMALL, compressors=compressors, targets=["raw", *budgets], methods=["full"]
    )
    build(root, grid)
    assert run_report(drawn=True).exit_code == 0
    first = written(root)
    plots = f"plots/{PROFILE}"
    rows = first[f"{plots}/tables/11_frontier.md"].decode().splitlines()
    row = "| solver | small | full | s0 | step 10, 50 % |"
    assert [line.startswith(row) for line in rows].count(True) == 2
    assert f"{plots}/figures/11_frontier.svg" in first
    assert b"11_frontier" in first[f"{plots}/figures/captions.md"]
    assert b"Table 11." in first[f"{plots}/report.html"]
    assert run_report(drawn=True).exit_code == 0
    assert written(root) == first


def test_summary_holds_25_scalars_for_five_targets(root: Path) -> None:
    metrics = build(root)
    run_report()
    summary = json.loads((metrics / "summary.json").read_text())
    assert sum(len(part) for part in summary.values()) == 25
    assert list(summary["accuracy"]) == sorted([*TARGETS, UNTRAINED])
    assert summary["train_tokens"]["light"] == 0.3333
    assert summary["train_seconds"]["light"] == 0.4
    assert "raw" not in summary["retention"]


def test_summary_keeps_whole_targets_in_order_while_they_fit(root: Path) -> None:
    more = ["light", "strong", "other", "fourth"]
    metrics = build(
        root,
        dataclasses.replace(
            SMALL, compressors=more, targets=[*TARGETS, *more[2:]], methods=["full"]
        ),
    )
    run_report()
    summary = json.loads((metrics / "summary.json").read_text())
    assert set(summary["accuracy"]) == {"raw", "light", "strong", "other", UNTRAINED}
    assert sum(len(part) for part in summary.values()) <= 25


def rows_of(metrics: Path) -> list[dict[str, str]]:
    """results.csv."""
    with (metrics / "results.csv").open() as file:
        return list(csv.DictReader(file))


def test_results_have_a_row_for_each_run_and_scope(root: Path) -> None:
    metrics = build(root, dataclasses.replace(SMALL, seeds=["s0", "s1"]))
    run_report()
    rows = rows_of(metrics)
    scopes = {(row["group"], row["source"]) for row in rows}
    assert len(scopes) == 1 + 2 + 4
    assert len(rows) == (2 * 5 + 1 + 2 * 2 * 5) * len(scopes)  # arms, and their single runs
    table = (root / "plots" / PROFILE / "tables" / "4_accuracy.md").read_text()
    assert table.count("| s1 |") == 10


TWO = dataclasses.replace(SMALL, methods=["full"], seeds=["s0", "s1"])


def table(root: Path, name: str) -> str:
    """A table in Markdown."""
    return (root / "plots" / PROFILE / "tables" / f"{name}.md").read_text()


def arm_row(metrics: Path, target: str) -> dict[str, str]:
    """The row of a pooled arm's in-distribution questions."""
    (row,) = (
        row
        for row in rows_of(metrics)
        if (row["target"], row["group"], row["source"], row["seed"])
        == (target, "in_distribution", "all", "")
    )
    return row


def test_arms_lacking_seeds_are_compared_over_those_that_both_have(root: Path) -> None:
    """Raw has s0 alone, `light` both: their difference, their ratios and their costs are those of
    s0.
    """
    metrics = build(root, TWO)
    for folder, kind in (("scores", "csv"), ("train", "json"), ("timing", "json")):
        (metrics / folder / f"solver-raw-small-full-s1.{kind}").unlink()
    for path in (metrics / "timing").glob("*-s1.json"):
        path.write_text(path.read_text().replace('"step_seconds": ', '"step_seconds": 7'))
    assert run_report(drawn=True).exit_code == 0
    (alone,) = (
        row
        for row in rows_of(metrics)
        if (row["target"], row["group"], row["source"], row["seed"])
        == ("light", "in_distribution", "all", "s0")
    )
    pooled = arm_row(metrics, "light")
    assert (pooled["seeds"], pooled["seeds_compared"], alone["seeds"]) == ("s0 s1", "s0", "s0")
    for name in (
        "difference",
        "difference_low",
        "p",
        "retention",
        "retention_high",
        "efficiency",
        "train_tokens",
    ):
        assert pooled[name] == alone[name] != "", name
    assert pooled["train_seconds"] == alone["train_seconds"]
    assert float(pooled["step_seconds"]) > 2 * float(alone["step_seconds"])
    rows = [
        line.split(" | ")[4]
        for line in table(root, "4_accuracy").splitlines()
        if "| s0 s1 |" in line
    ]
    assert rows == ["light", "strong", "truncated to light", "answer only"]
    assert "solver-raw-small-full has only seed s0 so far." in table(root, "8_retention_efficiency")
    assert "| s0 | raw | 277 | 1.00 |" in table(root, "6_cost")
    assert "Sums are over an arm's seeds, ratios over those that raw has too." in table(
        root, "6b_amounts"
    )
    assert table(root, "headline").startswith("**small taught by solver, seed s0 and s1**")
    assert table(root, "4_accuracy").count("| raw |") == 1


def test_raw_timed_on_two_devices_has_no_ratio_of_seconds(root: Path) -> None:
    metrics = build(root, TWO)
    path = metrics / "timing" / "solver-raw-small-full-s1.json"
    path.write_text(path.read_text().replace('"cpu"', '"gpu"'))
    assert run_report().exit_code == 0
    summary = json.loads((metrics / "summary.json").read_text())["train_seconds"]
    assert set(summary.values()) == {"not comparable"}
    assert (
        "solver-light-small-full: no ratio of seconds: timed on cpu (2 threads), raw on"
        in table(root, "6_cost")
    )


def test_arms_stay_in_the_grids_order_where_their_first_seed_lacks(root: Path) -> None:
    metrics = build(root, TWO)
    (metrics / "scores" / "solver-raw-small-full-s0.csv").unlink()
    run_report()
    first = list(dict.fromkeys(row["target"] for row in rows_of(metrics)))
    assert first == [*TARGETS, UNTRAINED]


def test_break_even_is_of_the_mean_seed(root: Path) -> None:
    """Raw takes 20 + 90000 / 350 s a seed, `light` 20 + 30000 / 350: 300 s of compression are saved
    in two.
    """
    metrics = build(root, TWO)
    (metrics / "timing" / "solver-raw-small-full-s1.json").unlink()
    run_report()
    (light,) = (line for line in table(root, "10_break_even").splitlines() if "| light |" in line)
    assert light == "| solver | small | full | s0 s1 | light | 500 | 300 | 277 | 106 | 2 |"


def test_without_raw_a_note_says_why_there_are_no_ratios(root: Path) -> None:
    metrics = build(root, dataclasses.replace(SMALL, methods=["full"]))
    (metrics / "scores" / "solver-raw-small-full-s0.csv").unlink()
    assert run_report(drawn=True).exit_code == 0
    shown = table(root, "8_retention_efficiency")
    assert "| light | in_distribution | - | - | - | - |" in shown
    assert (
        "No ratio where raw has not been scored: solver-light-small-full-s0, solver-strong" in shown
    )
    assert "raw's training is not there" in table(root, "6_cost")


@pytest.mark.parametrize(
    ("lost", "why"),
    [
        ((), "No ratio where no answer of raw is right: solver-light-small-full, solver-strong"),
        (
            ("raw-small-full-s1", "light-small-full-s0"),
            "No ratio where no seed in common with raw: solver-light-sm",
        ),
    ],
)
def test_arms_without_a_ratio_are_named_with_the_reason(
    root: Path, lost: tuple[str, ...], why: str
) -> None:
    metrics = build(root, TWO, right=lambda run, rate, draw: bool(lost) or run.target != "raw")
    for cell in lost:
        (metrics / "scores" / f"solver-{cell}.csv").unlink()
    assert run_report(drawn=True).exit_code == 0
    assert why in table(root, "8_retention_efficiency")
    assert why in table(root, "headline")
    assert arm_row(metrics, "light")["retention"] == ""


def test_an_arm_without_its_training_metrics_keeps_its_retention(root: Path) -> None:
    metrics = build(root, dataclasses.replace(SMALL, methods=["full"]))
    run_report()
    before = table(root, "8_retention_efficiency")
    (metrics / "train" / "solver-light-small-full-s0.json").unlink()
    run_report()
    assert table(root, "8_retention_efficiency") == before


def test_differences_are_of_every_group_and_of_the_untrained_student(root: Path) -> None:
    build(root, dataclasses.replace(SMALL, methods=["full"]))
    run_report()
    shown = table(root, "4b_differences")
    rows = [
        line.strip("| ").split(" | ") for line in shown.splitlines() if line.startswith("| solver")
    ]
    of_light = [row[5:8] for row in rows if row[4] == "light"]
    main, other = ["in_distribution", "20"], ["ood_reasoning", "20"]
    assert of_light == [["raw", *main], ["raw", *other], [UNTRAINED, *main]]
    assert [row[5:8] for row in rows if row[4] == "raw"] == [[UNTRAINED, *main]]
    # four arms less raw in two groups, five less the untrained student, and one less truncation
    assert "for all 14 comparisons of tables 4b and 7" in shown
    assert {row[9] for row in rows} <= {"higher", "lower", "not resolved", "no pair differs"}
    for row in rows:
        assert (row[9] in ("higher", "lower")) <= (row[11] == "<0.001" or float(row[11]) < 0.05)
    for name in ("4b_differences", "7_truncation"):
        assert "they do not say what another seed would give" in table(root, name)


def test_detectable_differences_are_those_of_the_verdicts_rule(root: Path) -> None:
    """Each is as many standard errors, which a quarter of its interval is about, as its place in
    Holm's order says.
    """
    build(root, dataclasses.replace(SMALL, methods=["full"]), questions=400, resamples=2000)
    run_report()
    places = {
        "4b_differences": (8, 10, 12),
        "7_truncation": (8, 10, 12),
    }  # difference, p and detectable
    lines = [
        (at, line)
        for name, at in places.items()
        for line in table(root, name).splitlines()
        if "| solver" in line
    ]
    rows = [[line.strip("| ").split(" | ")[place] for place in at] for at, line in lines]
    levels = holm_levels([0.0 if p == "<0.001" else float(p) for _, p, _ in rows], 0.05)
    assert len(levels) == 14
    ratios = []
    for (difference, _, shown), level in zip(rows, levels, strict=True):
        low, high = (float(end) for end in difference.partition("[")[2].strip("]").split(", "))
        ratios.append(float(shown) / detectable((high - low) / 2 / 1.96, level or 0.0))
    assert sum(ratios) / len(ratios) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("seeds", [["s0"], ["s0", "s1"]])
def test_size_of_the_family_is_told_and_is_what_resamples_are_chosen_for(
    root: Path, seeds: list[str]
) -> None:
    grid = dataclasses.replace(SMALL, methods=["full"], seeds=seeds)
    metrics = build(root, grid)
    run_report()
    rows = [row for row in rows_of(metrics) if row["seed"] == "" or seeds == ["s0"]]
    assert {row["comparisons"] for row in rows} | {
        row["comparisons_untrained"] for row in rows
    } == {"14", ""}
    assert all((row["comparisons"] == "") == (row["p_holm"] == "") for row in rows)
    inputs = load(metrics, grid)
    assert family.size(arms.pooled(inputs.answers, grid), inputs) == 14


def test_mean_over_sets_stands_beside_the_pooled_accuracy_where_a_group_has_several(
    root: Path,
) -> None:
    """Sets a are all right, b all wrong: means of 50%; in-distribution a has 7 questions and b 6,
    of OOD both 6.
    """
    metrics = build(root, ONE, questions=25, samples=0)
    for path in (metrics / "scores").iterdir():
        lines = [line.split(",") for line in path.read_text().splitlines()]
        for line in lines[1:]:
            line[4], line[5] = "answered", str(int(line[2].startswith("set_a")))
        path.write_text("\n".join(",".join(line) for line in lines) + "\n")
    assert run_report().exit_code == 0
    heads, _, raw, *_ = table(root, "4_accuracy").splitlines()[2:]
    shown = dict(zip(heads.strip("| ").split(" | "), raw.strip("| ").split(" | "), strict=True))
    assert shown["all %"].startswith("52.0 [")
    assert shown["in_distribution %"].startswith("53.8 [")
    for head in (
        "all, mean of 4 sets %",
        "in_distribution, mean of 2 sets %",
        "ood_reasoning, mean of 2 sets %",
    ):
        assert shown[head] == "50.0"
    (row,) = (
        row
        for row in rows_of(metrics)
        if (row["target"], row["group"], row["source"]) == ("raw", "all", "all")
    )
    assert (row["macro"], row["macro_low"]) == ("0.5", "")
    assert {row["macro"] for row in rows_of(metrics) if row["source"] != "all"} == {""}


def test_a_set_has_a_table_of_its_arms_and_of_its_traces(root: Path) -> None:
    metrics = build(root, dataclasses.replace(SMALL, methods=["full"]), questions=40)
    path = metrics / "questions.json"
    sets = json.loads(path.read_text())["sets"]
    path.write_text(json.dumps({"sets": [*sets, sets[0] | {"source": "only_taught"}]}))
    run_report()
    shown = table(root, "set_set_b_in_distribution")
    assert shown.startswith(
        "**Data set set_b_in_distribution (in_distribution): greedy answers to 10 questions.**"
    )
    own = {
        row["target"]: row for row in rows_of(metrics) if row["source"] == "set_b_in_distribution"
    }
    cells = {
        line.split(" | ")[4]: line.strip("| ").split(" | ")[5:]
        for line in shown.splitlines()
        if "| small" in line
    }
    assert list(cells) == ["raw", "light", "strong", "truncated to light", "answer only", UNTRAINED]
    for target in ("raw", "light", UNTRAINED):
        row, (accuracy, less, retention, reasoning, tokens, *_) = own[target], cells[target]
        assert accuracy.startswith(f"{100 * float(row['accuracy']):.1f} [")
        assert (reasoning, tokens) == tuple(
            f"{float(row[f'{kind}_median']):.0f}" for kind in ("think_tokens", "tokens")
        )
        assert (less == "-") == (target != "light")
        assert (retention == "-") == (target == UNTRAINED)
    assert (
        "solver: 83.3% of first attempts correct; 2,000 traces kept, 812 characters in the mean."
        in shown
    )
    assert "strong of solver: rho 0.200 in the mean, 0.200 in the median." in shown
    assert "none of it is evaluated" in table(root, "set_only_taught")


def test_a_set_that_the_paper_speaks_of_has_its_numbers_below_where_they_are_wanted(
    root: Path,
) -> None:
    metrics = build(root, ONE, questions=12)
    for path in (path for path in metrics.rglob("*") if path.is_file()):
        path.write_text(path.read_text().replace("set_a_in_distribution", "gpqa_diamond"))
    run_report()
    said = "GPQA Diamond: 68.2% of Qwen3.5-397B-A17B's answers are correct, its raw traces have 18,734 characters"
    assert said not in table(root, "set_gpqa_diamond")
    path = root / "params.yaml"
    path.write_text(path.read_text().replace("paper: false", "paper: true"))
    run_report()
    assert said in table(root, "set_gpqa_diamond")
    assert "arXiv" not in table(root, "set_set_b_in_distribution")


def test_majority_and_passes_say_of_how_many(root: Path) -> None:
    build(root, ONE, questions=80, groups=GROUPS[:1], samples=2)
    run_report()
    heads, _, raw, *_ = table(root, "4c_samples").splitlines()[2:]
    assert "| sampled questions | mean % | majority@2 % | pass@2 % |" in heads
    assert raw.split(" | ")[5] == "20"
    assert raw.count("[") == 3


def test_a_changed_answer_moves_its_numbers_alone(root: Path) -> None:
    metrics = build(root, questions=10, samples=0, right=lambda run, rate, draw: False)
    run_report()
    before = rows_of(metrics)
    path = metrics / "scores" / "solver-light-small-full-s0.csv"
    path.write_text(path.read_text().replace("answered,0", "answered,1", 1))
    run_report()
    moved = [
        (row["target"], row["method"], row["group"], row["source"], row["accuracy"])
        for row, old in zip(rows_of(metrics), before, strict=True)
        if row["accuracy"] != old["accuracy"]
    ]
    assert {row[:2] for row in moved} == {("light", "full")}
    assert ("light", "full", "all", "all", "0.1") in moved


def test_a_changed_upstream_number_moves_its_cell_in_the_table(root: Path) -> None:
    metrics = build(root, dataclasses.replace(SMALL, methods=["full"]))
    path = metrics / "verify" / "solver.json"
    path.write_text(path.read_text().replace("812.5", "7654.0", 1))
    run_report()
    tables = root / "plots" / PROFILE / "tables"
    assert (tables / "2_traces.md").read_text().count("7,654") == 1
    (amounts,) = (
        line for line in (tables / "6b_amounts.md").read_text().splitlines() if "| strong |" in line
    )
    shown = ["equal_epochs", "900", "1.00", "225", "14,000", "0.156", "24,000", "1.44e11", "0.240"]
    assert amounts == f"| solver | small | full | s0 | strong | {' | '.join(shown)} |"
    cost = (tables / "6_cost.md").read_text()
    assert "| strong | 60.0 | 0.22 | 4.6x | 400 | yes | 3.50 | cpu (2 threads) |" in cost


@pytest.mark.parametrize(
    ("old", "new", "on"),
    [('"cpu"', '"gpu"', "gpu (2 threads)"), ('"threads": 2', '"threads": 8', "cpu (8 threads)")],
)
def test_seconds_of_another_device_or_other_threads_are_not_divided(
    root: Path, old: str, new: str, on: str
) -> None:
    metrics = build(root)
    path = metrics / "timing" / "solver-strong-small-lora-s0.json"
    path.write_text(path.read_text().replace(old, new))
    run_report()
    tables, why = root / "plots" / PROFILE / "tables", f"timed on {on}, raw on cpu (2 threads)"
    for name in ("6_cost.md", "6_cost.tex", "headline.md"):
        assert f"small-lora-s0: no ratio of seconds: {why}." in (tables / name).read_text()
    assert (
        f"| lora | s0 | strong | 48.0 | - | - | 500 | yes | 3.50 | {on} |"
        in (tables / "6_cost.md").read_text()
    )
    assert json.loads((metrics / "summary.json").read_text())["train_seconds"] == {
        "answer_only": 0.13,
        "light": 0.4,
        "strong": "not comparable",
        "truncated_light": 0.4,
    }
    rows = [row for row in rows_of(metrics) if (row["group"], row["target"]) == ("all", "strong")]
    seconds_by_method = {
        row["method"]: (row["train_seconds"], row["train_seconds_note"], row["device"])
        for row in rows
    }
    assert seconds_by_method == {"lora": ("", why, on), "full": ("0.216495", "", "cpu (2 threads)")}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"steps": 24},
            "steps 24, of solver-raw-small-lora-s0 225: arms of method lora (budget equal_epochs)",
        ),
        ({"passes": 2.0}, "passes 2.0, of solver-raw-small-lora-s0 1.0: arms of method lora"),
        ({"packed": False}, "packed False, of solver-raw-small-lora-s0 True: arms of method lora"),
    ],
)
def test_arms_that_were_trained_otherwise_are_refused(
    root: Path, changes: dict[str, Any], complaint: str
) -> None:
    metrics = build(root, questions=4)
    path = metrics / "train" / "solver-strong-small-lora-s0.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    command = run_report()
    assert command.exit_code == 1
    assert command.output.startswith(f"error: {path.relative_to(root)}: {complaint}")
    assert command.output.count("\n") == 1
    assert not (root / "plots").exists()


def test_metrics_of_an_older_version_ask_for_train(root: Path) -> None:
    metrics = build(root, questions=4)
    path = metrics / "train" / "solver-raw-small-lora-s0.json"
    path.write_text(
        json.dumps({"examples": 900, "completion_tokens": 9, "losses": [[5, 2.0]], "steps": 48})
    )
    command = run_report()
    assert (
        command.output
        == f"error: {path.relative_to(root)}: has no 'passes'; run its train stage again\n"
    )


@pytest.mark.parametrize(
    "lost",
    ["scores/untrained-small.csv", "scores/solver-raw-small-lora-s0.csv", "scores/solver-strong-small-full-s0.csv",
     "train/solver-raw-small-lora-s0.json", "timing/solver-raw-small-lora-s0.json", "verify/solver.json",
     "compress/solver-strong.json", "shorten/solver-truncated_light-small.json", "assemble/solver-small.json",
     "cost/solver-strong.json", "examples.json"],
)  # fmt: skip
def test_a_file_that_is_not_there_yet_is_a_hole_in_the_report(root: Path, lost: str) -> None:
    metrics = build(root, questions=8)
    (metrics / lost).unlink()
    command = run_report(drawn=True)
    assert command.exit_code == 0, command.output
    assert (
        command.output
        == f"warning: metrics/{PROFILE}/{lost}: not there yet; the report leaves it out\n"
    )
    assert f"metrics/{PROFILE}/{lost}" in (root / "plots" / PROFILE / "tables/holes.md").read_text()
    values = [value for row in rows_of(metrics) for value in row.values()]
    assert not {"nan", "inf", "-inf", "None"} & set(values)


def test_half_a_grid_has_the_same_numbers_as_in_the_whole(root: Path) -> None:
    metrics = build(root)
    run_report()
    whole = {
        (row["target"], row["method"], row["group"], row["source"]): row for row in rows_of(metrics)
    }
    for path in (metrics / "scores").glob("*-lora-*"):
        path.unlink()
    run_report()
    half = rows_of(metrics)
    assert {row["method"] for row in half} == {"full", ""}
    for row in half:
        same = whole[row["target"], row["method"], row["group"], row["source"]]
        of_family = ("p_holm", "comparisons", "detectable")
        smaller = dict.fromkeys([*of_family, *(f"{name}_untrained" for name in of_family)], "")
        assert row | smaller == same | smaller


def test_without_scores_or_questions_there_is_no_report(root: Path) -> None:
    metrics = build(root, questions=4)
    (metrics / "questions.json").unlink()
    assert run_report().output.startswith(f"error: metrics/{PROFILE}/questions.json: no such file")
    build(root, questions=4)
    for path in (metrics / "scores").iterdir():
        path.unlink()
    assert (
        run_report().output
        == f"error: metrics/{PROFILE}/scores: no scores of any cell; run `dvc repro`\n"
    )
    assert not (root / "plots").exists()


def test_page_has_headline_figures_and_where_they_come_from(root: Path) -> None:
    build(root)
    run_report(drawn=True)
    text = (root / "plots" / PROFILE / "report.html").read_text()
    headline = (root / "plots" / PROFILE / "tables/headline.md").read_text()
    assert text.count("<figure>") == 8
    assert text.count("<details>") == 14 + 4  # the numbered tables, and one for each set
    for part in re.findall(r"\d+\.\d \[\d+\.\d, \d+\.\d\]", headline):
        assert part in text
    captions = (root / "plots" / PROFILE / "figures/captions.md").read_text()
    assert captions.count("sha256 ") == 10
    for said in re.findall(r"From .*", captions):
        assert said in text


def test_a_changed_number_changes_its_figures_and_captions_alone(root: Path) -> None:
    metrics = build(root)
    run_report(drawn=True)
    before = written(root)
    path = metrics / "timing" / "solver-strong-small-lora-s0.json"
    path.write_text(path.read_text().replace('"step_seconds": 48.0', '"step_seconds": 96.0'))
    run_report(drawn=True)
    moved = {
        name.removeprefix(f"plots/{PROFILE}/")
        for name, data in written(root).items()
        if before[name] != data
    }
    figures = {f"figures/6_cost.{kind}" for kind in ("png", "svg")} | {
        "figures/captions.md",
        "report.html",
    }
    tables = {
        f"tables/{name}.{kind}"
        for name in ("6_cost", "10_break_even", "headline")
        for kind in ("md", "tex")
    }
    metric = {f"metrics/{PROFILE}/{name}" for name in ("summary.json", "results.csv")}
    assert moved == figures | tables | metric


def test_papers_ranges_are_drawn_only_where_they_are_asked_for(root: Path) -> None:
    build(root)
    run_report(drawn=True)
    before = written(root)
    path = root / "params.yaml"
    path.write_text(path.read_text().replace("paper: false", "paper: true"))
    run_report(drawn=True)
    moved = {name for name, data in written(root).items() if before[name] != data}
    tokens = ("5_accuracy_tokens", "5b_accuracy_generated")
    marked = ("3_rho", *tokens, "6_cost", "8_retention_efficiency")
    noted = (
        "2_traces",
        "3_compression",
        "4_accuracy",
        "5_lengths",
        "6_cost",
        "6b_amounts",
        "7_truncation",
    )
    expected = {f"figures/{name}.svg" for name in marked}
    expected |= {f"tables/{name}.md" for name in (*noted, "8_retention_efficiency")}
    moved_names = {name.removeprefix(f"plots/{PROFILE}/") for name in moved}
    assert {name for name in moved_names if name.endswith((".svg", ".md"))} == expected | {
        "figures/captions.md"
    }
    assert f"paper: {paper.QWEN} | {paper.LLAMA} | mean | - | - | 0.142 |" in table(
        root, "3_compression"
    )
    assert b"paper" not in b"".join(
        data for name, data in before.items() if name.endswith((".md", ".tex", ".html"))
    )


@pytest.mark.parametrize(
    "stray", ["scores/solver-raw-small-lora-s9.csv", "train/old.json", "compress/solver-gone.json"]
)
def test_a_stray_file_is_named_and_nothing_written(root: Path, stray: str) -> None:
    metrics = build(root, questions=4)
    (metrics / stray).write_text("{}")
    command = run_report()
    assert (
        command.output
        == f"error: metrics/{PROFILE}/{stray}: not of the grid in params.yaml; delete this stray file\n"
    )
    assert not (root / "plots").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (",answered,", ",unsure,", "line"),
        ("q0004", "q0000", "sample 0 of 'q0000' again"),
        ("q0003", "q9999", "other questions than the runs before it"),
        ("question_id", "id", "its header is not"),
    ],
)
def test_damaged_scores_are_refused(root: Path, old: str, new: str, said: str) -> None:
    metrics = build(root, questions=8, samples=0, right=lambda run, rate, draw: True)
    path = metrics / "scores" / "solver-light-small-lora-s0.csv"
    path.write_text(path.read_text().replace(old, new))
    command = run_report()
    assert command.exit_code == 1
    assert str(path.relative_to(root)) in command.output
    assert said in command.output


def test_a_failing_write_leaves_the_old_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(root, ONE, questions=4)
    run_report()
    before = written(root)

    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    assert "No space left" in run_report().output
    assert written(root) == before
    assert not list(root.rglob("*.partial"))


def test_untrained_students_alone_make_a_report(root: Path) -> None:
    metrics = build(root)
    for path in (metrics / "scores").glob("solver-*"):
        path.unlink()
    assert run_report(drawn=True).exit_code == 0
    assert {row["target"] for row in rows_of(metrics)} == {UNTRAINED}


def test_a_headline_outside_the_grid_is_refused(root: Path) -> None:
    build(root, questions=4)
    path = root / "params.yaml"
    path.write_text(path.read_text().replace("student: small", "student: big"))
    assert "report.headline.student: 'big' is none of small" in run_report().output


@pytest.mark.parametrize(
    ("grid", "options"),
    [
        (ONE, {"questions": 1, "groups": GROUPS[:1], "samples": 0}),
        (SMALL, {"questions": 1, "groups": GROUPS[2:]}),
        (
            dataclasses.replace(SMALL, methods=["full"]),
            {"questions": 12, "right": lambda run, rate, draw: True},
        ),
        (
            dataclasses.replace(SMALL, methods=["full"]),
            {"questions": 12, "right": lambda run, rate, draw: False},
        ),
        (SMALL, {"questions": 12, "right": lambda run, rate, draw: run.target != "raw"}),
        (
            dataclasses.replace(SMALL, teachers=["solver", "other"], seeds=["s0", "s1"]),
            {"questions": 12},
        ),
    ],
    ids=[
        "one run, one question",
        "one question",
        "all right",
        "all wrong",
        "raw wrong",
        "teachers and seeds",
    ],
)
def test_edge_cases_warn_of_nothing_and_divide_by_nothing(
    root: Path, grid: Grid, options: dict[str, Any]
) -> None:
    metrics = build(root, grid, resamples=50, **options)
    assert run_report(drawn=True).exit_code == 0
    values = [value for row in rows_of(metrics) for value in row.values()]
    assert not {"nan", "inf", "-inf", "None"} & set(values)
    table = (root / "plots" / PROFILE / "tables" / "4_accuracy.md").read_text()
    assert "nan" not in table
    assert ("ood" in table) == (options.get("groups") != GROUPS[:1])


def test_groups_of_questions_have_rows_of_their_own_and_figures_name_theirs(root: Path) -> None:
    build(root, ONE, questions=24, groups=GROUPS)
    assert run_report(drawn=True).exit_code == 0
    tables = root / "plots" / PROFILE / "tables"
    for name, rows in (
        ("8_retention_efficiency", 1),
        ("5_lengths", 6),
    ):  # of raw; of raw and untrained, three parts
        text = (tables / f"{name}.md").read_text()
        assert [text.count(f"| {group} |") for group in GROUPS] == [rows] * 3
    captions = (root / "plots" / PROFILE / "figures/captions.md").read_text()
    assert captions.count("8 in-distribution questions") == 5


def test_with_untrained_students_alone_the_figures_say_that_there_is_nothing(root: Path) -> None:
    metrics = build(root, ONE, questions=12)
    (metrics / "scores" / "solver-raw-small-full-s0.csv").unlink()
    assert run_report(drawn=True).exit_code == 0
