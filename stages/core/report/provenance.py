"""Where a cell's numbers come from: its files, stages, params, hashes and commits."""

import csv
import dataclasses
import hashlib
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from stages.core.cells import UNTRAINED, Cell
from stages.core.grid import ALL
from stages.core.program.errors import StageError
from stages.core.report.captions import count_files

LOCK = Path("dvc.lock")
# The loader in C reads long files much faster, but not every installation has it
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A stage's entry in dvc.lock: its cmd, deps, params and outs
Entry = Mapping[str, Any]


def find(cells: Sequence[Cell], name: str) -> Cell:
    """The cell called `name`. Raises StageError for one that is not of the grid."""
    for cell in cells:
        if cell.name == name:
            return cell
    raise StageError(
        f"--explain {name}: no cell of this grid; its cells are named as {cells[0].name}"
    )


def explain(root: Path, profile: str, cell: Cell) -> Iterator[str]:
    """Lines on a cell: its numbers, their files, and every stage upstream, latest first.

    The files of raw, which the numbers are relative to, are among them. Files come with their MD5,
    with whether dvc.lock has the same, and with their commit.
    """
    entries = _locked_entries()
    locked_md5 = {
        out["path"]: out["md5"] for entry in entries.values() for out in entry.get("outs", ())
    }
    yield from _numbers(root / "results.csv", cell)
    yield f"{cell.name}: the files of its numbers"
    yield from _files(root, cell, locked_md5)
    if cell.target not in ("raw", UNTRAINED):
        raw = dataclasses.replace(cell, target="raw")
        yield f"{raw.name}: the files that its ratios and differences are relative to"
        yield from _files(root, raw, locked_md5)

    last_stage = f"{_score_stage(cell)}@{profile}-{_item(cell)}"
    for name in [f"report@{profile}", *_upstream(entries, last_stage)]:
        if name in entries:
            yield from _describe_stage(name, entries[name])


def _score_stage(cell: Cell) -> str:
    """The stage of dvc.yaml that grades a cell."""
    if cell.forced:
        return "score_forced"
    return "score" if cell.trained else "score_untrained"


def _item(cell: Cell) -> str:
    """What DVC names a cell's item of that stage: its axes in the order of dvc.yaml."""
    if cell.forced:
        return dataclasses.replace(cell, target=cell.forced).name
    return cell.name.removeprefix("untrained-")


# ---- Numbers and files ----


def _numbers(path: Path, cell: Cell) -> Iterator[str]:
    """The cell's rows of results.csv, as the last report wrote them; nothing before the first."""
    if not path.exists():
        return
    yield f"{cell.name}: as in {path}, {tracked(path)}"
    cell_columns = dataclasses.asdict(cell).items()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if cell_columns <= row.items() and row["source"] == ALL:
                yield f"  {row['group']}, {row['questions']} questions: {_describe_row(row)}"


def _describe_row(row: Mapping[str, str]) -> str:
    """The main estimates of a row of results.csv, with their intervals."""
    estimates = []
    for name in ("accuracy", "tokens", "retention", "efficiency"):
        value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
        interval = f" [{low}, {high or '-'}]" if low else ""
        estimates.append(f"{name} {value or '-'}{interval}")
    return ", ".join(estimates)


def _files(root: Path, cell: Cell, locked_md5: Mapping[str, str]) -> Iterator[str]:
    """The metrics files of a cell that are there; `locked_md5` is by path."""
    for folder, suffix in (
        ("scores", "csv"),
        ("cells", "json"),
        ("train", "json"),
        ("timing", "json"),
    ):
        path = root / folder / f"{cell.name}.{suffix}"
        if path.exists():
            content = path.read_bytes()
            answers = f", {len(content.splitlines()) - 1} answers" if suffix == "csv" else ""
            md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
            same = "yes" if locked_md5.get(path.as_posix()) == md5 else "no"
            yield f"  {path}{answers}, md5 {md5}, as in dvc.lock: {same}, {tracked(path)}"


def tracked(path: Path) -> str:
    """The last commit that changed a file, or that it is not as git has it."""
    changes = _git("status", "--porcelain", "--", str(path))
    commit = _git("log", "-1", "--format=%h of %cs, %s", "--", str(path))
    if changes is None or commit is None:
        return "no git here"
    return f"commit {commit}" if commit and not changes else "not committed as it is now"


def _git(*arguments: str) -> str | None:
    """The output of a git command; None where it fails, or where there is no git."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


# ---- Stages of dvc.lock ----


def _locked_entries() -> Mapping[str, Entry]:
    """The stages of dvc.lock by name."""
    if not LOCK.exists():
        raise StageError(f"{LOCK}: no such file; run `dvc repro`")
    entries: Mapping[str, Entry] = yaml.load(LOCK.read_text(encoding="utf-8"), Loader=_LOADER)[
        "stages"
    ]
    return entries


def _upstream(entries: Mapping[str, Entry], last_stage: str) -> list[str]:
    """`last_stage` and all stages that made what it reads, each before its makers."""
    # An out may be a folder that holds a dep, or lie in a dep's folder, so paths are not enough to
    # look makers up by
    makers = [
        (out["path"], name) for name, entry in entries.items() for out in entry.get("outs", ())
    ]
    visited: dict[str, None] = {}

    def visit(name: str) -> None:
        dep_paths = [dep["path"] for dep in entries[name].get("deps", ())]
        for path, maker in makers:
            if maker not in visited and _overlaps(path, dep_paths):
                visit(maker)
        visited[name] = None

    if last_stage in entries:
        visit(last_stage)
    return list(reversed(visited))


def _overlaps(path: str, others: Iterable[str]) -> bool:
    """Whether `path` is one of `others`, lies in one of them, or holds one of them."""
    return any(_is_within(path, other) or _is_within(other, path) for other in others)


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _describe_stage(name: str, entry: Entry) -> Iterator[str]:
    """A stage's command, params, data read and written, and a hash of its code."""
    yield f"{name}: {entry['cmd']}"
    for key, value in entry.get("params", {}).get("params.yaml", {}).items():
        yield f"  params.yaml {key}: {value}"
    # Files of code are many, so they have one hash together
    code = []
    for dep in entry.get("deps", ()):
        if dep["path"].startswith("stages/"):
            code.append((dep["path"], dep["md5"]))
        else:
            yield f"  from {dep['path']}, md5 {dep['md5']}"
    for out in entry.get("outs", ()):
        yield f"  to {out['path']}, md5 {out['md5']}"
    code_hash = hashlib.sha256(repr(code).encode()).hexdigest()
    yield f"  code: {count_files(len(code))}, sha256 {code_hash[:12]}"
