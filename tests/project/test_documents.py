"""Links and names of files in the documents lead somewhere; the project's own files agree."""

import re
from pathlib import Path

import pytest
import yaml

from tests.imports import ROOT

DOCUMENTED_FOLDERS = ("docs", "conf", "stages", "data/imports")


def _documents() -> list[Path]:
    """The Markdown files that people write."""
    below = [path for name in DOCUMENTED_FOLDERS for path in (ROOT / name).rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *below])


def _anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", _documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


FILE_NAME = re.compile(r"`((?:stages|tools|tests|conf)/[\w./-]+)`")


@pytest.mark.parametrize("document", _documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_is_named_is_there(document: Path) -> None:
    """A name with a placeholder is not looked for."""
    for name in FILE_NAME.findall(document.read_text()):
        assert (ROOT / name).exists(), name


def test_hooks_are_those_of_make_lint() -> None:
    """They come from .venv, so that their versions are those of requirements-dev.txt."""
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    programs = [hook["entry"].removesuffix(" --force-exclude") for hook in local["hooks"]]
    assert programs == [".venv/bin/ruff check", ".venv/bin/ruff format", ".venv/bin/mypy"]
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert lint
    assert [line.split()[0] for line in lint[1].splitlines()] == ["ruff", "ruff", "mypy"]


def test_github_runs_what_ci_runs() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    commands = [step.get("run") for step in workflow["jobs"]["test"]["steps"]]
    assert commands[-1] == ".ci/run"


def test_citation_names_the_paper_and_the_licence() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    (paper,) = citation["references"]
    assert paper["identifiers"][0]["value"] == "arXiv:2606.05988"
    assert citation["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()
