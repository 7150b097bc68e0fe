"""The smoke profile through DVC: first the whole graph runs, then nothing does, and after a change
only the stages that it invalidates.
"""

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests import composing
from tests.e2e.project import Project

TARGETS = ("raw", "strong", "truncated_mild", "answer_only")


@pytest.fixture(scope="module")
def project(smoked: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The smoke profile's results for all tests of this file, which run in order."""
    return smoked.copied(tmp_path_factory.mktemp("smoke") / "own")


def leaves(value: Any) -> Iterator[Any]:
    """The scalars in a nest of mappings."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    else:
        yield value


def test_every_cell_leaves_its_results(project: Project) -> None:
    for target in TARGETS:
        cell = f"scripted-{target}-tiny-lora-s0"
        assert (
            project.root / "data/smoke/checkpoints" / cell / "adapter" / "adapter_model.safetensors"
        ).is_file()
        assert (
            json.loads((project.root / f"metrics/smoke/train/{cell}.json").read_text())[0]["steps"]
            > 0
        )
        assert (project.root / f"metrics/smoke/scores/{cell}.csv").read_text().count("\n") > 16


def test_arms_hold_the_same_questions(project: Project) -> None:
    targets = json.loads((project.root / "metrics/smoke/assemble/scripted-tiny.json").read_text())[
        "targets"
    ]
    assert set(targets) == set(TARGETS)
    assert len({target["examples"] for target in targets.values()}) == 1
    sizes = [
        targets[target]["completion_tokens"]
        for target in ("raw", "truncated_mild", "strong", "answer_only")
    ]
    assert sizes == sorted(sizes, reverse=True)


def test_summary_fits_a_screen(project: Project) -> None:
    summary = json.loads((project.root / "metrics/smoke/summary.json").read_text())
    assert 5 < len(list(leaves(summary))) <= 25


def test_figures_and_tables_are_there(project: Project) -> None:
    assert len(list((project.root / "plots/smoke/figures").glob("*.png"))) >= 5
    assert (project.root / "plots/smoke/tables/headline.md").is_file()


def test_plots_hold_the_curves_of_all_cells(project: Project) -> None:
    shown_plots = json.loads(project.run("dvc", "plots", "show", "--json").stdout)
    assert "errors" not in shown_plots
    for name in ("loss", "loss_tokens", "learning_rate", "tokens_per_second"):
        rows = shown_plots["data"][name][0]["content"]["data"]["values"]
        assert {row["cell"] for row in rows} == {
            f"scripted-{target}-tiny-lora-s0" for target in TARGETS
        }
        assert all(row[name.removesuffix("_tokens")] for row in rows)


def test_plots_hold_what_every_arm_did(project: Project) -> None:
    shown_plots = json.loads(project.run("dvc", "plots", "show", "--json").stdout)
    for name, x in (("accuracy_tokens", "tokens"), ("accuracy_budget", "cap")):
        rows = shown_plots["data"][name][0]["content"]["data"]["values"]
        assert {row["target"] for row in rows} == {*TARGETS, "untrained"}
        assert {row["panel"] for row in rows} == {"tiny of scripted, lora"}
        assert all(float(row[x]) > 0 and 0 <= float(row["accuracy"]) <= 100 for row in rows)


def test_second_run_runs_nothing(project: Project) -> None:
    assert project.repro() == set()


def test_trained_questions_have_traces_and_answers_that_move_no_number(project: Project) -> None:
    """Without them all metrics but the page's examples keep their bytes, although all questions are
    answered anew.
    """
    root = project.root / "metrics/smoke"

    def examples() -> list[dict[str, Any]]:
        questions: list[dict[str, Any]] = json.loads((root / "examples.json").read_text())[
            "questions"
        ]
        return [question for question in questions if question["traces"] and question["answers"]]

    def numbers() -> dict[str, bytes]:
        return {
            str(path): path.read_bytes()
            for path in root.rglob("*.*")
            if path.name != "examples.json"
        }

    complete, before = examples(), numbers()
    assert {example["source"] for example in complete} == {"chain_sum", "products", "equations"}
    cells = {f"scripted-{target}-tiny-lora-s0" for target in TARGETS} | {"untrained-tiny"}
    assert all(
        {answer["cell"] for answer in example["answers"]} == cells and example["split"] == "train"
        for example in complete
    )
    assert all(
        {version["target"] for version in example["traces"][0]["versions"]} > {"strong"}
        for example in complete
    )
    shutil.rmtree(project.root / "data/store")
    project.compose("smoke", "evaluate.example_questions=0")
    evaluated = {
        "example_questions",
        "evaluate",
        "evaluate_untrained",
        "score",
        "score_untrained",
        "examples",
        "report",
    }
    assert {name.split("@")[0] for name in project.repro()} == evaluated
    assert (examples(), numbers()) == ([], before)
    project.compose("smoke")
    project.repro()
    assert (examples(), numbers()) == (complete, before)


def test_touched_grading_code_retrains_nothing(project: Project) -> None:
    with (project.root / "stages/core/grading/statement/words.py").open("a") as file:
        file.write("\n# touched\n")
    ran = {name.split("@")[0] for name in project.repro()}
    assert ran == {"questions", "verify", "score", "score_untrained"}


def test_changed_strength_reruns_that_compressors_chain_alone(project: Project) -> None:
    project.compose("smoke", "compressors.strong.max_ratio=0.5")
    chain = {"compress@smoke-scripted-strong", "assemble@smoke-scripted-tiny"}
    # The budgets are in the folder of all compressed traces. Their files come out as they were
    shorteners = composing.declared("smoke")["grid"]["shorteners"]
    chain |= {f"shorten@smoke-scripted-{name}-tiny" for name in shorteners}
    chain |= {"example_questions@smoke-tiny", "examples@smoke", "report@smoke"}
    cell = "smoke-scripted-strong-tiny-lora-s0"
    chain |= {f"train@{cell}", f"evaluate@{cell}"}
    # scores may come out as they were: a tiny random student is wrong either way, and then DVC
    # stops there
    assert project.repro() in (chain, chain | {f"score@{cell}"})


def test_new_student_leaves_the_others_alone(project: Project) -> None:
    path = project.root / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params["grid"]["students"].append("second")
    params["students"]["second"] = params["students"]["tiny"]
    path.write_text(yaml.safe_dump(params))
    changed = json.loads(project.run("dvc", "status", "--json").stdout)
    assert {name for name in changed if "second" not in name} == {"examples@smoke", "report@smoke"}
    assert len(changed) > 12


def test_torn_file_is_named_and_nothing_is_written(project: Project) -> None:
    traces, out = (
        project.root / "data/smoke" / name
        for name in ("traces/scripted.parquet", "compressed/scripted")
    )
    traces.unlink()
    traces.write_bytes(b"PAR1 torn")
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    run = project.run(
        *"python -m stages.compress --profile smoke --teacher scripted --compressor mild".split(),
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.startswith("error: data/smoke/traces/scripted.parquet: not a Parquet file")
    assert run.stderr.count("\n") == 1
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
