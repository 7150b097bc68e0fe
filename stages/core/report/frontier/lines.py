"""The lines and single points of accuracy against training tokens."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from stages.core.cells import UNTRAINED, label
from stages.core.report.frontier.names import budgets_by_name
from stages.core.report.results import Result, by_training


@dataclass(frozen=True)
class BudgetLine:
    """One way of shortening, and its arms by the budget in per cent, in rising order."""

    name: str
    arms: dict[int, Result]

    @property
    def label(self) -> str:
        """The name and its budgets for readers, as "random 10, 30, 50 %"."""
        return f"{label(self.name)} {', '.join(map(str, self.arms))} %"


@dataclass(frozen=True, kw_only=True)
class Frontier:
    """The arms of one teacher, student and method of training, which have some line.

    `single_arms` are all other trained arms, raw among them.
    """

    teacher: str
    student: str
    method: str
    lines: Sequence[BudgetLine]
    single_arms: Sequence[Result]
    untrained: Result | None

    @property
    def raw(self) -> Result | None:
        """The arm of raw traces, if it is there."""
        return next((arm for arm in self.single_arms if arm.cell.target == "raw"), None)


def pass_tokens(result: Result) -> float:
    """The completion tokens of one pass over an arm's training set, in the mean over its seeds.

    Raises ValueError for a result without a cost.
    """
    if result.cost is None:
        raise ValueError(f"{result.cell.name} has no training cost")
    passes_of_all_seeds = result.cost.passes * len(result.cost.each_seconds)
    return result.cost.tokens / passes_of_all_seeds


def frontiers(results: Sequence[Result], shortened: Collection[str]) -> list[Frontier]:
    """The lines and points of every teacher, student and method that has a line.

    `shortened` are the targets of compressors and shorteners. Others have no budgets, whatever
    their names: a mixture may be called `mix_50`.

    An arm whose training metrics are not there yet has no tokens, and is left out.
    """
    all_frontiers = []
    for (teacher, student, method), training_results in by_training(results).items():
        arms = {arm.cell.target: arm for arm in training_results if arm.cost and arm.cost.passes}
        lines = [
            BudgetLine(name, {percent: arms[target] for percent, target in budgets.items()})
            for name, budgets in budgets_by_name(
                target for target in arms if target in shortened
            ).items()
        ]
        in_lines = {arm.cell.target for line in lines for arm in line.arms.values()}
        untrained = [arm for arm in training_results if arm.cell.target == UNTRAINED]
        if lines:
            frontier = Frontier(
                teacher=teacher,
                student=student,
                method=method,
                lines=lines,
                single_arms=[arm for target, arm in arms.items() if target not in in_lines],
                untrained=untrained[0] if untrained else None,
            )
            all_frontiers.append(frontier)
    return all_frontiers
