"""Every command that the README and docs/ name is run, as it stands or as the tables below say."""

import ast
import subprocess

import pytest

from tests.e2e.project import Project
from tests.imports import ROOT
from tests.readme import commands, environment, session

# Their words are the default profile's and a reader's; these are the smoke profile's. "": as
# it stands.
RUN = {
    # what installs or takes long is planned by make, not done
    "make repro": "make --dry-run repro",
    "make test": "make --dry-run test",
    "make test-grid": "make --dry-run test-grid",
    "make repro PROFILE=mine": "make --dry-run repro PROFILE=mine",
    "make repro PYTHON=python3.12": "make --dry-run repro PYTHON=python3.12",
    "PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make repro": (
        "PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make --dry-run repro"
    ),
    "git clone REPOSITORY compress-distill && cd compress-distill": (
        "git clone . compress-distill && cd compress-distill && test -f Makefile && rm -r ../compress-distill"
    ),
    "make install && source .venv/bin/activate": "",
    "dvc repro --force -s report@default": "dvc repro --force -s report@smoke",
    "make repro PROFILE=smoke": "",
    "make params PROFILE=smoke": "",
    "make params": "make params PROFILE=smoke",
    "make params PROFILE=... && dvc repro": "make params PROFILE=smoke && dvc repro",
    "make preflight PROFILE=paper": "make preflight PROFILE=smoke",  # the paper's wants the hub
    "git checkout dvc.lock": "",
    "dvc repro": "",
    "dvc status": "",
    "dvc repro --dry": "",
    "dvc repro --dry --force": "",
    "dvc --wait-for-lock repro": "",
    "dvc plots show": "",
    "python -m stages.report --profile default --explain CELL": (
        "python -m stages.report --profile smoke --explain scripted-raw-tiny-lora-s0"
    ),
    "python -m tools.store list": "",
    "python -m tools.store check": "",
    "python -m tools.store prune": "",
    "python -m tools.costs": "",
    # it composes the default profile, for 25 minutes
    "dvc exp run": "dvc exp run --help",
    "dvc remote add -d store s3://bucket/folder": "dvc remote add -d store store",
    "dvc remote modify store verify true": "",
    "dvc remote modify --local": "dvc remote modify --local store verify true",
    "python -m tools.push": "",
    "dvc push": "",
    "dvc push report@default": "dvc push report@smoke",
    "dvc pull": "",
    "dvc add data/imports/traces/traces.jsonl": (
        "touch data/imports/traces/traces.jsonl && dvc add data/imports/traces/traces.jsonl"
    ),
    # clusters: their shell is read, what they call runs in test_remotes.py
    "conf/launch/slurm.sh": "bash -n conf/launch/slurm.sh",
    "conf/launch/sky.yaml": 'python -c \'import yaml; yaml.safe_load(open("conf/launch/sky.yaml"))["run"]\'',
}
# lines of test_remotes.py, behind `make test-remotes`: several clones and a store
REMOTES = {
    "dvc repro -s report@default": "dvc repro -s report@smoke",
    "dvc pull questions@default verify@default-scripted": "dvc pull questions@smoke verify@smoke-scripted",
    "dvc repro -s models@default-smollm2": "dvc repro -s models@smoke-tiny",
    "dvc repro --downstream compress evaluate_untrained": "",
    "dvc repro --pull": "",
    "conf/launch/slice.sh PROFILE NUMBER COUNT GPUS": "conf/launch/slice.sh smoke",
}
# told in the text, run in test_readme_experiments.py
EXPERIMENTS = {
    "dvc queue status",
    "dvc queue logs looser",
    "dvc exp apply looser",
    "dvc queue stop --kill",
}


@pytest.fixture(scope="module")
def project(smoked: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the smoke profile's results in which the commands run one after another."""
    clone = smoked.copied(tmp_path_factory.mktemp("readme") / "own")
    environment(clone.root)
    return clone


def test_every_command_is_known_and_none_is_left_over() -> None:
    assert sorted(commands()) == sorted(RUN.keys() | REMOTES.keys() | EXPERIMENTS)
    assert session()


@pytest.mark.parametrize("command", RUN)
def test_command_runs(command: str, project: Project) -> None:
    done = project.run("bash", "-c", RUN[command] or command)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", REMOTES)
def test_command_is_a_line_of_the_tests_of_remotes(command: str) -> None:
    lines = set()
    for node in ast.walk(ast.parse((ROOT / "tests/e2e/test_remotes.py").read_text())):
        words = (
            node.args
            if isinstance(node, ast.Call)
            else node.elts
            if isinstance(node, ast.List)
            else []
        )
        line = " ".join(
            word.value
            for word in words
            if isinstance(word, ast.Constant) and isinstance(word.value, str)
        )
        by_repro = (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "repro"
        )
        lines.add(f"dvc repro {line}" if by_repro else line)
    assert any(
        line == (REMOTES[command] or command) or line.startswith(f"{REMOTES[command]} 2")
        for line in lines
    )


def test_dry_run_of_a_fresh_clone_needs_force(
    smoked: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What the table of troubles says of it."""
    clone = smoked.cloned(tmp_path_factory.mktemp("clone") / "own")
    assert "No such file or directory" in clone.run("dvc", "repro", "--dry", check=False).stderr
    planned = clone.run("dvc", "repro", "--dry", "--force").stdout
    stages = subprocess.check_output(
        ["dvc", "stage", "list", "--name-only"], cwd=clone.root, env=clone.env, text=True
    )
    assert planned.count("Running stage") == len(stages.split())
