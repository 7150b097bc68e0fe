"""Accuracy averaged over question sets: each set counts the same, however many questions it has.

Its interval is that of a stratified bootstrap (Davison and Hinkley 1997, section 3.2). Questions
are drawn within each set, separately for every set, and seeds for all sets together. Which sets
there are is not resampled: the mean is over these.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from stages.core.cells import Cell
from stages.core.grid import ALL, Scope
from stages.core.statistics.answers import Answers, Floats
from stages.core.statistics.bootstrap import Bootstrap, over_seeds, resampled_sums
from stages.core.statistics.measures import Estimate, interval_confidence, ratio


def by_group(
    answers: Mapping[Cell, Answers], scopes: Mapping[Scope, Sequence[int]], bootstrap: Bootstrap
) -> dict[str, dict[Cell, Estimate]]:
    """Each cell's mean accuracy over the sets of a group, or of ALL, by group.

    `scopes` are the rows of the answers by (group, source). A group of a single set is left out.
    There is no interval where a set has fewer than FEW questions.
    """
    rows_by_set = {scope: rows for scope, rows in scopes.items() if scope[1] != ALL}
    sets_by_group = _groups_of_several_sets(scopes)
    # The resampled means of one set are large, so they are added up set by set
    totals: dict[str, Floats | float] = dict.fromkeys(sets_by_group, 0.0)
    for index, (scope, rows) in enumerate(rows_by_set.items()):
        means = _set_means(answers, rows, _bootstrap_of_set(bootstrap, index))
        for group, sets in sets_by_group.items():
            if scope in sets:
                totals[group] = totals[group] + means / len(sets)

    estimates = {}
    for group, sets in sets_by_group.items():
        fewest = min(len(rows_by_set[scope]) for scope in sets)
        estimates[group] = _estimates(answers, np.asarray(totals[group]), fewest, bootstrap)
    return estimates


def _groups_of_several_sets(scopes: Mapping[Scope, Sequence[int]]) -> dict[str, list[Scope]]:
    """The sets of each group that has several, and of ALL."""
    sets = [scope for scope in scopes if scope[1] != ALL]
    sets_by_group = {}
    for group, source in scopes:
        members = [scope for scope in sets if group in (ALL, scope[0])]
        if source == ALL and len(members) > 1:
            sets_by_group[group] = members
    return sets_by_group


def _bootstrap_of_set(bootstrap: Bootstrap, index: int) -> Bootstrap:
    """`bootstrap` with a seed for one set alone.

    Equal draws would pair the questions of sets of the same size.
    """
    (seed,) = np.random.SeedSequence(bootstrap.seed, spawn_key=(index,)).generate_state(1)
    return dataclasses.replace(bootstrap, seed=int(seed))


def _set_means(
    answers: Mapping[Cell, Answers], rows: Sequence[int], bootstrap: Bootstrap
) -> Floats:
    """The accuracy on the questions at `rows`, as they are and resampled.

    The shape is (1 + resamples, seeds of all cells).
    """
    row_indices = np.array(rows)
    correct = [of_cell.correct[row_indices] for of_cell in answers.values()]
    return resampled_sums(np.hstack(correct), bootstrap) / len(rows)


def _estimates(
    answers: Mapping[Cell, Answers], means: Floats, fewest: int, bootstrap: Bootstrap
) -> dict[Cell, Estimate]:
    """Each cell's mean of `means` over its seeds, with its interval.

    `means` are (1 + resamples, seeds of all cells). `fewest` is the size of the smallest set.
    """
    widths = [of_cell.correct.shape[1] for of_cell in answers.values()]
    means_by_cell = np.split(means, np.cumsum(widths)[:-1], axis=1)
    confidence = interval_confidence(fewest, bootstrap)
    estimates = {}
    for cell, cell_means in zip(answers, means_by_cell, strict=True):
        accuracy = over_seeds(cell_means, bootstrap)
        estimates[cell] = ratio(accuracy, np.ones_like(accuracy), confidence)
    return estimates
