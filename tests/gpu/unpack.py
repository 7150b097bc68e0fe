"""Put a portion that pack.py made beside those of earlier calls, and install all wheels when the
last one has come.

The portions may come in any order, and one may come twice. It uses the standard library alone,
because the machine has nothing else.

Run: python3 -m tests.gpu.unpack gpu-parts/1 [--to /tmp/compress-distill]
Installs into <to>/site, which belongs on PYTHONPATH.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"


def sha256(path: Path) -> str:
    """The hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_whole(path: Path, entry: dict[str, Any]) -> bool:
    """Whether a piece is there with the bytes that the manifest names."""
    return (
        path.is_file() and path.stat().st_size == entry["bytes"] and sha256(path) == entry["sha256"]
    )


def take(portion: Path, to: Path) -> list[str]:
    """Copy a portion's piece to `to`, and return the names of the pieces that are still missing.

    Raises ValueError for a damaged piece, a piece of another packing, or a Python that it was not
    packed for.
    """
    manifest = json.loads((portion / MANIFEST).read_text())
    here = ".".join(map(str, sys.version_info[:2]))
    if manifest["python"] != here:
        raise ValueError(
            f"packed for Python {manifest['python']}, this is {here}; pack with --python {here}"
        )
    to.mkdir(parents=True, exist_ok=True)
    kept = to / MANIFEST
    if kept.exists() and json.loads(kept.read_text()) != manifest:
        raise ValueError(
            f"{to} holds pieces of another packing; remove it, and begin with the first portion"
        )
    kept.write_text(json.dumps(manifest))
    for entry in manifest["pieces"]:
        if (piece := portion / entry["name"]).exists():
            if not is_whole(piece, entry):
                raise ValueError(f"{piece}: not the bytes that were packed; pack again")
            shutil.copy(piece, to / piece.name)
    return [
        entry["name"] for entry in manifest["pieces"] if not is_whole(to / entry["name"], entry)
    ]


def join(to: Path) -> Path:
    """Extract the archive whose pieces are all in `to`, and return the folder of its files."""
    files, archive = to / "wheels", to / "wheels.tar"
    with archive.open("wb") as out:
        for entry in json.loads((to / MANIFEST).read_text())["pieces"]:
            with (to / entry["name"]).open("rb") as piece:
                shutil.copyfileobj(piece, out)
    shutil.rmtree(files, ignore_errors=True)
    with tarfile.open(archive) as packed:
        packed.extractall(files, filter="data")
    archive.unlink()
    return files


def install(wheels: Path, site: Path) -> None:
    """Install every wheel into `site`, without its requirements."""
    options = [
        "-q",
        "--no-index",
        "--no-deps",
        "--no-compile",
        "--no-cache-dir",
        "--upgrade",
        "--target",
        str(site),
    ]
    files = sorted(map(str, wheels.glob("*.whl")))
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *files], check=True)


def main() -> None:
    """Take a portion, and install what all of them hold once none is missing."""
    parser = argparse.ArgumentParser()
    parser.add_argument("portion", type=Path)
    parser.add_argument("--to", type=Path, default=Path("/tmp/compress-distill"))
    options = parser.parse_args()
    try:
        missing = take(options.portion, options.to)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    if missing:
        print(f"{options.portion}: taken; still missing: {', '.join(missing)}")
        return
    site = options.to / "site"
    install(join(options.to), site)
    print(f"{options.portion}: taken, and all is installed: export PYTHONPATH={site}")


if __name__ == "__main__":
    main()
