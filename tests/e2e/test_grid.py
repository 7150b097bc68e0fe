"""The paper's whole grid on this machine: 80 cells, models in miniature, eight rows a data set.

The teachers are scripted, because random weights are never right. tests/families has a test that
asks miniatures of the real ones (test_paper_families.py).
Two cells run at a time. That takes 40 minutes on two free cores, and 75 were seen on shared ones.

Run: make test-grid
"""

import itertools
import subprocess
from pathlib import Path

import pytest

from tests.e2e.project import Project
from tests.hub import folders
from tests.miniatures import paper

HOURS = 3  # several times what was seen: a shared machine must not end the test
pytestmark = [pytest.mark.grid, pytest.mark.timeout(HOURS * 3600)]
STUDENTS = ("qwen08b", "qwen9b", "llama8b", "gptoss20b")
STAGES = {  # how many of each the grid has
    "models": 4,
    "questions": 1,
    "generate": 2,
    "verify": 2,
    "compress": 4,
    "shorten": 8,
    "assemble": 8,
    "example_questions": 4,
    "train": 80,
    "evaluate": 80,
    "evaluate_untrained": 4,
    "score": 80,
    "score_untrained": 4,
    "examples": 1,
    "report": 1,
}


def overrides(folder: Path) -> list[str]:
    """Overrides that replace the paper's models and data. Stages, files and grid stay the same."""
    written = paper.profile()
    sets = folders.overrides(folder / "sets", written["questions"]["sets"])
    models = [
        override
        for override in paper.overrides(folder / "models")
        if not override.lstrip("~+").startswith("teachers.")
    ]
    teachers = itertools.chain.from_iterable(
        paper.scripted(*entry) for entry in written["teachers"].items()
    )
    return [*sets, *models, *teachers, "report.resamples=200", "report.examples=2"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The composed grid."""
    grid = Project(tmp_path_factory.mktemp("grid"))
    grid.compose("paper", *overrides(tmp_path_factory.mktemp("paper")))
    return grid


def test_plan_is_the_whole_grid(project: Project) -> None:
    # --force: before the first run, a dry run would look in the run cache by deps that do not exist
    planned = project.run("dvc", "repro", "--dry", "--force").stdout
    names = [
        line.split("'")[1] for line in planned.splitlines() if line.startswith("Running stage")
    ]
    counts = {stage: sum(name.partition("@")[0] == stage for name in names) for stage in STAGES}
    assert counts == STAGES
    assert len(names) == sum(STAGES.values())


def test_grid_runs_two_cells_at_a_time(project: Project) -> None:
    stages = project.run("dvc", "stage", "list", "--name-only").stdout.split()
    project.repro(*(name for name in stages if name.startswith("example_questions@")))
    trained = [name.partition("@")[2] for name in stages if name.startswith("train@")]
    cells = [[f"{stage}@{cell}" for stage in ("train", "evaluate", "score")] for cell in trained]
    cells += [
        [f"{stage}_untrained@paper-{name}" for stage in ("evaluate", "score")] for name in STUDENTS
    ]
    assert len(cells) == 84
    workers = [
        subprocess.Popen(
            # -s: without it each worker would also lock the stages that cells share, and the other
            # worker would fail on that lock
            ["dvc", "--wait-for-lock", "repro", "-s", *itertools.chain(*cells[number::2])],
            cwd=project.root,
            env=project.env | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(2)
    ]
    outputs = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(
        output[-3000:] for output in outputs
    )
    assert project.repro() == {"examples@paper", "report@paper"}
    metrics, plots = project.root / "metrics/paper", project.root / "plots/paper"
    assert len(list((metrics / "train").glob("*.json"))) == 80
    assert len(list((metrics / "scores").glob("*.csv"))) == 84
    assert (
        len(list((plots / "figures").glob("*.png")))
        == len(list((plots / "figures").glob("*.svg")))
        == 8
    )
    assert not (plots / "tables/holes.md").exists()
    assert project.repro() == set()
