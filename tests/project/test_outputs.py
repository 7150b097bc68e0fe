"""The tables of docs/outputs.md are those of dvc.yaml, of the records and of the tracked metrics."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

from stages.core import records
from tests.graph import GRAPH, outputs
from tests.imports import ROOT
from tests.readme import code_words, table

OUTPUT_TABLES = ("## Data", "## Metrics", "## Plots")
# What further columns of a measure end in: tokens_q3, accuracy_low, difference_low_untrained
ENDINGS = re.compile(r"(_(mean|q1|median|q3|p95|maximum))?(_low|_high)?(_untrained)?$")


def _documented_path(out: str) -> str:
    """A path of dvc.yaml as docs/outputs.md writes it: <teacher> for ${item.teacher}, <cell> for a
    cell's whole name.
    """
    path = re.sub(r"\$\{item\.(\w+)\}", r"<\1>", out)
    cells = ("<target>", "forced_<forced>")
    names = [f"<teacher>-{target}-<student>-<method>-<seed>" for target in cells]
    for cell in (*names, "untrained-<student>"):
        path = path.replace(cell, "<cell>")
    return path


def test_every_output_is_documented_beside_its_stages() -> None:
    stages_by_path: dict[str, set[str]] = {}
    for stage in GRAPH:
        for out in outputs(stage):
            stages_by_path.setdefault(_documented_path(out), set()).add(stage)
    documented = {
        code_words(row[0])[0]: set(code_words(row[1]))
        for heading in OUTPUT_TABLES
        for row in table("outputs.md", heading)[1:]
    }
    assert documented == stages_by_path


def test_records_are_documented_with_their_fields() -> None:
    kinds = [kind for kind in vars(records).values() if dataclasses.is_dataclass(kind)]
    fields = {kind.__name__: list(records.schema_names(kind)) for kind in kinds}
    documented = {
        code_words(row[0])[0]: code_words(row[1]) for row in table("outputs.md", "## Records")[1:]
    }
    assert documented == fields


def test_output_that_holds_records_names_their_kind() -> None:
    kinds = {code_words(row[0])[0] for row in table("outputs.md", "## Records")[1:]}
    for path, _, _, what in table("outputs.md", "## Data")[1:]:
        if path.endswith(".parquet`"):
            assert kinds.intersection(code_words(what)), path


def _tracked(path: str) -> list[Path]:
    """The default study's files of a documented path."""
    pattern = re.escape(path.replace("<profile>", "default")).replace("<cell>", ".+")
    pattern = re.sub(r"<\w+>", "[^-/]+", pattern)
    return [
        file
        for file in sorted((ROOT / "metrics/default").rglob("*"))
        if re.fullmatch(pattern, file.relative_to(ROOT).as_posix())
    ]


def _keys(value: Any) -> set[str]:
    """The keys of a metrics file that do not depend on what the study holds: its own, and those of
    an item of `sets` or `questions`.
    """
    whole = value[0] if isinstance(value, list) else value
    keys = set(whole)
    for name in ("sets", "questions"):
        if isinstance(whole.get(name), list):
            keys |= set(whole[name][0])
    return keys


def test_metrics_are_documented_with_their_keys() -> None:
    for path, _, _, keys in table("outputs.md", "## Metrics")[1:]:
        files = _tracked(code_words(path)[0])
        assert files or "import/" in path or "forced/" in path, path
        for file in files[:1]:
            if file.suffix == ".json":
                assert set(code_words(keys)) == _keys(json.loads(file.read_text())), path
            elif file.name != "results.csv":
                assert code_words(keys) == _columns(file), path


def _columns(path: Path) -> list[str]:
    """The header of a CSV file."""
    return path.read_text().partition("\n")[0].split(",")


def test_columns_of_the_results_are_documented() -> None:
    """Ends of intervals, quartiles and the second comparison are not listed one by one."""
    columns = set(_columns(ROOT / "metrics/default/results.csv"))
    documented: set[str] = set()
    for row in table("outputs.md", "## Columns of results.csv")[1:]:
        documented.update(code_words(row[0]))
    assert documented <= columns
    assert {ENDINGS.sub("", column) for column in columns} == {
        ENDINGS.sub("", column) for column in documented
    }
