"""The session of docs/experiments.md, run line by line: what comes has the form of what is
shown.
"""

import json
import re
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.e2e.project import Project
from tests.readme import environment, session

pytestmark = pytest.mark.slow
SHOWN = dict(session())
CONSOLE = list(SHOWN)


def _settled(project: Project, name: str) -> str:
    """How a queued experiment ended."""
    for _ in range(300):
        for line in project.run("dvc", "queue", "status").stdout.splitlines():
            if name in line.split() and line.split()[-1] in ("Success", "Failed"):
                return line.split()[-1]
        time.sleep(1)
    raise AssertionError(f"{name} is still in the queue")


@pytest.fixture(scope="module")
def project(smoked: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The smoke profile's results, not committed yet."""
    clone = smoked.copied(tmp_path_factory.mktemp("experiments") / "own")
    environment(clone.root)
    clone.run("git", "reset", "--quiet", "--soft", "HEAD~1")
    clone.run("git", "config", "user.name", "test")
    clone.run("git", "config", "user.email", "test@localhost")
    yield clone
    clone.run("dvc", "queue", "stop", "--kill")  # the worker would wait for more


@pytest.fixture(scope="module")
def said(project: Project) -> dict[str, str]:
    """What each line of the session printed."""
    found = {}
    for command in CONSOLE:
        if command.startswith("dvc queue start"):  # its worker keeps what it was given as stdout
            subprocess.run(
                ["bash", "-c", command],
                cwd=project.root,
                env=project.env,
                stdout=subprocess.DEVNULL,
                check=True,
            )
            assert _settled(project, "looser") == "Success"
            continue
        found[command] = project.run("env", "COLUMNS=120", "bash", "-c", command).stdout
    return found


def form(text: str) -> list[str]:
    """The words of a table, whatever its numbers, widths and order of rows are."""
    text = re.sub(r"file://\S+/dvc_plots/", "file:///dvc_plots/", text)
    text = re.sub(r"\b[0-9a-f]{7} \[", "# [", text)
    text = re.sub(r"[├└]──", "", text)
    text = re.sub(r"(?<![\w.])-?\d+(\.\d+)?(e-?\d+)?(?![\w.])", "#", text)
    lines = (re.sub(r"-{3,}", "--", " ".join(line.split())) for line in text.splitlines())
    return sorted(line for line in lines if line)


@pytest.mark.parametrize("command", [command for command, shown in SHOWN.items() if shown])
def test_output_has_the_form_that_is_shown(command: str, said: dict[str, str]) -> None:
    assert form(said[command]) == form(SHOWN[command])


def test_shown_numbers_are_of_these_experiments(said: dict[str, str]) -> None:
    """More of a trace is kept, so more tokens are trained on."""
    (table,) = (text for command, text in said.items() if command.startswith("dvc exp show"))
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in table.splitlines()
        if line.startswith("|")
    ]
    place = rows[0].index("train_tokens.strong")
    tokens = {row[0].split()[-1].strip("[]"): float(row[place]) for row in rows[2:]}
    assert tokens["main"] < tokens["loose"] < tokens["looser"] < 1


def test_all_headline_numbers_fit_a_terminal(said: dict[str, str]) -> None:
    lines = said["make exp"].splitlines()
    assert max(map(len, lines)) <= 120
    assert {"main", "loose", "looser"} <= set(lines[0].split())
    assert len(lines) > 10


def test_plots_of_both_are_on_the_page(said: dict[str, str], project: Project) -> None:
    (command,) = (command for command in said if command.startswith("dvc plots diff"))
    page = (project.root / "dvc_plots/index.html").read_text()
    revisions = {json.loads(text) for text in re.findall(r'"rev": ("[^"]*")', page)}
    assert revisions == set(command.split()[3:])
    assert "3_rho.png" in page


def test_queue_and_experiments_can_be_looked_after(said: dict[str, str], project: Project) -> None:
    assert "looser" in project.run("dvc", "queue", "status").stdout
    assert "report@smoke" in project.run("dvc", "queue", "logs", "looser").stdout
    project.run("dvc", "exp", "apply", "looser")
    assert "max_ratio: 0.6" in (project.root / "params.yaml").read_text()
    project.run("dvc", "queue", "stop", "--kill")
