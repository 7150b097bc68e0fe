"""Arms at several budgets with known accuracies, for the tests of the frontier."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from stages.core.cells import UNTRAINED, Cell
from stages.core.grid import ALL
from stages.core.report.frontier.lines import Frontier, frontiers
from stages.core.report.results import Result
from stages.core.statistics import answers as answer_arrays
from stages.core.statistics.answers import Answers
from stages.core.statistics.measures import Estimate
from tests.core.report.synthetic_results import COST
from tests.synthetic import measured

QUESTIONS = 200


def cell(target: str, seed: str = "", *, method: str = "lora", student: str = "small") -> Cell:
    """A cell, or an arm where it has no seed."""
    if target == UNTRAINED:
        return Cell.untrained(student)
    return Cell("solver", target, student, method, seed)


def answers(rate: float, questions: int = QUESTIONS) -> Answers:
    """The answers of one cell, of which the first questions are right."""
    correct = (np.arange(questions) < round(rate * questions)).astype(float)[:, None]
    return Answers(
        correct=correct,
        thinking=np.ones((questions, 1)),
        answering=np.ones((questions, 1)),
        outcome=np.full((questions, 1), "answered"),
        samples=np.zeros((questions, 1, 0)),
        has_samples=np.zeros(questions),
    )


def pooled(rates_by_seed: Mapping[str, float], questions: int = QUESTIONS) -> Answers:
    """The answers of an arm of several seeds."""
    by_seed = {seed: answers(rate, questions) for seed, rate in rates_by_seed.items()}
    return answer_arrays.pool(by_seed)


def result(of_cell: Cell, rate: float, tokens: int, seeds: Sequence[str] = ()) -> Result:
    """A result with tokens of one pass, trained for two."""
    count = max(1, len(seeds))
    cost = dataclasses.replace(
        COST, tokens=2 * tokens * count, passes=2.0, each_seconds=(1.0,) * count
    )
    estimate = Estimate(rate, max(0.0, rate - 0.08), min(1.0, rate + 0.08))
    scopes = {(ALL, ALL): measured(QUESTIONS, estimate, 9.0)}
    return Result(of_cell, cost if of_cell.trained else None, scopes, seeds=tuple(seeds))


def all_frontiers(results: Sequence[Result]) -> list[Frontier]:
    """The frontiers of results, whose targets are all shortened ones but for raw and the like."""
    return frontiers(results, [result.cell.target for result in results])
