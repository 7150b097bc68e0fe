"""Keep a whole copy of dvc.lock, and put it back where a kill left dvc.lock empty or torn.

DVC writes dvc.lock in place after each stage. Stages that ran since the copy was made are not lost,
because DVC has them in its run cache. The copy's name holds the commit that it belongs to: the
dvc.lock of another commit may have fewer stages.

Run: python -m tools.lock
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

LOCK = Path("dvc.lock")
FOLDER = Path(".dvc/tmp")
# The first is much faster, where it is built
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def main() -> None:
    """Restore dvc.lock if it is torn or lacks stages of this commit's copy; copy it otherwise.

    Exits with 1 where it is torn and there is nothing to restore it from.
    """
    if not LOCK.exists():
        return
    text = LOCK.read_bytes()
    copies = sorted(FOLDER.glob("dvc.lock-*"))
    commit = _git("rev-parse", "HEAD").decode().strip()
    copy = FOLDER / f"dvc.lock-{commit}"
    stages = _stages(text)
    if stages is None:  # a kill left it empty or torn
        _restore(copies[-1].read_bytes() if copies else _git("show", f"HEAD:{LOCK}"))
    elif copy in copies and not (_stages(copy.read_bytes()) or set()) <= stages:
        # Whole YAML, but shorter than before: the kill came between two entries
        _restore(copy.read_bytes())
    else:
        _write_copy(copy, text)
        for old_copy in copies:
            if old_copy != copy:
                old_copy.unlink()


def _stages(text: bytes) -> set[str] | None:
    """The names of a lock file's stages, or None where the file is not whole."""
    try:
        content: Any = yaml.load(text, Loader=_LOADER)
        return set(content["stages"]) if text.endswith(b"\n") else None
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, KeyError):
        return None


def _write_copy(copy: Path, text: bytes) -> None:
    """Writes the copy whole or not at all."""
    FOLDER.mkdir(exist_ok=True)
    partial = FOLDER / "dvc.lock.partial"
    partial.write_bytes(text)
    partial.replace(copy)


def _restore(text: bytes) -> None:
    """Writes dvc.lock from a copy and says so. Exits with 1 where the copy is not whole."""
    if _stages(text) is None:
        sys.exit(
            f"error: {LOCK}: empty or torn, and no copy of it is left; "
            f"`git log {LOCK}` shows commits that have it"
        )
    LOCK.write_bytes(text)
    sys.stderr.write(
        f"{LOCK}: was empty or torn; restored from a copy. "
        "What ran since comes from the run cache\n"
    )


def _git(*arguments: str) -> bytes:
    """What git prints; empty where it fails."""
    return subprocess.run(["git", *arguments], capture_output=True, check=False).stdout


if __name__ == "__main__":
    main()
