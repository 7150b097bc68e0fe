"""Comparing graded answers with those of a reference, mostly of the same arm on raw traces."""

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
    itself = resampled is reference
    confidence = None if itself else interval_confidence(len(answers.correct), bootstrap)

    correct = over_seeds(resampled.sums["correct"], bootstrap, columns)
    tokens = over_seeds(resampled.sums["tokens"], bootstrap, columns)
    base_correct = over_seeds(reference.sums["correct"], bootstrap, reference_columns)
    base_tokens = over_seeds(reference.sums["tokens"], bootstrap, reference_columns)
    comparison: dict[str, Any] = {
        "retention": ratio(correct, base_correct, confidence),
        "output": ratio(tokens, base_tokens, confidence),
        "efficiency": ratio(correct * base_tokens, tokens * base_correct, confidence),
        "no_ratio_reason": "" if base_correct[0] else "no answer of {} is right",
        "seeds": tuple(answers.seeds[column] for column in columns) if answers.seeds else (),
    }
    if itself:
        return comparison
    difference = _difference(
        answers.correct[:, columns],
        reference.answers.correct[:, reference_columns],
        correct - base_correct,
        bootstrap,
    )
    return comparison | difference


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
