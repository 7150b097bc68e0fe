"""The README's graph is that of dvc.yaml; numbers in the documents are those of tracked files."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import dvc
import pytest
import yaml

from stages.core.questions.items import QuestionSet
from tests.e2e.project import Project
from tests.graph import GRAPH, outputs
from tests.imports import ROOT
from tests.readme import PAGES, README, blocks


def _cells(line: str) -> list[str]:
    """The cells of a line of a Markdown table."""
    return [cell.strip() for cell in line.strip("|").split("|")]


def _headline() -> dict[tuple[str, str], dict[str, str]]:
    """The tracked headline table: by method and target, its cells without intervals by heading."""
    lines = (ROOT / "plots/default/tables/headline.md").read_text().splitlines()
    head, _, *rows = [_cells(line) for line in lines if line.startswith("|")]
    by_heading = [dict(zip(head, row, strict=True)) for row in rows]
    return {
        (row["method"], row["target"]): {name: cell.split(" [")[0] for name, cell in row.items()}
        for row in by_heading
    }


def test_small_table_has_the_numbers_of_the_tracked_one() -> None:
    tracked = _headline()
    (shown,) = re.findall(r"<!-- headline -->\n(.*?)<!-- end -->", README, re.DOTALL)
    _, _, *rows = [_cells(line) for line in shown.splitlines()]
    assert len(rows) == 5
    for target, *numbers in rows:
        lora, full = tracked["lora", target], tracked["full", target]
        assert numbers == [
            lora["accuracy %"],
            full["accuracy %"],
            lora["output tokens"],
            lora["training tokens / raw"],
        ], target


def test_findings_have_the_numbers_of_the_tracked_table() -> None:
    """Each number of the three findings, computed again from the headline table."""
    tracked = _headline()
    accuracies = {arm: float(row["accuracy %"]) for arm, row in tracked.items()}
    reasoning = [
        accuracies[method, target]
        for method in ("lora", "full")
        for target in ("raw", "mild", "strong")
    ]
    written = {arm: float(row["output tokens"]) for arm, row in tracked.items()}
    shorter = [
        written[method, "raw"] / written[method, target]
        for method in ("lora", "full")
        for target in ("mild", "strong")
    ]
    shares = {
        target: float(tracked["lora", target]["training tokens / raw"])
        for target in ("mild", "strong")
    }
    text = " ".join(README.split())
    for words in (
        f"answer {min(reasoning):.0f}% to {max(reasoning):.0f}% correctly",
        f"student answers {accuracies['-', 'untrained']:.0f}%",
        f"`mild` leaves {shares['mild']:.0%} of the tokens to train on",
        f"`strong` leaves {shares['strong']:.0%}",
        f"write {min(shorter):.1f} to {max(shorter):.1f} times fewer tokens",
        f"`mild` is {accuracies['full', 'raw'] - accuracies['full', 'mild']:.0f} points lower",
    ):
        assert words in text, words


def test_graph_is_that_of_dvc() -> None:
    """The README draws every stage of dvc.yaml, and an arrow to each stage that reads its outputs,
    unless a longer path leads there.
    """
    (drawn,) = blocks("mermaid", README)
    arrows = set(re.findall(r"^ +(\w+) --> (\w+)$", drawn, re.MULTILINE))
    assert len(arrows) == len(drawn.splitlines()) - 1
    assert {stage for arrow in arrows for stage in arrow} == set(GRAPH)
    readers = {stage: _readers(stage) for stage in GRAPH}
    direct = {
        (stage, reader)
        for stage in GRAPH
        for reader in readers[stage]
        if not any(reader in _after(other, readers) for other in readers[stage] - {reader})
    }
    assert arrows == direct


def _readers(stage: str) -> set[str]:
    """The stages that depend on an out of `stage`, on a file in it or on a folder around it."""
    return {
        reader
        for reader, entry in GRAPH.items()
        if reader != stage
        and any(
            f"{out}/".startswith(f"{dep}/") or f"{dep}/".startswith(f"{out}/")
            for out in outputs(stage)
            for dep in map(_of_any_target, entry["deps"])
        )
    }


def _of_any_target(dep: str) -> str:
    """A dep with `${item.target}` for the target that it names: raw, or the one of `forced`."""
    return re.sub(r"-(raw|\$\{item\.forced\})-", "-${item.target}-", dep)


def _after(stage: str, readers: dict[str, set[str]]) -> set[str]:
    """Every stage that a path of one or more arrows leads to from `stage`."""
    reached: set[str] = set()
    waiting = [*readers[stage]]
    while waiting:
        following = waiting.pop()
        if following not in reached:
            reached.add(following)
            waiting += readers[following]
    return reached


def test_grading_table_is_the_tracked_one() -> None:
    shown = (ROOT / "stages/core/grading/README.md").read_text()
    for question_set in json.loads((ROOT / "metrics/grading.json").read_text())["sets"].values():
        counts = (
            question_set["right_answers"],
            question_set["false_rejects"],
            question_set["wrong_answers"],
            question_set["false_accepts"],
        )
        assert " | ".join(f"{count:,}" for count in counts) in shown


def test_comment_that_gives_a_measured_figure_names_its_record() -> None:
    """What a comment or docstring of the training says was measured stands in a tracked file that
    it names.
    """
    paths = [*(ROOT / "stages").rglob("*.py"), *(ROOT / "tests/core/training").glob("*.py")]
    parts = [
        (path, part) for path in paths for part in re.split(r"(?<=[.)])\s|\n\n", path.read_text())
    ]
    bare = [
        f"{path.name}: {part}"
        for path, part in parts
        if re.search(r"(?i)\bmeasured\b(?:[^.\n]|\.\d){0,80}\d", part)
        and not re.search(r"metrics/|tests/", part)
    ]
    assert bare == []


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the project without results, to plan in."""
    return Project(tmp_path_factory.mktemp("plans") / "own")


