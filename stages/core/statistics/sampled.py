"""What several samples of one question say together: pass@k and the vote of the majority."""

import collections
from collections.abc import Sequence

from scipy.special import comb


def pass_at(samples: int, correct: int, k: int) -> float:
    """The unbiased estimate that at least one of `k` samples is right, from `correct` right ones of
    `samples`.

    1 - C(n - c, k) / C(n, k): Chen et al., Evaluating Large Language Models Trained on Code (arXiv
    2107.03374), eq. 1.
    """
    if not 1 <= k <= samples or not 0 <= correct <= samples:
        raise ValueError(
            f"pass@{k} of {correct} right ones in {samples}: expected 1 <= k <= samples"
        )
    return 1.0 - float(comb(samples - correct, k, exact=True)) / float(comb(samples, k, exact=True))


def majority(votes: Sequence[int]) -> float:
    """The chance that the most frequent answer is right, where ties are broken by lot; see
    `Score.vote`.

    Wang et al., Self-Consistency (arXiv 2203.11171): samples without an answer have no vote; none
    at all is wrong.
    """
    counts = collections.Counter(vote for vote in votes if vote)
    most = max(counts.values(), default=0)
    leading = [vote for vote, count in counts.items() if count == most]
    return leading.count(1) / len(leading) if leading else 0.0


def powers(samples: int) -> tuple[int, ...]:
    """The k that pass@k is reported for: 1, 2, 4 and so on, and `samples` itself."""
    below = [1 << place for place in range(samples.bit_length()) if 1 << place < samples]
    return (*below, samples) if samples else ()
