"""What every arm did: its measures by group and set, against raw, and what it cost.

An arm is the cells of its seeds together. In a grid of one seed it is that cell itself.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from stages.core.cells import Cell
from stages.core.grid import ALL, MAIN, Grid, Scope
from stages.core.records import GROUPS
from stages.core.report.metrics import Inputs
from stages.core.report.results import Result, TrainingCost, training_cost
from stages.core.statistics import answers as answer_arrays
from stages.core.statistics import macro, measuring
from stages.core.statistics.answers import Answers
from stages.core.statistics.bootstrap import Bootstrap
from stages.core.statistics.measures import Estimate, Measure


def pooled(answers: Mapping[Cell, Answers], grid: Grid) -> dict[Cell, Answers]:
    """The answers of each arm in the grid's order, its seeds together.

    In a grid of several seeds an arm's cell has no seed.
    """
    if len(grid.seeds) == 1:
        return dict(answers)
    # The grid's order, also where the first seed of an arm is not there yet
    by_seed: dict[Cell, dict[str, Answers]] = {_arm_of(cell): {} for cell in grid.cells()}
    for cell, cell_answers in answers.items():
        by_seed[_arm_of(cell)][cell.seed] = cell_answers
    answers_by_arm = {}
    for arm, of_seeds in by_seed.items():
        if of_seeds:
            answers_by_arm[arm] = answer_arrays.pool(of_seeds) if arm.trained else answers[arm]
    return answers_by_arm


def _arm_of(cell: Cell) -> Cell:
    return dataclasses.replace(cell, seed="")


def raw_arms(cells: Iterable[Cell]) -> dict[Cell, Cell]:
    """The raw arm that each trained one is compared with, whether it is there or not."""
    return {cell: dataclasses.replace(cell, target="raw") for cell in cells if cell.trained}


def untrained_students(cells: Iterable[Cell]) -> dict[Cell, Cell]:
    """The untrained student of each trained arm, where it is there."""
    cells = list(cells)
    untrained = {cell.student: cell for cell in cells if not cell.trained}
    return {
        cell: untrained[cell.student]
        for cell in cells
        if cell.trained and cell.student in untrained
    }


def scopes(inputs: Inputs) -> dict[Scope, list[int]]:
    """The rows of the answers that belong to each group and set, and to all."""
    sets = {(group, source) for _, group, source in inputs.questions}
    sorted_sets = sorted(sets, key=lambda scope: (GROUPS.index(scope[0]), *scope))
    groups = dict.fromkeys(group for group, _ in sorted_sets)
    every_scope = [(ALL, ALL), *((group, ALL) for group in groups), *sorted_sets]
    return {scope: _rows_of(scope, inputs) for scope in every_scope}


def _rows_of(scope: Scope, inputs: Inputs) -> list[int]:
    """The rows of the questions in `scope`."""
    group, source = scope
    return [
        row
        for row, (_, row_group, row_source) in enumerate(inputs.questions)
        if group in (ALL, row_group) and source in (ALL, row_source)
    ]


def results(
    inputs: Inputs, answers: Mapping[Cell, Answers], bootstrap: Bootstrap, cap: int
) -> list[Result]:
    """The measures of every cell or arm in each scope, and its cost, against raw."""
    measures = _measures(inputs, answers, bootstrap, cap)
    costs = training_costs(answers, inputs, bootstrap.confidence)
    untrained = untrained_students(answers)
    versus_untrained: Mapping[Cell, Measure] = {}
    if untrained:
        main = main_answers(answers, inputs)
        versus_untrained = measuring.measure(main, untrained, bootstrap)
    return [
        Result(
            cell=cell,
            cost=costs.get(cell),
            scopes=measures[cell],
            versus_untrained=versus_untrained.get(cell),
            seeds=cell_answers.seeds,
        )
        for cell, cell_answers in answers.items()
    ]


def _measures(
    inputs: Inputs, answers: Mapping[Cell, Answers], bootstrap: Bootstrap, cap: int
) -> dict[Cell, dict[Scope, Measure]]:
    """The measures of every cell in each scope, against raw."""
    raw, rows_by_scope = raw_arms(answers), scopes(inputs)
    measures: dict[Cell, dict[Scope, Measure]] = {cell: {} for cell in answers}
    for scope, rows in rows_by_scope.items():
        in_scope = _take(answers, rows)
        for cell, measure in measuring.measure(in_scope, raw, bootstrap, cap).items():
            measures[cell][scope] = measure
    # The mean over a group's sets stands beside the accuracy over all its questions
    for group, means in macro.by_group(answers, rows_by_scope, bootstrap).items():
        for cell, mean in means.items():
            group_measure = measures[cell][group, ALL]
            measures[cell][group, ALL] = dataclasses.replace(group_measure, macro=mean)
    return measures


def _take(answers: Mapping[Cell, Answers], rows: Sequence[int]) -> dict[Cell, Answers]:
    """The answers to the questions at `rows`."""
    row_indices = np.array(rows)
    return {cell: cell_answers.take(row_indices) for cell, cell_answers in answers.items()}


def main_answers(answers: Mapping[Cell, Answers], inputs: Inputs) -> dict[Cell, Answers]:
    """The answers to the in-distribution questions, or to all questions where there are none."""
    rows = _rows_of((MAIN, ALL), inputs)
    return _take(answers, rows or range(len(inputs.questions)))


def accuracy_at_caps(
    answers: Mapping[Cell, Answers], caps: Sequence[int], bootstrap: Bootstrap
) -> dict[Cell, list[Estimate]]:
    """The accuracy of each cell or arm at each cap of tokens, the EOS among them."""
    return {
        cell: measuring.at_caps(cell_answers, caps, bootstrap)
        for cell, cell_answers in answers.items()
    }


def training_costs(
    arms: Iterable[Cell], inputs: Inputs, confidence: float
) -> dict[Cell, TrainingCost]:
    """What each arm took to train, and its ratios to raw.

    The cost is over the cells of the arm that have training metrics, the ratios are over the seeds
    that both have. An arm without any such cell is left out.
    """
    costs = {}
    for arm, raw in raw_arms(arms).items():
        cells = _cells_by_seed(arm, inputs)
        if cells:
            costs[arm] = _training_cost(cells, _cells_by_seed(raw, inputs), inputs, confidence)
    return costs


def _cells_by_seed(arm: Cell, inputs: Inputs) -> dict[str, Cell]:
    """The cells of an arm that have training metrics, by seed."""
    # In a grid of one seed the arm is that cell; otherwise the arm has no seed
    return {cell.seed: cell for cell in inputs.train if arm in (cell, _arm_of(cell))}


def _training_cost(
    cells: Mapping[str, Cell], raw_cells: Mapping[str, Cell], inputs: Inputs, confidence: float
) -> TrainingCost:
    """The cost of an arm's cells against that of raw's, both by seed."""
    cost = dataclasses.replace(_summed_cost(cells.values(), inputs), seeds=tuple(cells))
    shared_seeds = [seed for seed in cells if seed in raw_cells]
    if not shared_seeds:
        reason = "no seed in common with raw" if raw_cells else "raw's training is not there"
        return dataclasses.replace(cost, seconds_note=reason)
    # Ratios are over the same seeds on both sides; the sums above stay over all seeds
    of_shared_seeds = _summed_cost([cells[seed] for seed in shared_seeds], inputs)
    raw_cost = _summed_cost([raw_cells[seed] for seed in shared_seeds], inputs)
    compared = of_shared_seeds.against(raw_cost, confidence)
    return dataclasses.replace(
        cost,
        relative_tokens=compared.relative_tokens,
        relative_flops=compared.relative_flops,
        relative_seconds=compared.relative_seconds,
        seconds_note=compared.seconds_note,
    )


def _summed_cost(cells: Iterable[Cell], inputs: Inputs) -> TrainingCost:
    """What `cells` took to train together, without any ratio."""
    train_metrics, timing_metrics = [], []
    for cell in cells:
        train_metrics.append(inputs.train[cell])
        timing_metrics.append(inputs.timing[cell])
    return training_cost(train_metrics, timing_metrics)