EXAMPLES = {
    name: text
    for text in blocks("yaml")
    for name in re.findall(r"^profile: (\w+)$", text, re.MULTILINE)
}
PLANNED = {  # stages that the default profile does not have
    "mine": {"import_traces@mine-qwen", "train@mine-qwen-strong-smollm2-lora-s0"},
    "half": {
        "compress@half-scripted-half",
        "shorten@half-scripted-truncated_half-smollm2",
        "train@half-scripted-truncated_half-smollm2-full-s0",
    },
    "budgets": {
        "shorten@budgets-scripted-ends_10-smollm2",
        "train@budgets-scripted-ends_30-smollm2-lora-s0",
    },
    "listed": {
        "compress@listed-scripted-listed",
        "train@listed-scripted-listed-smollm2-lora-s0",
    },
    "others": {
        "train@others-scripted-shortest-smollm2-lora-s0",
        "train@others-scripted-hard_raw-smollm2-full-s0",
    },
    "larger": {
        "models@larger-larger",
        "train@larger-scripted-raw-larger-lora-s2",
        "evaluate_untrained@larger-larger",
    },
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_composes_and_is_planned(name: str, clone: Project) -> None:
    (clone.root / f"conf/profile/{name}.yaml").write_text(EXAMPLES[name])
    clone.compose(name)
    params = yaml.safe_load((clone.root / "params.yaml").read_text())
    for source, entry in params["questions"]["sets"].items():
        assert entry is None or QuestionSet(**entry), source
    planned = set(
        re.findall(r"Running stage '([^']+)'", clone.run("dvc", "repro", "--dry", "--force").stdout)
    )
    assert planned >= PLANNED[name]
    assert {stage.partition("@")[2].partition("-")[0] for stage in planned} == {name}
    if name == "mine":
        assert [source for source, entry in params["questions"]["sets"].items() if entry] == [
            "gsm8k"
        ]
        assert not [stage for stage in planned if stage.startswith("generate@")]


DVCS = (
    "lock.py",
    "rwlock.py",
    "utils/strictyaml.py",
)  # files of DVC's that hold messages of the table


def test_troubles_are_those_that_the_code_tells() -> None:
    """The words of a symptom stand in the code, ours or DVC's."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", PAGES["troubleshooting.md"], re.MULTILINE)[2:]
    assert len(rows) >= 8
    ours = [
        *(ROOT / "stages").rglob("*.py"),
        ROOT / "Makefile",
        *map(Path(dvc.__file__).parent.joinpath, DVCS),
    ]
    code = re.sub(r'"\s*f?"', "", "\n".join(path.read_text() for path in ours))
    code = code.replace("{FILE}", "params.yaml")
    told = [
        words
        for symptom, _ in rows
        for words in re.findall(r"`([^`]+)`", symptom)
        if not words.startswith("dvc ")
    ]
    assert len(told) >= 6
    assert not [words for words in told if words not in code]


def test_costs_are_those_that_are_computed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.costs"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    shown = re.search(r"<!-- costs -->\n(.*?)<!-- end -->", PAGES["costs.md"], re.DOTALL)
    assert shown
    assert shown[1].strip() == done.stdout.partition("\n\n")[0]


def test_readme_shows_a_picture() -> None:
    assert re.search(r"!\[[^]]+\]\(plots/default/figures/\w+\.png\)", README)


def test_it_opens_with_the_two_commands() -> None:
    head = "\n".join(README.splitlines()[:25])
    assert "make repro" in head
    assert "make test" in head


def test_it_is_short_enough_to_read() -> None:
    assert len(README.splitlines()) <= 130


def test_page_can_live_in_git() -> None:
    assert 100_000 < (ROOT / "plots/default/report.html").stat().st_size < 2_000_000


def test_learning_rates_are_those_of_the_calibration() -> None:
    """The table of validation accuracies, and that the default profile has the best rate of each
    method.
    """
    with (ROOT / "metrics/calibrate/results.csv").open() as file:
        found = [row for row in csv.DictReader(file) if row["target"] == "raw"]
    table = (ROOT / "conf/profile/README.md").read_text()
    best: dict[str, tuple[float, str]] = {}
    for method in dict.fromkeys(row["method"] for row in found):
        own = {row["source"]: float(row["accuracy"]) for row in found if row["method"] == method}
        (whole,) = (
            row
            for row in found
            if (row["method"], row["group"], row["source"]) == (method, "in_distribution", "all")
        )
        mean = f"{100 * float(whole['accuracy']):.1f} [{100 * float(whole['accuracy_low']):.1f}"
        numbers = [f"{100 * own[source]:.1f}" for source in ("chain_sum", "equations", "products")]
        shown = re.search(
            rf"^\| \*?\*?{method}\*?\*? \| {' . '.join(numbers)} \| .*{re.escape(mean)}",
            table,
            re.MULTILINE,
        )
        assert shown, method
        kind = method.partition("_")[0]
        best[kind] = max(best.get(kind, (0.0, "")), (float(whole["accuracy"]), method))
    methods = yaml.safe_load((ROOT / "conf/profile/calibrate.yaml").read_text())["methods"]
    default = yaml.safe_load((ROOT / "conf/profile/default.yaml").read_text())["methods"]
    for kind, (_, method) in best.items():
        assert default[kind]["learning_rate"] == methods[method]["learning_rate"]
