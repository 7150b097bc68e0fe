"""Comparing graded answers with those of a reference, mostly of the same arm on raw traces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.core.statistics import significance
from stages.core.statistics.answers import Answers, Floats, shared_columns
from stages.core.statistics.bootstrap import Bootstrap, over_seeds
from stages.core.statistics.measures import ROUNDING, interval_confidence, ratio


@dataclass(frozen=True)
class Resampled:
    """Answers, and the sums of their quantities over the questions.

    `sums` are by quantity, each (1 + resamples, seeds).
    """

    answers: Answers
    sums: dict[str, Floats]

    def mean_over(self, columns: Sequence[int], bootstrap: Bootstrap) -> dict[str, Floats]:
        """The mean of the sums over the seeds in `columns`, by quantity, each (1 + resamples,)."""
        return {
            quantity: over_seeds(sums, bootstrap, columns) for quantity, sums in self.sums.items()
        }


def compare(
    resampled: Resampled, reference: Resampled | None, bootstrap: Bootstrap
) -> dict[str, Any]:
    """The fields of a Measure that compare `resampled` with `reference`, None for a missing one.

    A reference compared with itself has ratios of 1, without an interval.
    """
    if reference is None:
        return {"no_ratio_reason": "{} has not been scored"}
    answers = resampled.answers
    columns, reference_columns = shared_columns(answers, reference.answers)
    if not columns:
        return {"no_ratio_reason": "no seed in common with {}"}

    # Both over the seeds that both have, so that they are paired
    sums = resampled.mean_over(columns, bootstrap)
    reference_sums = reference.mean_over(reference_columns, bootstrap)
    seeds = tuple(answers.seeds[column] for column in columns) if answers.seeds else ()
    if resampled is reference:
        return _ratios(sums, reference_sums, None) | {"seeds": seeds}
    confidence = interval_confidence(len(answers.correct), bootstrap)
    difference = _difference(
        answers.correct[:, columns],
        reference.answers.correct[:, reference_columns],
        sums["correct"] - reference_sums["correct"],
        bootstrap,
    )
    return _ratios(sums, reference_sums, confidence) | difference | {"seeds": seeds}


def _ratios(
    sums: Mapping[str, Floats], reference_sums: Mapping[str, Floats], confidence: float | None
) -> dict[str, Any]:
    """The fields of a Measure that are ratios, from resampled sums, each (1 + resamples,)."""
    correct, tokens = sums["correct"], sums["tokens"]
    reference_correct, reference_tokens = reference_sums["correct"], reference_sums["tokens"]
    efficiency = ratio(correct * reference_tokens, tokens * reference_correct, confidence)
    return {
        "retention": ratio(correct, reference_correct, confidence),
        "output": ratio(tokens, reference_tokens, confidence),
        "efficiency": efficiency,
        "no_ratio_reason": "" if reference_correct[0] else "no answer of {} is right",
    }


def _difference(
    correct: Floats, reference: Floats, sums: Floats, bootstrap: Bootstrap
) -> dict[str, Any]:
    """The fields of a Measure on the difference in accuracy, and on its test.

    `correct` and `reference` are (questions, seeds). `sums` are the resampled sums of their
    difference, (1 + resamples,).
    """
    questions = len(correct)
    confidence = interval_confidence(questions, bootstrap)
    fields: dict[str, Any] = {"difference": ratio(sums, np.full_like(sums, questions), confidence)}
    if confidence is None:
        return fields
    differences = sums[1:] / questions
    varies = np.ptp(differences) > ROUNDING
    fields["error"] = float(differences.std()) if varies else None
    # McNemar's test is for one answer a question
    if correct.shape[1] == reference.shape[1] == 1:
        fields["p"] = significance.mcnemar(correct, reference)
    else:
        fields["p"] = significance.seeds_p(correct, reference, differences, bootstrap)
    return fields
