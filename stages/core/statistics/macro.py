"""Accuracy averaged over question sets: each set counts the same, however many questions it has.

Its interval is that of a stratified bootstrap (Davison and Hinkley 1997, section 3.2): questions
are drawn within each set, every set apart, and seeds for all sets together. Which sets there are is
not resampled: the mean is over these.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from stages.core.cells import Cell
from stages.core.grid import ALL, Scope
from stages.core.statistics.answers import Answers, Floats
from stages.core.statistics.measures import FEW, Estimate, ratio
from stages.core.statistics.significance import Bootstrap, over_seeds, resampled_sums


def by_group(
    answers: Mapping[Cell, Answers], scopes: Mapping[Scope, Sequence[int]], settings: Bootstrap
) -> dict[str, dict[Cell, Estimate]]:
    """Each run's mean accuracy over the sets of a group, or of ALL, by group; groups of a single
    set have none.

    `scopes` are the rows of the answers by (group, source). Without an interval where a set has
    fewer than FEW questions.
    """
    sets = {scope: rows for scope, rows in scopes.items() if scope[1] != ALL}
    groups = {
        group: [one for one in sets if group in (ALL, one[0])]
        for group, source in scopes
        if source == ALL
    }
    several = {group: members for group, members in groups.items() if len(members) > 1}
    totals: dict[str, Floats | float] = dict.fromkeys(several, 0.0)
    for place, (scope, rows) in enumerate(sets.items()):
        means = _means(
            answers, rows, _apart(settings, place)
        )  # one set's at a time: they are large
        for group, members in several.items():
            if scope in members:
                totals[group] = totals[group] + means / len(members)
    fewest = {group: min(len(sets[one]) for one in members) for group, members in several.items()}
    return {
        group: _estimates(answers, np.asarray(total), fewest[group], settings)
        for group, total in totals.items()
    }


def _apart(settings: Bootstrap, place: int) -> Bootstrap:
    """`settings` with a seed of the set's own: equal draws would pair the questions of sets of one
    size.
    """
    (seed,) = np.random.SeedSequence(settings.seed, spawn_key=(place,)).generate_state(1)
    return dataclasses.replace(settings, seed=int(seed))


def _means(answers: Mapping[Cell, Answers], rows: Sequence[int], settings: Bootstrap) -> Floats:
    """The accuracy on the questions at `rows`, as they are and resampled: (1 + resamples, seeds of
    all runs).
    """
    chosen = np.array(rows)
    return resampled_sums(
        np.hstack([one.correct[chosen] for one in answers.values()]), settings
    ) / len(rows)


def _estimates(
    answers: Mapping[Cell, Answers], means: Floats, fewest: int, settings: Bootstrap
) -> dict[Cell, Estimate]:
    """Each run's mean over its seeds of `means`, (1 + resamples, seeds of all runs), with its
    interval.
    """
    ends = np.cumsum([one.correct.shape[1] for one in answers.values()])[:-1]
    accuracies = [over_seeds(own, settings) for own in np.split(means, ends, axis=1)]
    confidence = settings.confidence if fewest >= FEW else None
    return {
        run: ratio(own, np.ones_like(own), confidence)
        for run, own in zip(answers, accuracies, strict=True)
    }
