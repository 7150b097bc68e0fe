"""Folders that `datasets` reads like data sets of the hub, with the splits and configurations of a
profile.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.hub.rows import row

ROWS = 8  # of each split


def data_set(folder: Path, source: str, entry: dict[str, Any], first: int = 0) -> None:
    """Writes the data set of a question set. Its questions have the numbers from `first` on."""
    files = []
    folder.mkdir(parents=True)
    for part, split in enumerate(sorted(set(entry["files"].values()))):
        start = first + 20 * part
        rows = [
            row(source, start + row_index) | _wanted(entry, row_index)
            for row_index in range(max(ROWS, _kinds(entry)))
        ]
        text = "".join(json.dumps(line) + "\n" for line in rows)
        # `datasets` takes a folder of this name and these files for one that it has read before,
        # whatever they hold
        name = f"{split}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.jsonl"
        (folder / name).write_text(text)
        files.append({"split": split, "path": name})
    card = {"configs": [{"config_name": entry.get("name") or "default", "data_files": files}]}
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(card)}---\n")


def _kinds(entry: dict[str, Any]) -> int:
    """How many rows it takes until each value of the set's `where` has occurred."""
    return max((len(values) for values in entry.get("where", {}).values()), default=0)


def _wanted(entry: dict[str, Any], row_index: int) -> dict[str, str]:
    """The values of `where` for a row. They come by turns, so that each has a row."""
    return {
        name: values[row_index % len(values)] for name, values in entry.get("where", {}).items()
    }


def overrides(folder: Path, sets: dict[str, Any]) -> Iterator[str]:
    """Writes a data set for each question set, and yields the overrides that name and size it."""
    for number, (source, entry) in enumerate(sets.items()):
        data_set(folder / source, source, entry, 40 * number)
        yield f"questions.sets.{source}.dataset={folder / source}"
        for split, size in entry["sizes"].items():
            if size or _kinds(entry) > ROWS:
                rows = ROWS // 2 if "pool" in entry["files"] else ROWS  # a pool has two splits
                yield f"questions.sets.{source}.sizes.{split}={rows}"
