"""The smoke profile through DVC: the whole graph runs, a second time nothing does, and then only what is invalid."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.project import Project

TARGETS = ("raw", "mild", "strong", "truncated_mild", "answer_only")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The smoke profile, run once for all tests of this file, which run in order."""
    found = Project(tmp_path_factory.mktemp("smoke"))
    found.compose("smoke")
    ran = found.repro()
    assert {name.split("@")[0] for name in ran} == set(
        yaml.safe_load((found.root / "dvc.yaml").read_text())["stages"]
    ) - {"import_traces"}
    return found


def cells(stage: str, target: str) -> set[str]:
    """The cells of `stage` for one target, over the smoke profile's methods."""
    return {f"{stage}@smoke-scripted-{target}-tiny-{method}-s0" for method in ("lora", "full")}


def leaves(value: Any) -> Iterator[Any]:
    """The scalars in a nest of mappings."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    else:
        yield value


def test_every_cell_leaves_its_results(project: Project) -> None:
    for target in TARGETS:
        for method in ("lora", "full"):
            cell = f"scripted-{target}-tiny-{method}-s0"
            assert (project.root / "data/smoke/checkpoints" / cell / "model.safetensors").is_file()
            assert json.loads((project.root / f"metrics/smoke/train/{cell}.json").read_text())["steps"] > 0
            assert (project.root / f"metrics/smoke/scores/{cell}.csv").read_text().count("\n") > 16


def test_arms_hold_the_same_questions(project: Project) -> None:
    made = json.loads((project.root / "metrics/smoke/assemble/scripted-tiny.json").read_text())["targets"]
    assert set(made) == set(TARGETS)
    assert len({target["examples"] for target in made.values()}) == 1
    assert made["truncated_mild"]["completion_tokens"] <= made["mild"]["completion_tokens"]


def test_summary_fits_a_screen(project: Project) -> None:
    summary = json.loads((project.root / "metrics/smoke/summary.json").read_text())
    assert 5 < len(list(leaves(summary))) <= 25


def test_figures_and_tables_are_there(project: Project) -> None:
    assert len(list((project.root / "plots/smoke/figures").glob("*.png"))) >= 5
    assert (project.root / "plots/smoke/tables/headline.md").is_file()


def test_second_run_runs_nothing(project: Project) -> None:
    assert project.repro() == set()


def test_touched_grading_code_retrains_nothing(project: Project) -> None:
    with (project.root / "stages/core/grading/read.py").open("a") as file:
        file.write("\n# touched\n")
    ran = {name.split("@")[0] for name in project.repro()}
    assert ran == {"questions", "verify", "score", "score_untrained"}


def test_changed_strength_reruns_that_compressors_chain_alone(project: Project) -> None:
    project.compose("smoke", "compressors.strong.max_ratio=0.5")
    chain = {"compress@smoke-scripted-strong", "assemble@smoke-scripted-tiny", "report@smoke"}
    for stage in ("train", "evaluate", "score"):
        chain |= cells(stage, "strong")
    # scores may come out as they were: a tiny random student is wrong either way, and then DVC stops there
    assert project.repro() in (chain, chain - cells("score", "strong"))


def test_new_student_leaves_the_others_alone(project: Project) -> None:
    path = project.root / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params["grid"]["students"].append("second")
    params["students"]["second"] = params["students"]["tiny"]
    path.write_text(yaml.safe_dump(params))
    changed = json.loads(project.run("dvc", "status", "--json").stdout)
    assert {name for name in changed if "second" not in name} == {"report@smoke"}
    assert len(changed) > 30


def test_corrupt_result_is_not_used(project: Project) -> None:
    """A stage that fails leaves no out that DVC, or the next stage, could take for a result."""
    traces = Path("data/smoke/traces/scripted.parquet")
    (project.root / traces).unlink()
    (project.root / traces).write_bytes(b"PAR1 torn")
    run = project.run(
        "python",
        "-m",
        "stages.compress",
        "--profile",
        "smoke",
        "--teacher",
        "scripted",
        "--compressor",
        "mild",
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.startswith(f"error: {traces}: not a Parquet file")
    assert run.stderr.count("\n") == 1
