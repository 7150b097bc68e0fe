"""DVC's own time on the paper's grid, against empty pipelines with as many stages and outs.

It times `dvc status` and a `dvc repro` that has nothing to do, by turns. Small files stand in for
the results.
"""

import importlib.util
import json
import operator
import statistics
import time
from pathlib import Path
from typing import Any

import yaml
from dvc.utils.serialize import modify_yaml

from tests.e2e.project import Project

ROUNDS = 5
LIMIT = {"ratio": 1.2}
COMMANDS = {"status": ("dvc", "status"), "repro": ("dvc", "repro")}
# What a peer's stages have besides a command and outs. The limit is about "empty"
PEERS = {"empty": (), "data_deps": ("data",), "all_deps": ("data", "code", "params")}
_LIST = """
import json, sys
from dvc.repo import Repo
stages = [
    {
        "outs": [[out.def_path, out.use_cache] for out in stage.outs],
        "files": [dep.def_path for dep in stage.deps if not hasattr(dep, "params")],
        "params": [name for dep in stage.deps if hasattr(dep, "params") for name in dep.params],
    }
    for stage in Repo().index.stages
]
json.dump(stages, open(sys.argv[1], "w"))
"""


def bench(folder: Path) -> dict[str, Any]:
    """Median seconds of each command on our grid and on its peers, and ours over theirs."""
    ours = Project(folder / "ours")
    ours.compose("paper")
    ours.run("python", "-c", _LIST, str(folder / "stages.json"))
    stages = json.loads((folder / "stages.json").read_text())
    projects = {"ours": ours} | {
        name: peer(folder / name, ours, stages, kinds) for name, kinds in PEERS.items()
    }
    for project in projects.values():
        settle(project, stages)
    seconds = {name: timed(projects, command) for name, command in COMMANDS.items()}
    return {
        "stages": len(stages),
        "outs": sum(len(stage["outs"]) for stage in stages),
        "deps": sum(len(stage["files"]) for stage in stages),
        "seconds": {command: _medians(times) for command, times in seconds.items()},
        "ratio": {command: _ratios(times) for command, times in seconds.items()},
        "lock": lock_rewriting(ours.root / "dvc.lock"),
        "c_parser": importlib.util.find_spec("_ruamel_yaml") is not None,
        "limit": LIMIT,
    }


def lock_rewriting(path: Path) -> dict[str, float]:
    """Seconds for reading and writing dvc.lock as DVC does it after each stage that ran.

    They grow with the lines, so `seconds_at_400` is their share for 400 entries like these.
    """
    entries = len(yaml.safe_load(path.read_text())["stages"])
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        with modify_yaml(str(path)):
            pass
        seconds.append(time.perf_counter() - started)
    median = statistics.median(seconds)
    lines = len(path.read_text().splitlines())
    return {
        "entries": entries,
        "lines_an_entry": round(lines / entries, 1),
        "seconds": round(median, 2),
        "seconds_at_400": round(median * 400 / entries, 2),
    }


def _medians(times: dict[str, list[float]]) -> dict[str, float]:
    """The median seconds of each project."""
    return {project: round(statistics.median(rounds), 2) for project, rounds in times.items()}


def _ratios(times: dict[str, list[float]]) -> dict[str, float]:
    """For each peer, the median over the rounds of our seconds over its seconds."""
    medians = {}
    for peer_name in PEERS:
        ratios = map(operator.truediv, times["ours"], times[peer_name])
        medians[peer_name] = round(statistics.median(ratios), 3)
    return medians


def peer(
    root: Path, ours: Project, stages: list[dict[str, Any]], kinds: tuple[str, ...]
) -> Project:
    """A pipeline of the same stages and outs, with these kinds of deps only. Its commands do
    nothing.
    """
    project = ours.copied(root)
    stages_by_name = {f"s{number:03}": _stage(stage, kinds) for number, stage in enumerate(stages)}
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages_by_name}, sort_keys=False))
    return project


def _stage(stage: dict[str, Any], kinds: tuple[str, ...]) -> dict[str, Any]:
    deps = [
        name
        for name in stage["files"]
        if ("code" if name.startswith("stages/") else "data") in kinds
    ]
    outs = [name if cached else {name: {"cache": False}} for name, cached in stage["outs"]]
    params = stage["params"] if "params" in kinds else []
    return (
        {"cmd": "true", "outs": outs}
        | ({"deps": deps} if deps else {})
        | ({"params": params} if params else {})
    )


def settle(project: Project, stages: list[dict[str, Any]]) -> None:
    """Writes a small file in the place of each out, and has DVC take them for the results."""
    outs = [project.root / name for stage in stages for name, _ in stage["outs"]]
    inner = [project.root / name for stage in stages for name in stage["files"]]
    for path in outs:  # what has no suffix is a folder
        (path if not path.suffix else path.parent).mkdir(parents=True, exist_ok=True)
    for path in [*(path if path.suffix else path / "file" for path in outs), *inner]:
        if not path.exists():
            path.write_text(str(path.relative_to(project.root)))
    project.run("dvc", "commit", "--force", "--quiet")
    status = project.run("dvc", "status").stdout
    assert "up to date" in status, status[-300:]


def timed(projects: dict[str, Project], command: tuple[str, ...]) -> dict[str, list[float]]:
    """Seconds of a command in each project, by turns.

    The first round warms the caches and is left out.
    """
    seconds: dict[str, list[float]] = {name: [] for name in projects}
    for _ in range(ROUNDS + 1):
        for name, project in projects.items():
            began = time.perf_counter()
            output = project.run(*command).stdout
            seconds[name].append(time.perf_counter() - began)
            assert "Running" not in output, output[-300:]
    return {name: times[1:] for name, times in seconds.items()}
