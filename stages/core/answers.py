"""A run's graded answers as arrays, which statistics add up."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """A run's answers: a row for each question, and for greedy decoding a column for each seed.

    `correct` (0 or 1), `thinking` and `answering` (tokens), and `outcome` have shape (questions, seeds). `samples` has
    shape (questions, len(names)): what `names` says of a question's samples, 0 where it has none; `has_samples` (0 or
    1) has shape (questions,).
    """

    correct: Floats
    thinking: Floats
    answering: Floats
    outcome: NDArray[np.str_]
    samples: Floats
    has_samples: Floats
    names: tuple[str, ...] = ()

    @property
    def tokens(self) -> Floats:
        """All generated ones."""
        return self.thinking + self.answering

    def take(self, rows: NDArray[np.intp]) -> "Answers":
        """The answers to the questions at `rows`."""
        arrays = {one.name: getattr(self, one.name)[rows] for one in dataclasses.fields(self) if one.name != "names"}
        return dataclasses.replace(self, **arrays)

    def within(self, cap: int) -> Floats:
        """`correct` as it were with a limit of `cap` tokens, the EOS among them: what had not ended gave no answer."""
        return self.correct * (self.tokens < cap)


def pool(answers: Sequence[Answers]) -> Answers:
    """The seeds of one arm side by side; what their samples say is averaged over the seeds."""
    has_samples = np.min([one.has_samples for one in answers], axis=0)
    beside = ("correct", "thinking", "answering", "outcome")
    return Answers(
        **{name: np.hstack([getattr(one, name) for one in answers]) for name in beside},
        samples=np.mean([one.samples for one in answers], axis=0) * has_samples[:, None],
        has_samples=has_samples,
        names=answers[0].names,
    )
