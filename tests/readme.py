"""What the README and the pages in docs/ hold: their commands, their examples and what these print."""

import itertools
import re
import sys
from pathlib import Path

from tests.imports import ROOT

README = (ROOT / "README.md").read_text()
PAGES = {path.name: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
DOCUMENTS = "\n".join([README, *PAGES.values()])
_PROGRAMS = (
    "make ",
    "dvc ",
    "python ",
    "git ",
    "source ",
    "conf/launch/",
    "accelerate ",
    "ray ",
    "PIP_EXTRA_INDEX_URL=",
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(language: str, text: str = DOCUMENTS) -> list[str]:
    """The fenced blocks of a language: sh, console, yaml, mermaid."""
    return [block for marked, block in _FENCE.findall(text) if marked == language]


def table(page: str, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading of a page, cell by cell, its head first."""
    section = PAGES[page].partition(f"\n{heading}\n")[2]
    lines = itertools.takewhile(
        lambda line: line.startswith("|"),
        itertools.dropwhile(lambda line: not line.startswith("|"), section.splitlines()),
    )
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [head, *rows]


def code_words(cell: str) -> list[str]:
    """What stands in backticks in a cell of a table."""
    return re.findall(r"`([^`]+)`", cell)


def _without_comment(line: str) -> str:
    """A command without the comment behind it."""
    return re.sub(r"\s{2,}#.*|\s#\s.*", "", line).strip()


def session() -> list[tuple[str, str]]:
    """The commands of the console blocks, each with the output that is shown below it."""
    parts = []
    for block in blocks("console"):
        parts += re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    lines = (part.partition("\n") for part in parts)
    return [(_without_comment(command), output) for command, _, output in lines]


def commands() -> list[str]:
    """The commands of the sh blocks, and those that the text names in backticks; without those of
    `session`.
    """
    listed = [_without_comment(line) for block in blocks("sh") for line in block.splitlines()]
    texts = [_FENCE.sub("", DOCUMENTS), *blocks("console")]
    quoted = [name for text in texts for name in re.findall(r"`([^`\n]+)`", text)]
    return list(dict.fromkeys(listed + [name for name in quoted if name.startswith(_PROGRAMS)]))


def environment(root: Path) -> None:
    """Gives a copy of the project a .venv that is this Python's own, so that make has nothing to
    install.
    """
    (root / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if not path.name.startswith("installed-"):
            (root / ".venv" / path.name).symlink_to(path)
    for name in ("cpu", "gpu", "dev"):
        (root / ".venv" / f"installed-{name}").touch()
