"""The graph of dvc.yaml, for tests that compare documents with it."""

from typing import Any

import yaml

from tests.imports import ROOT

GRAPH: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def outputs(stage: str) -> list[str]:
    """The paths of a stage's outs and metrics, as dvc.yaml has them."""
    entries = GRAPH[stage].get("outs", []) + GRAPH[stage].get("metrics", [])
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]
