"""What every arm did: its measures by group and set, against raw and against truncation, and what it cost.

An arm is its seeds' runs together. With one seed it is that run itself.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from stages.core import answers as arrays
from stages.core import significance, stats
from stages.core.answers import Answers
from stages.core.cells import UNTRAINED
from stages.core.metrics import Inputs
from stages.core.records import GROUPS
from stages.core.runs import ALL, MAIN, TRUNCATED, Comparison, Cost, Result, Run, cost
from stages.core.stats import Bootstrap, Estimate, Measure

Scope = tuple[str, str]  # (group, source), ALL for either


def seeds(runs: Iterable[Run]) -> dict[Run, list[Run]]:
    """The runs of each arm, which differ in their seed alone; the arm of several has none."""
    found: dict[Run, list[Run]] = {}
    for run in runs:
        found.setdefault(dataclasses.replace(run, seed=""), []).append(run)
    return {own[0] if len(own) == 1 else arm: own for arm, own in found.items()}


def pooled(answers: Mapping[Run, Answers]) -> dict[Run, Answers]:
    """The answers of each arm, its seeds together."""
    return {arm: arrays.pool([answers[run] for run in runs]) for arm, runs in seeds(answers).items()}


def references(runs: Iterable[Run]) -> dict[Run, Run]:
    """The raw arm that each trained one is compared with, where it is there with as many seeds."""
    there = set(runs)
    pairs = {run: dataclasses.replace(run, target="raw") for run in there if run.target != UNTRAINED}
    return {run: raw for run, raw in pairs.items() if raw in there}


def scopes(inputs: Inputs) -> dict[Scope, list[int]]:
    """The rows of the answers that belong to each group and set, and to all."""
    places = [(GROUPS.index(group), group, source) for _, group, source in inputs.questions]
    wanted = [(ALL, ALL), *((group, ALL) for _, group in sorted({place[:2] for place in places}))]
    wanted += [(group, source) for _, group, source in sorted(set(places))]
    return {
        (group, source): [
            row for row, (_, own, name) in enumerate(places) if group in (ALL, own) and source in (ALL, name)
        ]
        for group, source in wanted
    }


def results(inputs: Inputs, answers: Mapping[Run, Answers], bootstrap: Bootstrap, cap: int) -> list[Result]:
    """Every run's or arm's measures in each scope, and its cost, against raw."""
    raw = references(answers)
    measured = {
        scope: stats.measure({run: one.take(np.array(rows)) for run, one in answers.items()}, raw, bootstrap, cap)
        for scope, rows in scopes(inputs).items()
    }
    spent = costs(answers, inputs, bootstrap.confidence)
    return [Result(run, spent.get(run), {scope: of[run] for scope, of in measured.items()}) for run in answers]


def costs(arms: Iterable[Run], inputs: Inputs, confidence: float) -> dict[Run, Cost]:
    """What each arm of which all runs have their costs took to train, against raw."""
    known = {arm: [run for run in inputs.train if _part(run, arm)] for arm in arms if arm.target != UNTRAINED}
    own = {
        arm: cost([inputs.train[run] for run in runs], [inputs.timing[run] for run in runs])
        for arm, runs in known.items()
        if runs
    }
    raw = references(own)
    return {arm: spent.against(own[raw[arm]], confidence) if arm in raw else spent for arm, spent in own.items()}


def _part(run: Run, arm: Run) -> bool:
    return run == arm or dataclasses.replace(run, seed="") == arm


def main_answers(inputs: Inputs) -> dict[Run, Answers]:
    """Every run's answers to the in-distribution questions, to all where there are none."""
    rows = [row for row, (_, group, _) in enumerate(inputs.questions) if group == MAIN]
    chosen = np.array(rows or range(len(inputs.questions)))
    return {run: answers.take(chosen) for run, answers in inputs.answers.items()}


def comparisons(answers: Mapping[Run, Answers], inputs: Inputs, bootstrap: Bootstrap) -> list[Comparison]:
    """Compression against truncation to its lengths, wherever the grid has both."""
    cut = {run: dataclasses.replace(run, target=TRUNCATED + run.target) for run in answers}
    pairs = {run: other for run, other in cut.items() if other in answers}
    if not pairs:
        return []
    runs = dict.fromkeys([*pairs, *pairs.values()])
    measured = stats.measure({run: answers[run] for run in runs}, pairs, bootstrap)
    lengths = {(one["teacher"], one["compressor"], one["student"]): one for one in inputs.truncate}
    found = []
    for run, other in pairs.items():
        length = lengths.get((run.teacher, run.target, run.student), {})
        found.append(
            Comparison(run, measured[run], measured[other], length.get("mean_tokens"), length.get("mean_budget"))
        )
    return found


def corrected(found: Sequence[Result], compared: Sequence[Comparison]) -> tuple[list[Result], list[Comparison]]:
    """Both with Holm's p over the family of all comparisons that the report makes: with raw, and with truncation."""
    family = [one.whole.p for one in found] + [one.compressed.p for one in compared]
    adjusted = significance.holm(family)
    results = [_with(one, p) for one, p in zip(found, adjusted[: len(found)], strict=True)]
    pairs = zip(compared, adjusted[len(found) :], strict=True)
    return results, [
        dataclasses.replace(one, compressed=dataclasses.replace(one.compressed, holm=p)) for one, p in pairs
    ]


def _with(one: Result, p: float | None) -> Result:
    scope = (MAIN, ALL) if (MAIN, ALL) in one.scopes else (ALL, ALL)
    whole: Measure = dataclasses.replace(one.whole, holm=p)
    return dataclasses.replace(one, scopes={**one.scopes, scope: whole})


def budget(answers: Mapping[Run, Answers], caps: Sequence[int], bootstrap: Bootstrap) -> dict[Run, list[Estimate]]:
    """The accuracy of each run or arm at each cap of tokens, the EOS among them."""
    return {run: stats.at_caps(one, caps, bootstrap) for run, one in answers.items()}
