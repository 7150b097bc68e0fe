"""Graded answers as arrays, which statistics add up."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# How an answer ended. An answer that was cut at the limit of tokens "hit_cap".
AnswerOutcome = Literal["answered", "no_answer", "hit_cap"]
OUTCOMES: tuple[AnswerOutcome, ...] = get_args(AnswerOutcome)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The answers of one cell, or of an arm, whose seeds stand side by side.

    The arrays have a row for each question and a column for each seed.
    """

    correct: Floats  # (questions, seeds), 0 or 1
    thinking: Floats  # (questions, seeds), in tokens
    answering: Floats  # (questions, seeds), in tokens, the EOS among them
    outcome: NDArray[np.str_]  # (questions, seeds), each an AnswerOutcome
    samples: Floats  # (questions, seeds, sample_metrics), 0 where a question has no samples
    has_samples: Floats  # (questions,), 0 or 1
    sample_metrics: tuple[str, ...] = ()  # names, e.g. "pass@2"
    seeds: tuple[str, ...] = ()  # the names of the columns, empty for a single cell

    @property
    def tokens(self) -> Floats:
        """All generated tokens, (questions, seeds)."""
        return self.thinking + self.answering

    @property
    def ended(self) -> Floats:
        """`correct`, but 0 for an answer that hit the limit.

        Such an answer had not ended at its last token either.
        """
        return self.correct * (self.outcome != "hit_cap")

    def within(self, cap: int) -> Floats:
        """`correct` as it would be with a limit of `cap` tokens, the EOS among them.

        A text that had not ended by then gave no answer.
        """
        return self.ended * (self.tokens <= cap)

    def take(self, rows: NDArray[np.intp]) -> "Answers":
        """The answers to the questions at `rows`."""
        return dataclasses.replace(
            self,
            correct=self.correct[rows],
            thinking=self.thinking[rows],
            answering=self.answering[rows],
            outcome=self.outcome[rows],
            samples=self.samples[rows],
            has_samples=self.has_samples[rows],
        )

    def without_samples(self, sample_metrics: tuple[str, ...]) -> "Answers":
        """The greedy answers alone, beside others that have these metrics of samples."""
        return dataclasses.replace(
            self,
            samples=np.zeros((*self.correct.shape, len(sample_metrics))),
            has_samples=np.zeros(len(self.correct)),
            sample_metrics=sample_metrics,
        )


def pool(answers_by_seed: Mapping[str, Answers]) -> Answers:
    """The answers of an arm: those of its seeds' cells side by side.

    A question has samples only where it has samples of every seed.
    """
    cells = list(answers_by_seed.values())
    side_by_side = {}
    for name in ("correct", "thinking", "answering", "outcome", "samples"):
        arrays = [getattr(cell, name) for cell in cells]
        side_by_side[name] = np.concatenate(arrays, axis=1)
    has_samples = [cell.has_samples for cell in cells]
    return Answers(
        **side_by_side,
        has_samples=np.min(has_samples, axis=0),
        sample_metrics=cells[0].sample_metrics,
        seeds=tuple(answers_by_seed),
    )


def shared_columns(answers: Answers, reference: Answers) -> tuple[list[int], list[int]]:
    """The columns of the seeds that both have, in each of the two, in the same order.

    Answers without seeds, such as the untrained student's, are compared with all seeds.
    """
    if not answers.seeds or not reference.seeds:
        every_column = list(range(answers.correct.shape[1]))
        return every_column, list(range(reference.correct.shape[1]))
    both = [seed for seed in answers.seeds if seed in reference.seeds]
    columns = [answers.seeds.index(seed) for seed in both]
    reference_columns = [reference.seeds.index(seed) for seed in both]
    return columns, reference_columns
