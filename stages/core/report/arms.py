"""What every arm did: its measures by group and set, against raw and against shorteners, and what
it cost.

An arm is its seeds' runs together. In a grid of one seed it is that run itself.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from stages.core.cells import UNTRAINED, Cell
from stages.core.grid import ALL, MAIN, Grid, Scope
from stages.core.records import GROUPS
from stages.core.report.metrics import Inputs
from stages.core.report.results import Comparison, Result, TrainingCost, training_cost
from stages.core.statistics import answers as arrays
from stages.core.statistics import macro, measures, significance
from stages.core.statistics.answers import Answers
from stages.core.statistics.measures import Estimate, Measure
from stages.core.statistics.significance import Bootstrap

# Holm's p of a comparison, the plain p that it must stay below, and the number of comparisons
Adjusted = tuple[float | None, float | None, int]


def pooled(answers: Mapping[Cell, Answers], grid: Grid) -> dict[Cell, Answers]:
    """The answers of each arm in the grid's order, its seeds together; in a grid of several seeds
    the arm has none.
    """
    if len(grid.seeds) == 1:
        return dict(answers)
    arms: dict[Cell, dict[str, Answers]] = {
        dataclasses.replace(run, seed=""): {} for run in grid.cells()
    }
    for run, one in answers.items():
        arms[dataclasses.replace(run, seed="")][run.seed] = one
    return {
        arm: arrays.pool(own) if arm.target != UNTRAINED else answers[arm]
        for arm, own in arms.items()
        if own
    }


def references(runs: Iterable[Cell]) -> dict[Cell, Cell]:
    """The raw arm that each trained one is compared with, whether it is there or not."""
    return {run: dataclasses.replace(run, target="raw") for run in runs if run.target != UNTRAINED}


def untrained(runs: Iterable[Cell]) -> dict[Cell, Cell]:
    """The untrained student of each trained arm, where it is there."""
    there = {run.student: run for run in runs if run.target == UNTRAINED}
    return {
        run: there[run.student] for run in runs if run.target != UNTRAINED and run.student in there
    }


def scopes(inputs: Inputs) -> dict[Scope, list[int]]:
    """The rows of the answers that belong to each group and set, and to all."""
    places = [(GROUPS.index(group), group, source) for _, group, source in inputs.questions]
    wanted = [(ALL, ALL), *((group, ALL) for _, group in sorted({place[:2] for place in places}))]
    wanted += [(group, source) for _, group, source in sorted(set(places))]
    return {
        (group, source): [
            row
            for row, (_, own, name) in enumerate(places)
            if group in (ALL, own) and source in (ALL, name)
        ]
        for group, source in wanted
    }


def results(
    inputs: Inputs, answers: Mapping[Cell, Answers], bootstrap: Bootstrap, cap: int
) -> list[Result]:
    """Every run's or arm's measures in each scope, and its cost, against raw."""
    raw, before, rows_of = references(answers), untrained(answers), scopes(inputs)
    measured = {
        scope: measures.measure(
            {run: one.take(np.array(rows)) for run, one in answers.items()}, raw, bootstrap, cap
        )
        for scope, rows in rows_of.items()
    }
    for group, over_sets in macro.by_group(answers, rows_of, bootstrap).items():
        of = measured[group, ALL]
        of |= {run: dataclasses.replace(of[run], macro=mean) for run, mean in over_sets.items()}
    gained = measures.measure(main_answers(answers, inputs), before, bootstrap) if before else {}
    spent = costs(answers, inputs, bootstrap.confidence)
    own = {run: {scope: of[run] for scope, of in measured.items()} for run in answers}
    return [
        Result(run, spent.get(run), own[run], gained.get(run), one.seeds)
        for run, one in answers.items()
    ]


def costs(arms: Iterable[Cell], inputs: Inputs, confidence: float) -> dict[Cell, TrainingCost]:
    """What each arm took to train, over its runs that say so, and against raw, over the seeds that
    both have.
    """
    trained = [arm for arm in arms if arm.target != UNTRAINED]
    runs = {arm: {run.seed: run for run in inputs.train if _part(run, arm)} for arm in trained}
    return {
        arm: _cost(own, runs.get(raw, {}), inputs, confidence)
        for arm, raw in references(trained).items()
        if (own := runs[arm])
    }


def _cost(
    own: Mapping[str, Cell], raw: Mapping[str, Cell], inputs: Inputs, confidence: float
) -> TrainingCost:
    """The cost of an arm's runs against that of raw's, both by seed."""

    def summed(runs: Iterable[Cell]) -> TrainingCost:
        chosen = list(runs)
        return training_cost(
            [inputs.train[run] for run in chosen], [inputs.timing[run] for run in chosen]
        )

    both, whole = (
        [seed for seed in own if seed in raw],
        dataclasses.replace(summed(own.values()), seeds=tuple(own)),
    )
    if not both:
        return dataclasses.replace(
            whole,
            seconds_note="no seed in common with raw" if raw else "raw's training is not there",
        )
    related = summed(own[seed] for seed in both).against(
        summed(raw[seed] for seed in both), confidence
    )
    ratios = ("relative_tokens", "relative_flops", "relative_seconds", "seconds_note")
    return dataclasses.replace(whole, **{name: getattr(related, name) for name in ratios})


def _part(run: Cell, arm: Cell) -> bool:
    return run == arm or dataclasses.replace(run, seed="") == arm


def main_answers(answers: Mapping[Cell, Answers], inputs: Inputs) -> dict[Cell, Answers]:
    """Every run's or arm's answers to the in-distribution questions, to all where there are none."""
    rows = [row for row, (_, group, _) in enumerate(inputs.questions) if group == MAIN]
    chosen = np.array(rows or range(len(inputs.questions)))
    return {run: one.take(chosen) for run, one in answers.items()}


def control_pairs(answers: Mapping[Cell, Answers], inputs: Inputs) -> list[tuple[Cell, Cell]]:
    """Every compressed arm that has answers, with each arm of traces that were shortened to its
    budgets: its length-matched controls.
    """
    pairs = []
    for cell in answers:
        for entry in inputs.shorten:
            control = dataclasses.replace(cell, target=entry["shortener"])
            is_control = (cell.teacher, cell.target, cell.student) == (
                entry["teacher"],
                entry["budget_of"],
                entry["student"],
            )
            if is_control and control in answers:
                pairs.append((cell, control))
    return pairs


def comparisons(
    answers: Mapping[Cell, Answers], inputs: Inputs, bootstrap: Bootstrap
) -> list[Comparison]:
    """Compression against every shortener to its budgets that the grid has."""
    pairs = control_pairs(answers, inputs)
    measured = {}
    for shortener in dict.fromkeys(control.target for _, control in pairs):
        controls = {cell: control for cell, control in pairs if control.target == shortener}
        cells = dict.fromkeys([*controls, *controls.values()])
        measured[shortener] = measures.measure(
            {cell: answers[cell] for cell in cells}, controls, bootstrap
        )
    entries = {
        (entry["teacher"], entry["shortener"], entry["student"]): entry for entry in inputs.shorten
    }
    return [
        Comparison(
            cell,
            measured[control.target][cell],
            control.target,
            measured[control.target][control],
            entries[cell.teacher, control.target, cell.student]["mean_tokens"],
            entries[cell.teacher, control.target, cell.student]["mean_budget"],
        )
        for cell, control in pairs
    ]


def family(answers: Mapping[Cell, Answers], inputs: Inputs) -> int:
    """How many comparisons the report has at most: those that `corrected` names, whether or not
    they have a p.
    """
    groups = {group for _, group, _ in inputs.questions}
    with_raw = sum(run != raw and raw in answers for run, raw in references(answers).items())
    with_controls = len(control_pairs(answers, inputs))
    return with_raw * len(groups) + len(untrained(answers)) + with_controls


def corrected(
    found: Sequence[Result], compared: Sequence[Comparison], confidence: float
) -> tuple[list[Result], list[Comparison]]:
    """Both with Holm's p, and the difference that it detects, over the family of all comparisons of
    the report.

    Of every arm with raw, by group, and with the untrained student, and of compression with
    the shorteners to its budgets.
    """
    family = [measure.p for one in found for measure in tested(one)] + [
        one.compressed.p for one in compared
    ]
    levels = significance.holm_levels(family, 1 - confidence)
    count = sum(p is not None for p in family)
    adjusted = iter([(*one, count) for one in zip(significance.holm(family), levels, strict=True)])
    results = [_adjusted(one, adjusted) for one in found]
    return results, [
        dataclasses.replace(one, compressed=_with(one.compressed, adjusted)) for one in compared
    ]


def tested(one: Result) -> list[Measure]:
    """An arm's comparisons, with raw and with the untrained student."""
    return [*one.groups.values(), *([one.versus_untrained] if one.versus_untrained else [])]


def _adjusted(one: Result, adjusted: Iterator[Adjusted]) -> Result:
    scopes = {(group, ALL): _with(measure, adjusted) for group, measure in one.groups.items()}
    gained = _with(one.versus_untrained, adjusted) if one.versus_untrained else None
    return dataclasses.replace(one, scopes={**one.scopes, **scopes}, versus_untrained=gained)


def _with(one: Measure, adjusted: Iterator[Adjusted]) -> Measure:
    p, level, count = next(adjusted)
    smallest = None
    if one.error is not None and level is not None:
        smallest = significance.detectable(one.error, level, max(1, len(one.seeds)))
    if smallest is not None and smallest > 1:  # points: two seeds of a large family resolve nothing
        smallest = None
    return dataclasses.replace(
        one, holm=p, detectable=smallest, comparisons=None if p is None else count
    )


def budget(
    answers: Mapping[Cell, Answers], caps: Sequence[int], bootstrap: Bootstrap
) -> dict[Cell, list[Estimate]]:
    """The accuracy of each run or arm at each cap of tokens, the EOS among them."""
    return {run: measures.at_caps(one, caps, bootstrap) for run, one in answers.items()}
