"""Resamples of questions and seeds: the bootstrap that intervals and some tests are made with."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.core.statistics.answers import Floats

ROOM = 3  # resamples that may contradict a difference and still let Holm's correction resolve it
DRAWS = 1 << 22  # questions drawn at a time: 32 MB, whatever the number of resamples


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made, and over how many comparisons Holm's correction is.

    The p of several seeds needs as many resamples as the comparisons ask for, however few make
    intervals: the least p of 10,000 is 2 / 10,001, too much for more than 250 comparisons.
    """

    resamples: int
    confidence: float  # the intervals' coverage, 0.95 for 95 %
    seed: int
    comparisons: int = 1

    @property
    def tested(self) -> int:
        """The number of resamples that a small p is taken from."""
        contradicted = 2 * (ROOM + 1) * self.comparisons / (1 - self.confidence)
        return max(self.resamples, math.ceil(contradicted))


def resampled_sums(columns: Floats, bootstrap: Bootstrap) -> Floats:
    """Sums of `columns` over the questions, as they are and resampled.

    `columns` are (questions, ...), the sums (1 + resamples, ...).
    """
    questions = len(columns)
    flat_columns = columns.reshape(questions, -1)
    generator = np.random.default_rng(bootstrap.seed)
    sums = [flat_columns.sum(axis=0, keepdims=True)]
    block = max(1, DRAWS // questions)
    for start in range(0, bootstrap.resamples, block):
        size = min(block, bootstrap.resamples - start)
        drawn = generator.integers(questions, size=(size, questions))
        # Count how often each resample draws each question, all resamples in one call: each
        # resample has numbers of its own
        numbered = drawn + questions * np.arange(size)[:, None]
        times = np.bincount(numbered.ravel(), minlength=size * questions)
        sums.append(times.reshape(size, questions).astype(np.float64) @ flat_columns)
    return np.vstack(sums).reshape(-1, *columns.shape[1:])


@functools.cache
def seed_weights(seeds: int, bootstrap: Bootstrap) -> Floats:
    """The weight of each seed in the sample and in each resample.

    The shape is (1 + resamples, seeds), and each row adds up to 1.

    Of S seeds a resample draws S - 1, because otherwise the seeds' variance is too small by
    (S - 1) / S. This is the rescaled bootstrap of Rao and Wu (1988), Resampling inference with
    complex survey data.

    Few seeds stay few. The interval has no t quantile, so it is too narrow: equal arms are called
    different too often. They are so the more, the fewer the seeds, the farther these scatter, and
    the more questions there are. Few questions hide this, because the scatter of single answers
    between seeds is counted twice, with questions and with seeds.
    """
    if seeds == 1:
        return np.ones((1 + bootstrap.resamples, 1))
    generator = np.random.default_rng([bootstrap.seed, seeds])
    of_sample = np.full((1, seeds), 1 / seeds)
    return np.vstack([of_sample, resampled_weights(generator, seeds, bootstrap.resamples)])


def resampled_weights(generator: np.random.Generator, seeds: int, resamples: int) -> Floats:
    """The weight of each seed in each resample: (resamples, seeds)."""
    if seeds == 1:
        return np.ones((resamples, 1))
    times = generator.multinomial(seeds - 1, [1 / seeds] * seeds, size=resamples)
    return np.asarray(times / (seeds - 1))


def over_seeds(sums: Floats, bootstrap: Bootstrap, columns: Sequence[int] | None = None) -> Floats:
    """The mean of resampled `sums` over the seeds in `columns`, or over all seeds.

    `sums` are (1 + resamples, seeds), the mean is (1 + resamples,).
    """
    chosen = sums if columns is None else sums[:, columns]
    return np.asarray((chosen * seed_weights(chosen.shape[1], bootstrap)).sum(axis=1))
