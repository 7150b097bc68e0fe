"""Accuracy averaged over question sets: each set counts the same, however many questions it has.

Its interval is that of a stratified bootstrap (Davison and Hinkley 1997, section 3.2): questions are drawn within each
set, every set apart, and seeds for all sets together. Which sets there are is not resampled: the mean is over these.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from stages.core.answers import Answers, Floats
from stages.core.runs import ALL, Run, Scope
from stages.core.significance import Bootstrap, over_seeds, resampled_sums
from stages.core.stats import FEW, Estimate, ratio


def by_group(
    answers: Mapping[Run, Answers], scopes: Mapping[Scope, Sequence[int]], settings: Bootstrap
) -> dict[str, dict[Run, Estimate]]:
    """Each run's mean accuracy over the sets of a group, or of ALL, by group; groups of a single set have none.

    `scopes` are the rows of the answers by (group, source). Without an interval where a set has fewer than FEW
    questions.
    """
    sets = {scope: rows for scope, rows in scopes.items() if scope[1] != ALL}
    groups = {group: [one for one in sets if group in (ALL, one[0])] for group, source in scopes if source == ALL}
    several = {group: members for group, members in groups.items() if len(members) > 1}
    totals: dict[str, dict[Run, Floats]] = {group: {} for group in several}
    for place, (scope, rows) in enumerate(sets.items()):
        means = _means(answers, rows, _apart(settings, place)) if any(scope in own for own in several.values()) else {}
        for group in (group for group, members in several.items() if scope in members):
            for run, mean in means.items():
                totals[group][run] = totals[group].get(run, 0.0) + mean / len(several[group])
    fewest = {group: min(len(sets[one]) for one in members) for group, members in several.items()}
    return {
        group: {run: _estimate(total, fewest[group], settings) for run, total in own.items()}
        for group, own in totals.items()
    }


def _apart(settings: Bootstrap, place: int) -> Bootstrap:
    """`settings` with a seed of the set's own: equal draws would pair the questions of sets of one size."""
    (seed,) = np.random.SeedSequence(settings.seed, spawn_key=(place,)).generate_state(1)
    return dataclasses.replace(settings, seed=int(seed))


def _means(answers: Mapping[Run, Answers], rows: Sequence[int], settings: Bootstrap) -> dict[Run, Floats]:
    """Each run's accuracy on the questions at `rows`, as they are and resampled: (1 + resamples, seeds)."""
    chosen = np.array(rows)
    columns = [one.correct[chosen] for one in answers.values()]
    sums = resampled_sums(np.hstack(columns), settings) / len(rows)
    ends = np.cumsum([own.shape[1] for own in columns])[:-1]
    return dict(zip(answers, np.split(sums, ends, axis=1), strict=True))


def _estimate(means: Floats, fewest: int, settings: Bootstrap) -> Estimate:
    """The mean over the seeds of `means`, (1 + resamples, seeds), with its interval."""
    accuracy = over_seeds(means, settings)
    return ratio(accuracy, np.ones_like(accuracy), settings.confidence if fewest >= FEW else None)
