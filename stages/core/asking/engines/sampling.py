"""Draws tokens within transformers, each row of a batch by its own sampling and generator."""

import torch
from transformers import (
    LogitsProcessor,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from stages.core.asking.engines.interface import Request, Sampling
from stages.core.program.errors import StageError

LIKELIEST = 1024  # tokens among which a nucleus is looked for first


class Draw(LogitsProcessor):
    """Makes the argmax of each row the token that the row's own sampling and generator draw.

    Greedy rows stay as they are. transformers itself has one sampling and one generator for a whole
    batch, so an answer would depend on the rows beside it. A draw takes one number of its
    generator, because noise on every logit took longer than the model.
    """

    def __init__(self, rows: list[tuple[Request, torch.Generator]]) -> None:
        self.generators = [generator for _, generator in rows]
        self.groups: dict[Sampling, list[int]] = {}
        for row_index, (request, _) in enumerate(rows):
            self.groups.setdefault(request.sampling, []).append(row_index)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores, (rows, vocabulary), in which each sampled row has one token left."""
        drawn = scores.float()
        # Rows with the same sampling share its processors
        for sampling, rows in self.groups.items():
            group_scores = drawn[rows]
            group_ids = input_ids[rows]
            for processor in _processors(sampling):
                group_scores = processor(group_ids, group_scores)
            if sampling.temperature:
                group_scores = self._drawn(rows, group_scores)
            drawn[rows] = group_scores
        return drawn

    def _drawn(self, rows: list[int], scores: torch.Tensor) -> torch.Tensor:
        """Scores, (rows, vocabulary), that leave one token of each row.

        It is the token at which the sum of the probabilities passes a uniform number.
        """
        # float64: in float32 the sum over a large vocabulary is off by more than rare tokens have
        cumulative = scores.softmax(1, dtype=torch.float64).cumsum(1)
        numbers = []
        for row_index in rows:
            generator = self.generators[row_index]
            numbers.append(torch.rand(1, generator=generator, dtype=torch.float64))
        # The sum of all is not exactly 1
        thresholds = torch.stack(numbers).to(scores.device) * cumulative[:, -1:]
        # right: what has no probability adds nothing, so that it is never the first to pass
        token_ids = torch.searchsorted(cumulative, thresholds, right=True)
        return torch.full_like(scores, -torch.inf).scatter_(1, token_ids, 0.0)


class Nucleus(LogitsProcessor):
    """Keeps what transformers' TopPLogitsWarper keeps, mostly without sorting the vocabulary.

    The likeliest tokens alone tell the nucleus where they reach `top_p` together.
    """

    def __init__(self, top_p: float) -> None:
        self.top_p = top_p
        self.full_sort = TopPLogitsWarper(top_p)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores, (rows, vocabulary), of the likeliest tokens that together have `top_p`.

        The scores of the others are -inf.
        """
        probabilities, token_ids = scores.softmax(1).topk(min(LIKELIEST, scores.shape[1]))
        # What the tokens before each one have together; the first is kept in any case
        likelier = probabilities.cumsum(1) - probabilities
        if (likelier[:, -1] < self.top_p).any():  # a nucleus has more tokens than LIKELIEST
            return self.full_sort(input_ids, scores)
        kept_scores = scores.gather(1, token_ids).masked_fill(likelier >= self.top_p, -torch.inf)
        return torch.full_like(scores, -torch.inf).scatter_(1, token_ids, kept_scores)


def _processors(sampling: Sampling) -> list[LogitsProcessor]:
    """What `sampling` asks for, in transformers' own order."""
    if sampling.presence_penalty or sampling.frequency_penalty:
        raise StageError(
            "sampling: transformers has no presence_penalty and no frequency_penalty; set them to 0"
        )
    processors: list[LogitsProcessor] = []
    if sampling.repetition_penalty != 1:
        processors.append(RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty))
    if not sampling.temperature:  # greedy: what follows leaves the likeliest token as it is
        return processors
    processors.append(TemperatureLogitsWarper(float(sampling.temperature)))
    if sampling.top_k != 0:
        processors.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p != 1.0:
        processors.append(Nucleus(sampling.top_p))
    if sampling.min_p != 0.0:
        processors.append(MinPLogitsWarper(sampling.min_p))
    return processors
