"""What the README holds, read from it: its commands, its examples and what they print."""

import re
import sys
from pathlib import Path

from tests.imports import ROOT

README = (ROOT / "README.md").read_text()
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


def blocks(kind: str) -> list[str]:
    """The fenced blocks of a kind: sh, console, yaml or text."""
    return [text for language, text in _FENCE.findall(README) if language == kind]


def _bare(line: str) -> str:
    """A command without the comment behind it."""
    return re.sub(r"\s{2,}#.*|\s#\s.*", "", line).strip()


def session() -> list[tuple[str, str]]:
    """The commands of the console blocks, each with what is shown below it."""
    parts = [
        part
        for block in blocks("console")
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    ]
    lines = (part.partition("\n") for part in parts)
    return [(_bare(command), shown) for command, _, shown in lines]


def commands() -> list[str]:
    """Those of the sh blocks, and what the text names; not those of `session`."""
    in_blocks = [_bare(line) for block in blocks("sh") for line in block.splitlines()]
    in_text = re.findall(r"`([^`\n]+)`", _FENCE.sub("", README))
    in_text += [name for block in blocks("console") for name in re.findall(r"`([^`\n]+)`", block)]
    in_blocks += [name for name in in_text if name.startswith(_PROGRAMS)]
    return list(dict.fromkeys(in_blocks))


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
