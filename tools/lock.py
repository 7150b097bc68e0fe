"""Keep a whole copy of dvc.lock, and put it back where a kill left dvc.lock empty or torn.

DVC writes dvc.lock in place after each stage. What ran since the copy was made is not lost: DVC has
it in its run cache. The copy's name holds the commit that it belongs to, because another commit's
dvc.lock may have fewer stages.

Run: python -m tools.lock
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

LOCK, FOLDER = Path("dvc.lock"), Path(".dvc/tmp")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def main() -> None:
    """Restore dvc.lock if it is torn, else copy it."""
    if not LOCK.exists():
        return
    text, copies = LOCK.read_bytes(), sorted(FOLDER.glob("dvc.lock-*"))
    commit = _git("rev-parse", "HEAD").decode().strip()
    copy = FOLDER / f"dvc.lock-{commit}"
    stages = _stages(text)
    if stages is None:
        _restore(copies[-1].read_bytes() if copies else _git("show", f"HEAD:{LOCK}"))
    elif copy in copies and not (_stages(copy.read_bytes()) or set()) <= stages:
        _restore(copy.read_bytes())
    else:
        FOLDER.mkdir(exist_ok=True)
        partial = FOLDER / "dvc.lock.partial"
        partial.write_bytes(text)
        partial.replace(copy)
        for old in copies:
            if old != copy:
                old.unlink()


def _stages(text: bytes) -> set[str] | None:
    """The names of a lock file's stages, None where the file is not whole."""
    try:
        content: Any = yaml.load(text, Loader=_LOADER)
        return set(content["stages"]) if text.endswith(b"\n") else None
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, KeyError):
        return None


def _restore(text: bytes) -> None:
    if _stages(text) is None:
        sys.exit(
            f"error: {LOCK}: empty or torn, and no copy of it is left; `git log {LOCK}` shows commits that have it"
        )
    LOCK.write_bytes(text)
    sys.stderr.write(
        f"{LOCK}: was empty or torn; restored from a copy. What ran since comes from the run cache\n"
    )


def _git(*words: str) -> bytes:
    """What git prints; empty where it fails."""
    return subprocess.run(["git", *words], capture_output=True, check=False).stdout


if __name__ == "__main__":
    main()
