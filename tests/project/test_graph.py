"""dvc.yaml against the code: every stage's deps are what it imports, its params what it reads."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo
from dvc.utils.hydra import compose_and_dump

from tests.imports import ROOT, closure, is_docstring_only

GRAPH: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
PROFILES = sorted(path.stem for path in (ROOT / "conf" / "profile").glob("*.yaml"))


def module_of(stage: str) -> str:
    """The module that a stage's command runs."""
    return re.match(r"python -m ([\w.]+)", GRAPH[stage]["cmd"])[1]  # type: ignore[index]


def composed(profile: str, tmp_path: Path) -> dict[str, Any]:
    """The params of a profile as Hydra composes them."""
    target = tmp_path / "params.yaml"
    compose_and_dump(target, str(ROOT / "conf"), None, "config", None, [f"profile={profile}"])
    params: dict[str, Any] = yaml.safe_load(target.read_text())
    return params


# The one import that is deliberately no dep: in generate grading decides only how many samples are
# drawn, verify alone decides what counts, and a change of a grader must not throw away answers that
# were paid for.
NO_DEPS = {"generate": "stages/core/grading/"}
# A folder is a dep where the stage imports this share of its files: fewer lines of dvc.lock, which
# DVC reads and writes anew at each stage, for few needless reruns.
SHARE_OF_A_ROOM = 0.8


def code_deps(stage: str) -> list[Path]:
    """The files and folders of code that a stage declares."""
    return [ROOT / dep for dep in GRAPH[stage]["deps"] if dep.startswith("stages/")]


def imports_of(stage: str) -> set[Path]:
    """The files that a stage's module imports and must declare."""
    module = ROOT / Path(*module_of(stage).split(".")).with_suffix(".py")
    not_declared = ROOT / NO_DEPS.get(stage, "none")
    return {file for file in closure(module) if not file.is_relative_to(not_declared)}


@pytest.mark.parametrize("stage", GRAPH)
def test_every_import_is_covered_by_one_code_dep(stage: str) -> None:
    deps = code_deps(stage)
    for file in imports_of(stage):
        assert sum(file.is_relative_to(dep) for dep in deps) == 1, file


@pytest.mark.parametrize("stage", GRAPH)
def test_code_deps_are_imported(stage: str) -> None:
    imports = imports_of(stage)
    for dep in code_deps(stage):
        if dep.is_file():
            assert dep in imports, dep
        else:
            modules = [path for path in dep.rglob("*.py") if not is_docstring_only(path)]
            assert len(imports.intersection(modules)) >= SHARE_OF_A_ROOM * len(modules), dep


@pytest.mark.parametrize("stage", GRAPH)
def test_files_that_are_read_beside_the_code_are_deps(stage: str) -> None:
    deps, imports = code_deps(stage), imports_of(stage)
    for path in (ROOT / "stages").rglob("*"):
        readers = [
            file for file in imports if file.parent == path.parent and path.name in file.read_text()
        ]
        if path.suffix in (".txt", ".jinja", ".js") and readers:
            assert any(path.is_relative_to(dep) for dep in deps), path


def test_documents_rerun_nothing() -> None:
    with Repo(str(ROOT)) as repo:
        documents = [*(ROOT / "stages").rglob("*.md")]
        assert documents
        assert all(repo.dvcignore.is_ignored_file(str(path)) for path in documents)


@pytest.mark.parametrize("stage", GRAPH)
def test_params_are_what_the_module_declares(stage: str) -> None:
    declared = importlib.import_module(module_of(stage)).PARAMS
    names = {
        re.sub(r"\$\{item\.(\w+)\}", r"{\1}", param) for param in GRAPH[stage].get("params", [])
    }
    assert names == set(declared.values())


@pytest.mark.parametrize("stage", GRAPH)
def test_argv_carries_the_cell_and_nothing_else(stage: str) -> None:
    axes = list(GRAPH[stage]["matrix"])
    named = re.findall(r"--(\w+) \$\{item\.(\w+)\}", GRAPH[stage]["cmd"])
    assert [option for option, _ in named] == [item for _, item in named]
    assert sorted(axes) == sorted(option for option, _ in named)


def test_results_are_cached_and_metrics_are_not() -> None:
    for stage in GRAPH.values():
        for out in [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]:
            path, options = next(iter(out.items())) if isinstance(out, dict) else (out, {})
            assert options.get("cache", True) is path.startswith("data/"), path


@pytest.mark.parametrize("profile", PROFILES)
def test_profile_names_only_what_it_holds(profile: str, tmp_path: Path) -> None:
    params = composed(profile, tmp_path)
    grid = params["grid"]
    assert params["profile"] == profile
    assert grid["profiles"] == [profile]
    assert sorted(grid["generated"] + grid["imported"]) == sorted(grid["teachers"])
    for axis in ("teachers", "compressors", "shorteners", "students", "methods", "seeds"):
        assert set(grid[axis]) <= set(params[axis]), axis
        assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in grid[axis]), axis
    budgets = [params["shorteners"][name].get("budget_of") for name in grid["shorteners"]]
    assert set(budgets) <= {None, *grid["compressors"]}
    targets = {"raw", "answer_only", *grid["compressors"], *grid["shorteners"], *params["targets"]}
    assert set(grid["targets"]) <= targets
    assert set(grid["forced"]) <= set(grid["targets"]) - {"raw", "answer_only"}
    assert bool(grid["forced"]) is (profile == "smoke")
    for axis in ("teacher", "student", "method"):
        assert params["report"]["headline"][axis] in grid[f"{axis}s"]


def test_params_yaml_is_the_composition_of_the_profile_that_it_names(tmp_path: Path) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert composed(params["profile"], tmp_path) == params


def test_all_arms_of_a_method_share_its_params() -> None:
    """A train stage reads its method's params and nothing of its target's."""
    assert not [
        param for param in GRAPH["train"]["params"] if "target" in param or "teacher" in param
    ]


def test_forced_cell_reads_raws_student_and_the_arm_whose_length_it_has() -> None:
    deps = GRAPH["evaluate_forced"]["deps"]
    stems = [dep.rpartition("/")[2] for dep in deps if "item.teacher" in dep]
    raw = "${item.teacher}-raw-${item.student}-${item.method}-${item.seed}"
    arm = raw.replace("raw", "${item.forced}")
    assert stems == [raw, f"{raw}.parquet", f"{arm}.parquet", f"{raw}.parquet"]


@pytest.mark.parametrize(("forced", "count"), [([], 0), (["mild", "strong"], 4)])
def test_there_are_forced_stages_for_what_the_grid_names(
    tmp_path: Path, forced: list[str], count: int
) -> None:
    """Without any the graph is that of a grid before there was `forced`."""
    params = composed("default", tmp_path)
    params["grid"]["forced"] = forced
    params["grid"]["methods"] = ["lora"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    (tmp_path / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text())
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        names = [stage.name for stage in repo.index.stages if "_forced@" in stage.name]
    assert len(names) == count
    assert forced == [] or "score_forced@default-scripted-mild-smollm2-lora-s0" in names
