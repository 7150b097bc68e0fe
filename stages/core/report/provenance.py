"""Where numbers come from: the metrics behind a figure, and of one cell its stages, params, hashes
and commits.
"""

import csv
import dataclasses
import hashlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stages.core.cells import UNTRAINED, Cell
from stages.core.grid import ALL
from stages.core.program import files
from stages.core.program.errors import StageError
from stages.core.statistics.significance import Bootstrap

LOCK = Path("dvc.lock")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The folders of metrics that each figure is made from
FIGURES = {
    "3_rho": ("compress",),
    "4_accuracy": ("scores",),
    "5_accuracy_tokens": ("scores",),
    "5b_accuracy_generated": ("scores",),
    "6_cost": ("train", "timing"),
    "7_truncation": ("scores", "shorten"),
    "8_retention_efficiency": ("scores",),
    "9_budget": ("scores",),
}
# What each figure shows; {lines} and {main} are the intervals and the questions
_SAYS = {
    "3_rho": "rho, compressed / raw characters of each kept training trace, by data set and compressor: median and "
    "quartiles, no interval; at the bottom the means of the sets' means.",
    "4_accuracy": "Accuracy of greedy answers by arm, a panel for each student and method, the questions of each group "
    "apart. {lines}",
    "5_accuracy_tokens": "Accuracy against the median number of reasoning tokens, those up to the tag that closes the "
    "reasoning; answer-only students write none and untrained ones mark none; on {main}. Points at one place are moved "
    "apart sideways; the light horizontal lines are the tokens' quartiles. {lines}",
    "5b_accuracy_generated": "Figure 5 with the median number of all generated tokens, reasoning and answer together, "
    "on {main}. {lines}",
    "6_cost": "Training tokens, FLOPs and seconds inside steps relative to raw, over the matched training questions; "
    "counts have no interval, seconds the t interval over seeds where there are several.",
    "7_truncation": "Accuracy after training on compressed traces less that after training on raw traces cut to the "
    "same budget of tokens, on {main}. {lines}",
    "8_retention_efficiency": "Accuracy, mean generated tokens and accuracy per generated token, each relative to raw, "
    "on {main}. {lines}",
    "9_budget": "Accuracy within a cap of generated tokens: an answer that had not ended by then counts as none; on "
    "{main}. {lines}",
}

# What is drawn of the paper
_SHORTER = "Grey is where the paper's lengths would lie: outputs 3 to 19 times shorter than raw's."
_PAPERS = {
    "3_rho": "Hatched is the range of the paper's four means, which stand beside ours at the bottom.",
    "5_accuracy_tokens": _SHORTER,
    "5b_accuracy_generated": _SHORTER,
    "6_cost": "Hatched are the paper's ranges for compressed traces.",
    "8_retention_efficiency": 'Hatched, or a line where it says "up to", is what the paper gives of compressed traces.',
}


@dataclass(frozen=True)
class About:
    """What captions say of a report: its main questions, and the params that make its intervals."""

    main: str  # as "132 in-distribution questions"
    bootstrap: Bootstrap
    papers: bool = False  # whether the paper's own ranges are drawn

    @property
    def lines(self) -> str:
        """What intervals are."""
        return (
            f"Intervals are {100 * self.bootstrap.confidence:g} % ones of a bootstrap over questions, and over seeds "
            "where there are several."
        )


def says(name: str, about: About) -> str:
    """One or two sentences on what figure `name` shows: what is drawn, its interval, its questions."""
    papers = f" {_PAPERS[name]}" if about.papers and name in _PAPERS else ""
    return _SAYS[name].format(main=about.main, lines=about.lines) + papers


def caption(name: str, root: Path, about: About) -> str:
    """The metrics that figure `name` was made from, with the hash of their contents, and the
    report's params.
    """
    bootstrap = about.bootstrap
    params = [
        f"report.{name} {getattr(bootstrap, name)}" for name in ("resamples", "confidence", "seed")
    ]
    drawn = (
        f", params.yaml: {', '.join(params)}"
        if "{lines}" in _SAYS[name] or name == "6_cost"
        else ""
    )
    parts = []
    for folder in FIGURES[name]:
        count = (
            sum(path.is_file() for path in (root / folder).glob("*"))
            if (root / folder).is_dir()
            else 0
        )
        parts.append(f"{root / folder} ({_many(count)}, sha256 {files.digest(root / folder)[:12]})")
    return f"From {' and '.join(parts)}{drawn}."


