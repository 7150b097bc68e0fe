"""The criteria: what scores the units of a trace. The lowest scores go first."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from stages.core.records import Trace
from stages.core.targets.pruning.order import random_scores
from stages.core.targets.pruning.settings import Prune
from stages.core.targets.pruning.units import Span


class Criterion(Protocol):
    """Scores the units of traces."""

    def scores(self, traces: Sequence[Trace], spans: Sequence[Sequence[Span]]) -> list[list[float]]:
        """For each trace the scores of its units, whose spans are given."""

    def close(self) -> None:
        """Makes durable what was computed."""


class Random:
    """Random scores: the control that every other criterion must beat."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def scores(self, traces: Sequence[Trace], spans: Sequence[Sequence[Span]]) -> list[list[float]]:
        """For each trace the scores of its units, the same in every batch."""
        return [
            random_scores(self.seed, trace, len(trace_spans))
            for trace, trace_spans in zip(traces, spans, strict=True)
        ]

    def close(self) -> None:
        """Nothing is kept."""


def criterion_of(
    config: Prune, model_folder: Path, store_folder: Path, params_path: str
) -> Criterion:
    """The criterion that `config`, found at `params_path`, names.

    `model_folder` has the student. Raises StageError where the scorer is not there.
    """
    if config.criterion == "random":
        return Random(config.seed)
    # These imports take seconds, which a criterion without a model need not wait for
    from stages.core.targets.pruning import model_criteria
    from stages.core.targets.pruning.scoring_models import ModelSource

    model = config.scoring_model
    if model is None:
        source = ModelSource(str(model_folder), None, f"{params_path}.scorer")
    else:
        source = ModelSource(model["model"], model.get("revision"), f"{params_path}.scorer.model")
    return model_criteria.of(config, source, store_folder)
