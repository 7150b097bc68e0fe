"""Pruning traces: units go in the order of the criterion until the budget is kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.core.records import Trace
from stages.core.targets import lengths
from stages.core.targets.pruning.criteria import criterion_of
from stages.core.targets.pruning.order import order
from stages.core.targets.pruning.removal import Ranked, shortened
from stages.core.targets.pruning.settings import Prune
from stages.core.targets.pruning.units import units


class Pruner:
    """Shortens traces as a `Prune` says.

    `tokenizer` is the student's and counts the budgets. `model_folder` has the student, for
    `scorer: student`. Scores are kept below `store_folder`, and what is there is not computed
    again. Close it, or use it as a context manager.
    """

    def __init__(
        self,
        config: Prune,
        tokenizer: Any,
        model_folder: Path,
        store_folder: Path,
        params_path: str = "shorteners",
    ) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.criterion = criterion_of(config, model_folder, store_folder, params_path)

    def __enter__(self) -> "Pruner":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Makes the scores durable."""
        self.criterion.close()

    def shorten(self, traces: Sequence[Trace], budgets: Sequence[int]) -> list[str]:
        """The reasoning of each trace within its budget of the student's tokens.

        A reasoning within its budget stays as it is. The result is empty only for a budget below
        the tokens of a single character, and for a reasoning that is space alone.
        """
        texts = [trace.reasoning for trace in traces]
        results = list(texts)
        raw_tokens = lengths.counts(self.tokenizer, texts)
        # Only what must lose units is scored
        too_long = [index for index, budget in enumerate(budgets) if raw_tokens[index] > budget]
        long_traces = [traces[index] for index in too_long]
        pruned = self._pruned(long_traces, [budgets[index] for index in too_long])
        for index, text in zip(too_long, pruned, strict=True):
            results[index] = text
        return results

    def _pruned(self, traces: Sequence[Trace], budgets: Sequence[int]) -> list[str]:
        spans_by_trace = [
            units(trace.reasoning, self.config.unit, self.tokenizer) for trace in traces
        ]
        all_scores = self.criterion.scores(traces, spans_by_trace)
        ranked_texts = []
        unit_tokens = []
        for trace, spans, scores in zip(traces, spans_by_trace, all_scores, strict=True):
            text = trace.reasoning
            unit_order = order(scores, text, spans, self.config.protect_numbers)
            ranked_texts.append(Ranked(text, spans, unit_order, self.config.unit))
            unit_texts = [text[start:end] for start, end in spans]
            unit_tokens.append(lengths.counts(self.tokenizer, unit_texts))
        return shortened(ranked_texts, unit_tokens, budgets, self.tokenizer)
