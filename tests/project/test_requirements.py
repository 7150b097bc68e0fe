"""A requirements file pins every package that the code imports, and gives the reason."""

import ast
import importlib.metadata
import re
import sys

import pytest

from tests.imports import ROOT

FILES = (
    "requirements-cpu.txt",
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-nodeps.txt",
    "requirements-moto.txt",
)
LINES = [
    line
    for name in FILES
    for line in (ROOT / name).read_text().splitlines()
    if re.match(r"\w", line)
]
PINNED = {
    canonical
    for line in LINES
    for canonical in [re.split(r"[\[=]", line)[0].lower().replace("_", "-")]
}
OWN = {"stages", "conf", "tests", "tools"}


def modules(folder: str) -> set[str]:
    """The top-level names of all packages of others that a folder's Python files import."""
    names: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add((node.module or "").partition(".")[0])
    return names - OWN - sys.stdlib_module_names


@pytest.mark.parametrize("folder", ["stages", "conf", "tests", "tools"])
def test_every_import_is_pinned(folder: str) -> None:
    distributions = importlib.metadata.packages_distributions()
    needed = {
        name: distributions.get(name, [name])[0].lower().replace("_", "-")
        for name in modules(folder)
    }
    # Only requirements.txt has it, which a machine without a GPU does not install
    needed.pop("vllm", None)
    assert {name for name, package in needed.items() if package not in PINNED} == set()
    assert "vllm" in PINNED


@pytest.mark.parametrize("line", LINES)
def test_every_pin_is_exact_and_has_its_reason(line: str) -> None:
    assert re.fullmatch(r"[\w.\[\],-]+==\S+\s+# \S.*", line)
