"""A run's graded answers as arrays, which statistics add up."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """A run's answers: a row for each question, a column for each seed.

    `correct` (0 or 1), `thinking` and `answering` (tokens, the EOS among them), and `outcome` have
    shape (questions, seeds). `samples` has shape (questions, seeds, len(names)): what `names` says
    of a question's samples, 0 where it has none; `has_samples` (0 or 1) has shape (questions,).
    `seeds` names the columns; it is empty for a run alone.
    """

    correct: Floats
    thinking: Floats
    answering: Floats
    outcome: NDArray[np.str_]
    samples: Floats
    has_samples: Floats
    names: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()

    @property
    def tokens(self) -> Floats:
        """All generated ones."""
        return self.thinking + self.answering

    def take(self, rows: NDArray[np.intp]) -> "Answers":
        """The answers to the questions at `rows`."""
        names = [one.name for one in dataclasses.fields(self) if one.name not in ("names", "seeds")]
        arrays = {name: getattr(self, name)[rows] for name in names}
        return dataclasses.replace(self, **arrays)

    def within(self, cap: int) -> Floats:
        """`correct` as it were with a limit of `cap` tokens, the EOS among them: what had not ended
        gave no answer.
        """
        return self.ended * (self.tokens <= cap)

    @property
    def ended(self) -> Floats:
        """`correct`, but 0 for what hit the limit: at its last token it had not ended either."""
        return self.correct * (self.outcome != "hit_cap")


def pool(answers: Mapping[str, Answers]) -> Answers:
    """The answers of an arm's seeds side by side, by the seeds' names; samples only where all seeds
    have some.
    """
    runs = list(answers.values())
    has_samples = np.min([one.has_samples for one in runs], axis=0)
    beside = ("correct", "thinking", "answering", "outcome", "samples")
    found = {name: np.concatenate([getattr(one, name) for one in runs], axis=1) for name in beside}
    return Answers(**found, has_samples=has_samples, names=runs[0].names, seeds=tuple(answers))


def shared(own: Answers, other: Answers) -> tuple[list[int], list[int]]:
    """The columns of the seeds that both have; what has no seed, as the untrained student, stands
    beside them all.
    """
    if not own.seeds or not other.seeds:
        return list(range(own.correct.shape[1])), list(range(other.correct.shape[1]))
    both = [seed for seed in own.seeds if seed in other.seeds]
    return [own.seeds.index(seed) for seed in both], [other.seeds.index(seed) for seed in both]
