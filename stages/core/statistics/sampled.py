"""Metrics of several samples of one question: pass@k and the vote of the majority."""

import collections
from collections.abc import Sequence

from scipy.special import comb


def pass_at(samples: int, correct: int, k: int) -> float:
    """The probability that at least one of `k` samples is right, as an unbiased estimate.

    It is made from `samples` samples, `correct` of them right. With n and c for these it is
    1 - C(n - c, k) / C(n, k): Chen et al., Evaluating Large Language Models Trained on Code
    (arXiv 2107.03374), eq. 1. Raises ValueError for numbers that cannot be.
    """
    if not 1 <= k <= samples or not 0 <= correct <= samples:
        raise ValueError(
            f"pass@{k} of {correct} right ones in {samples}: expected 1 <= k <= samples"
        )
    all_wrong = float(comb(samples - correct, k, exact=True))
    return 1.0 - all_wrong / float(comb(samples, k, exact=True))


def majority(votes: Sequence[int]) -> float:
    """The chance that the most frequent answer is right, where ties are broken by lot.

    `Score.vote` says what a vote means. The rule is that of Wang et al., Self-Consistency
    (arXiv 2203.11171). Samples without an answer have no vote. Without any vote it is 0.
    """
    counts = collections.Counter(vote for vote in votes if vote)
    highest = max(counts.values(), default=0)
    leaders = [vote for vote, count in counts.items() if count == highest]
    return leaders.count(1) / len(leaders) if leaders else 0.0


def powers(samples: int) -> tuple[int, ...]:
    """The k that pass@k is reported for: 1, 2, 4 and so on, and `samples` itself."""
    reported = []
    power = 1
    while power < samples:
        reported.append(power)
        power *= 2
    if samples:
        reported.append(samples)
    return tuple(reported)