def explain(root: Path, profile: str, run: Cell) -> Iterator[str]:
    """Lines on a cell: its numbers, the files of them and of raw's that they are relative to, and
    every stage upstream.

    Files come with their MD5, with whether dvc.lock has the same, and with their commit; stages
    latest first.
    """
    stages = _locked()
    known = {one["path"]: one["md5"] for entry in stages.values() for one in entry.get("outs", ())}
    yield from _numbers(root / "results.csv", run)
    yield f"{run.name}: the files of its numbers"
    yield from _files(root, run, known)
    if run.target not in ("raw", UNTRAINED):
        raw = dataclasses.replace(run, target="raw")
        yield f"{raw.name}: the files that its ratios and differences are relative to"
        yield from _files(root, raw, known)
    wanted = f"{'score' if run.seed else 'score_untrained'}@{profile}-{run.name.removeprefix('untrained-')}"
    for name in [f"report@{profile}", *_upstream(stages, wanted)]:
        if entry := stages.get(name):
            yield from _stage(name, entry)


def _files(root: Path, run: Cell, known: Mapping[str, str]) -> Iterator[str]:
    """The metrics files of a cell that are there; `known` are the MD5s of dvc.lock by path."""
    for folder, kind in (
        ("scores", "csv"),
        ("cells", "json"),
        ("train", "json"),
        ("timing", "json"),
    ):
        path = root / folder / f"{run.name}.{kind}"
        if path.exists():
            content = path.read_bytes()
            rows = f", {len(content.splitlines()) - 1} answers" if kind == "csv" else ""
            md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
            same = "yes" if known.get(path.as_posix()) == md5 else "no"
            yield f"  {path}{rows}, md5 {md5}, as in dvc.lock: {same}, {tracked(path)}"


def _upstream(stages: Mapping[str, Any], wanted: str) -> list[str]:
    """The stage `wanted` and all that made what they read, each before its makers."""
    outs = [(one["path"], name) for name, entry in stages.items() for one in entry.get("outs", ())]
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        read = [one["path"] for one in stages[name].get("deps", ())]
        for path, maker in outs:
            if maker not in found and any(_within(path, one) or _within(one, path) for one in read):
                visit(maker)
        found[name] = None

    if wanted in stages:
        visit(wanted)
    return list(found)[::-1]


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _numbers(path: Path, run: Cell) -> Iterator[str]:
    """The cell's rows of results.csv, as the last report wrote them; nothing before the first."""
    if not path.exists():
        return
    yield f"{run.name}: as in {path}, {tracked(path)}"
    own = dataclasses.asdict(run).items()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if own <= row.items() and row["source"] == ALL:
                parts = [
                    f"{name} {_told(row, name)}"
                    for name in ("accuracy", "tokens", "retention", "efficiency")
                ]
                yield f"  {row['group']}, {row['questions']} questions: {', '.join(parts)}"


def _told(row: Mapping[str, str], name: str) -> str:
    value, low, high = (row[name + part] for part in ("", "_low", "_high"))
    return f"{value} [{low}, {high or '-'}]" if low else value or "-"


def _stage(name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    yield f"{name}: {entry['cmd']}"
    for key, value in entry.get("params", {}).get("params.yaml", {}).items():
        yield f"  params.yaml {key}: {value}"
    for side, label in (("deps", "from"), ("outs", "to")):
        for one in entry.get(side, ()):
            if side == "outs" or not str(one["path"]).startswith("stages/"):
                yield f"  {label} {one['path']}, md5 {one['md5']}"
    code = [(one["path"], one["md5"]) for one in entry["deps"] if one["path"].startswith("stages/")]
    yield f"  code: {_many(len(code))}, sha256 {hashlib.sha256(repr(code).encode()).hexdigest()[:12]}"


def _many(files: int) -> str:
    return f"{files} file{'s' * (files != 1)}"


def _locked() -> Mapping[str, Any]:
    """The stages of dvc.lock."""
    if not LOCK.exists():
        raise StageError(f"{LOCK}: no such file; run `dvc repro`")
    found: Mapping[str, Any] = yaml.load(LOCK.read_text(encoding="utf-8"), Loader=_LOADER)["stages"]
    return found


def tracked(path: Path) -> str:
    """The last commit that changed a file, or that it is not as git has it."""
    changed = _git("status", "--porcelain", "--", str(path))
    last = _git("log", "-1", "--format=%h of %cs, %s", "--", str(path))
    if changed is None or last is None:
        return "no git here"
    return f"commit {last}" if last and not changed else "not committed as it is now"


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def find(runs: Sequence[Cell], name: str) -> Cell:
    """The run called `name`. Raises StageError for one that is not of the grid."""
    for run in runs:
        if run.name == name:
            return run
    raise StageError(
        f"--explain {name}: no cell of this grid; its cells are named as {runs[0].name}"
    )
