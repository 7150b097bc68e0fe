"""What a report is about: whose numbers it shows, and everything computed from the metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from stages.core.cells import Cell
from stages.core.grid import Grid
from stages.core.program.errors import StageError
from stages.core.program.params import Name, Positive, Seed
from stages.core.report import arms, family
from stages.core.report.frontier.lines import Frontier, frontiers
from stages.core.report.frontier.needed import Needed, tokens_needed
from stages.core.report.metrics import Inputs
from stages.core.report.results import Comparison, Result
from stages.core.report.tables import lengths
from stages.core.statistics.answers import Answers
from stages.core.statistics.bootstrap import Bootstrap
from stages.core.statistics.measures import Estimate

MOST = 100_000  # resamples: more move no digit that is shown, and take memory for each


class Headline(TypedDict):
    """The cells whose numbers summary.json and the headline table hold."""

    teacher: Name
    student: Name
    method: Name
    seed: NotRequired[Name]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How intervals are made, and whose numbers the summary and the README's table show."""

    resamples: Annotated[int, Field(le=MOST)]
    confidence: float
    seed: Seed
    headline: Headline
    examples: Positive
    paper: bool  # whether figures and tables show the paper's own numbers

    def __post_init__(self) -> None:
        if self.resamples < 1 or not 0 < self.confidence < 1:
            raise StageError("expected resamples of 1 or more and 0 < confidence < 1")

    def checked(self, grid: Grid) -> "Settings":
        """These settings. Raises StageError for a headline not of the grid."""
        for axis, chosen in self.headline.items():
            values = getattr(grid, f"{axis}s")
            if chosen not in values:
                raise StageError(
                    f"params.yaml: report.headline.{axis}: {chosen!r} is none of "
                    f"{', '.join(values)}"
                )
        return self

    @property
    def bootstrap(self) -> Bootstrap:
        """How intervals are made, for a single comparison."""
        return Bootstrap(self.resamples, self.confidence, self.seed)


def headline(results: Sequence[Result], settings: Settings) -> list[Result]:
    """The arms of the headline's teacher and student, every method, and the untrained student."""
    student, teacher = settings.headline["student"], settings.headline["teacher"]
    return [
        result
        for result in results
        if result.cell.student == student
        and (result.cell.teacher == teacher or not result.cell.trained)
    ]


@dataclass(frozen=True, kw_only=True)
class Study:
    """All that tables and figures show.

    `arms` have their seeds together. `cells` are the single seeds, empty in a grid of one seed.
    """

    inputs: Inputs
    grid: Grid
    settings: Settings
    budgets: Mapping[str, str]  # of training, by method
    arms: Sequence[Result]
    cells: Sequence[Result]
    compared: Sequence[Comparison]  # compression with shorteners
    caps: Sequence[int]  # of generated tokens
    curves: Mapping[Cell, Sequence[Estimate]]  # the accuracy of each arm at each cap
    # Both are empty where no way of shortening has several budgets
    frontiers: Sequence[Frontier]
    needed: Sequence[Needed]


def compute(
    inputs: Inputs, grid: Grid, settings: Settings, budgets: Mapping[str, str], cap: int
) -> Study:
    """Everything that is computed from the metrics.

    `cap` is the limit of tokens of the evaluation.
    """
    answers_by_arm = arms.pooled(inputs.answers, grid)
    # Holm's correction needs the size of the family before the first p is made
    comparisons = family.size(answers_by_arm, inputs)
    bootstrap = replace(settings.bootstrap, comparisons=comparisons)
    main_answers = arms.main_answers(answers_by_arm, inputs)
    results, shortener_comparisons = family.corrected(
        arms.results(inputs, answers_by_arm, bootstrap, cap),
        family.shortener_comparisons(main_answers, inputs, bootstrap),
        bootstrap.confidence,
    )
    caps = lengths.caps(cap)
    all_frontiers = frontiers(results, [*grid.compressors, *grid.shorteners])
    return Study(
        inputs=inputs,
        grid=grid,
        settings=settings,
        budgets=budgets,
        arms=results,
        cells=_single_results(inputs, answers_by_arm, bootstrap, cap),
        compared=shortener_comparisons,
        caps=caps,
        curves=arms.accuracy_at_caps(main_answers, caps, bootstrap),
        frontiers=all_frontiers,
        needed=tokens_needed(all_frontiers, main_answers, bootstrap),
    )


def _single_results(
    inputs: Inputs, answers_by_arm: Mapping[Cell, Answers], bootstrap: Bootstrap, cap: int
) -> list[Result]:
    """The results of the single seeds, without Holm's correction.

    There are none in a grid of one seed, whose arms are the single cells already.
    """
    single_answers = {
        cell: answers for cell, answers in inputs.answers.items() if cell not in answers_by_arm
    }
    return arms.results(inputs, single_answers, bootstrap, cap) if single_answers else []
