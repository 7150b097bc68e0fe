"""Folders that `datasets` reads as it does the hub's data sets, with the splits and configurations of a profile."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.hub.rows import row

ROWS = 8  # of each split


def data_set(folder: Path, source: str, entry: dict[str, Any], first: int = 0) -> None:
    """Writes the data set of a question set, whose questions are those of the numbers from `first` on."""
    splits = sorted(set(entry["files"].values()))
    files = [{"split": split, "path": f"{split}.jsonl"} for split in splits]
    card = {"configs": [{"config_name": entry.get("name") or "default", "data_files": files}]}
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(card)}---\n")
    for part, split in enumerate(splits):
        numbers = range(first + 20 * part, first + 20 * part + ROWS)
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row(source, n)) + "\n" for n in numbers))


def overrides(folder: Path, sets: dict[str, Any]) -> Iterator[str]:
    """Writes a data set for each of the question sets, and yields the overrides that name and size them."""
    for number, (source, entry) in enumerate(sets.items()):
        data_set(folder / source, source, entry, 40 * number)
        yield f"questions.sets.{source}.dataset={folder / source}"
        for split, size in entry["sizes"].items():
            if size:  # as many as half of a pool, or as the file has
                yield f"questions.sets.{source}.sizes.{split}={ROWS // 2 if 'pool' in entry['files'] else ROWS}"
