"""In which order the units of a trace go: by their scores, the lowest first.

Ties go from the front. Scores of a unit are made from those of the tokens that it shares characters
with. The tokens are the scoring model's, and the unit may be of another tokenizer.
"""

import hashlib
import random
from collections.abc import Sequence

import numpy as np

from stages.core.records import Trace
from stages.core.targets.pruning.units import Span, has_number


def order(scores: Sequence[float], text: str, spans: Sequence[Span], protect: bool) -> list[int]:
    """The indices of the units, the lowest score first; with `protect` those with numbers last."""
    ranks = []
    for index, (span, score) in enumerate(zip(spans, scores, strict=True)):
        ranks.append((protect and has_number(text, span), score, index))
    return [index for _, _, index in sorted(ranks)]


def random_scores(seed: int, trace: Trace, count: int) -> list[float]:
    """`count` random scores, which depend on the seed and the trace's key alone."""
    name = f"{seed}\n{trace.question_id}\n{trace.sample}"
    digest = hashlib.sha256(name.encode()).digest()
    rng = random.Random(int.from_bytes(digest, "big"))
    return [rng.random() for _ in range(count)]


def unit_means(
    spans: Sequence[Span], token_spans: Sequence[Span], token_scores: Sequence[float]
) -> list[float]:
    """For each unit the mean score of the tokens that share a character with it.

    Both kinds of spans are in order. A unit without a token, whose characters the scoring model's
    tokenizer leaves out, gets the lowest score of all.
    """
    if not len(token_scores):
        return [0.0] * len(spans)
    starts = np.array([start for start, _ in token_spans])
    # The tokens of one character overlap, but their ends are in order too
    ends = np.array([end for _, end in token_spans])
    sums = np.concatenate([[0.0], np.cumsum(np.asarray(token_scores, dtype=np.float64))])
    lowest = float(np.min(token_scores))
    means = []
    for start, end in spans:
        first = int(np.searchsorted(ends, start, side="right"))  # the first that ends after start
        last = int(np.searchsorted(starts, end, side="left"))  # the first that begins at end
        if last > first:
            means.append(float(sums[last] - sums[first]) / (last - first))
        else:
            means.append(lowest)
    return means
