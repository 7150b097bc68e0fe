"""Summarise a profile's runs: statistics, tables and figures, from the tracked metrics and params.yaml alone.

metrics/<profile>/{questions.json, verify, compress, truncate, assemble, train, timing, scores}
    -> metrics/<profile>/{summary.json, results.csv}, plots/<profile>/{tables, figures, vega}

    python -m stages.report --profile default
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.core import (
    command,
    comparable,
    curves,
    figures,
    metrics,
    params,
    stats,
    summary,
    tables,
    tables_cost,
    tables_data,
    tables_runs,
)
from stages.core.cells import UNTRAINED
from stages.core.errors import StageError
from stages.core.files import replacing, write_json, write_text
from stages.core.metrics import Inputs
from stages.core.records import GROUPS
from stages.core.runs import ALL, MAIN, TRUNCATED, Comparison, Cost, Grid, Result, Run, cost
from stages.core.stats import Bootstrap

PARAMS = {"grid": "grid", "report": "report", "methods": "methods"}


@dataclass(frozen=True)
class Settings:
    """How intervals are made, and whose numbers the summary and the README's table show."""

    resamples: int
    confidence: float
    seed: int
    headline: dict[str, Any]

    def checked(self, grid: Grid) -> "Settings":
        """Itself. Raises StageError for values that make no interval, and for a headline not of the grid."""
        if self.resamples < 1 or not 0 < self.confidence < 1:
            raise StageError("params.yaml: report: expected resamples of 1 or more and 0 < confidence < 1")
        for name in ("teacher", "student", "method", "seed"):
            known = [str(item) for item in getattr(grid, f"{name}s")]
            if str(self.headline.get(name)) not in known:
                found = self.headline.get(name)
                raise StageError(f"params.yaml: report.headline.{name}: {found!r} is none of {', '.join(known)}")
        return self

    @property
    def bootstrap(self) -> Bootstrap:
        """The intervals' part."""
        return Bootstrap(self.resamples, self.confidence, self.seed)


def results(inputs: Inputs, bootstrap: Bootstrap) -> list[Result]:
    """Every run's measures by group and source, and its cost, against the raw run of the same arm."""
    groups = dict.fromkeys(sorted({group for _, group, _ in inputs.questions}, key=GROUPS.index))
    sources = sorted({(GROUPS.index(group), group, source) for _, group, source in inputs.questions})
    scopes = [
        (ALL, ALL),
        *((group, ALL) for group in groups),
        *((group, source) for _, group, source in sources),
    ]
    raw = _references(inputs.answers)
    measured = {}
    for group, source in scopes:
        rows = [
            row
            for row, (_, *place) in enumerate(inputs.questions)
            if group in (ALL, place[0]) and source in (ALL, place[1])
        ]
        taken = {run: answers.take(np.array(rows)) for run, answers in inputs.answers.items()}
        measured[group, source] = stats.measure(taken, raw, bootstrap)
    costs = _costs({run: [run] for run in inputs.train}, inputs)
    return [Result(run, costs.get(run), {scope: of[run] for scope, of in measured.items()}) for run in inputs.answers]


def _references(runs: Iterable[Run]) -> dict[Run, Run]:
    """The raw run that each trained run is compared with."""
    there = set(runs)
    pairs = {run: dataclasses.replace(run, target="raw") for run in there if run.target != UNTRAINED}
    return {run: raw for run, raw in pairs.items() if raw in there}


def _costs(seeds: Mapping[Run, Sequence[Run]], inputs: Inputs) -> dict[Run, Cost]:
    """What each arm cost, against raw; an arm is its seeds' runs together."""
    own = {
        arm: cost([inputs.train[run] for run in runs], [inputs.timing[run] for run in runs])
        for arm, runs in seeds.items()
    }
    raw = _references(own)
    return {arm: spent.against(own[raw[arm]]) if arm in raw else spent for arm, spent in own.items()}


def main_answers(inputs: Inputs) -> dict[Run, stats.Answers]:
    """Every run's answers to the in-distribution questions, to all where there are none."""
    rows = [row for row, (_, group, _) in enumerate(inputs.questions) if group == MAIN]
    chosen = np.array(rows or range(len(inputs.questions)))
    return {run: answers.take(chosen) for run, answers in inputs.answers.items()}


def pool_seeds(answers: Mapping[Run, stats.Answers]) -> dict[Run, stats.Answers]:
    """The answers of each arm, its seeds together."""
    return {arm: stats.pool([answers[run] for run in runs]) for arm, runs in _seeds(answers).items()}


def pooled(inputs: Inputs, bootstrap: Bootstrap) -> list[Result]:
    """Results with the seeds of each arm together, as the figures show them."""
    seeds, answers = _seeds(inputs.answers), pool_seeds(main_answers(inputs))
    measured = stats.measure(answers, _references(answers), bootstrap)
    costs = _costs({arm: runs for arm, runs in seeds.items() if arm.target != UNTRAINED}, inputs)
    return [Result(arm, costs.get(arm), {(ALL, ALL): measured[arm]}) for arm in answers]


def _seeds(runs: Iterable[Run]) -> dict[Run, list[Run]]:
    """The runs of each arm, which differ in their seed alone."""
    found: dict[Run, list[Run]] = {}
    for run in runs:
        found.setdefault(dataclasses.replace(run, seed=""), []).append(run)
    return found


def comparisons(answers: Mapping[Run, stats.Answers], inputs: Inputs, bootstrap: Bootstrap) -> list[Comparison]:
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


def headline(found: Sequence[Result], settings: Settings) -> list[Result]:
    """The runs of the headline's teacher, student and seed, every method, and the untrained student."""
    wanted = {name: str(settings.headline[name]) for name in ("teacher", "student", "seed")}
    return [
        one
        for one in found
        if one.run.student == wanted["student"]
        and (one.run.target == UNTRAINED or (one.run.teacher, one.run.seed) == (wanted["teacher"], wanted["seed"]))
    ]


def build(
    inputs: Inputs, grid: Grid, settings: Settings, budgets: Mapping[str, str]
) -> tuple[dict[str, Any], str, dict[str, dict[str, bytes]]]:
    """The summary, results.csv, and the files of each folder of plots by name."""
    arms, bootstrap = grid.arms(), settings.bootstrap
    found, together = results(inputs, bootstrap), pooled(inputs, bootstrap)
    shown = headline(found, settings)
    method = str(settings.headline["method"])
    own = {one.run.target: one for one in shown if one.run.method in (method, "")}
    seeds = pool_seeds(main_answers(inputs))
    drawn = figures.draw(arms, together, comparisons(seeds, inputs, bootstrap), inputs.compress)
    folders = {
        "tables": _tables(inputs, found, shown, settings, budgets),
        "figures": drawn,
        "vega": {
            "accuracy_tokens.csv": summary.table(summary.points(found)).encode(),
            "training.csv": summary.table(curves.rows(arms, inputs.train, inputs.timing), curves.COLUMNS).encode(),
        },
    }
    return summary.headlines(arms, own), summary.table(summary.rows(found)), folders


def _tables(
    inputs: Inputs, found: Sequence[Result], shown: Sequence[Result], settings: Settings, budgets: Mapping[str, str]
) -> dict[str, bytes]:
    """Every table in both markups, by file name."""
    compared = comparisons(main_answers(inputs), inputs, settings.bootstrap)
    made = {
        "1_datasets": tables_data.datasets(inputs.datasets),
        "2_traces": tables_data.traces(inputs.verify),
        "2b_selection": tables_data.selection(inputs.verify),
        "3_compression": tables_data.compression(inputs.compress),
        "4_accuracy": tables_runs.accuracy(found, settings.confidence),
        "6_cost": tables_cost.costs(found),
        "6b_amounts": tables_cost.amounts(found, budgets, inputs.assemble),
        "7_truncation": tables_runs.truncation(compared),
        "8_retention_efficiency": tables_runs.retention(found),
    }
    files = {f"{name}.md": tables.markdown(table) for name, table in made.items()}
    files |= {f"{name}.tex": tables.latex(table) for name, table in made.items()}
    files["headline.md"] = tables.markdown(tables_runs.headline(shown, settings.confidence))
    return {name: text.encode() for name, text in files.items()}


@command.stage("profile")
def main(profile: str) -> None:
    """Write a profile's summary, tables and figures from its tracked metrics."""
    declared = params.read(PARAMS, profile)
    grid = params.section(Grid, declared["grid"], "grid")
    settings = params.section(Settings, declared["report"], "report").checked(grid)
    root = Path("metrics") / profile
    budgets, inputs = comparable.budgets(declared["methods"], grid.methods), metrics.load(root, grid)
    comparable.check(inputs.train, budgets, root / "train")
    scalars, found, folders = build(inputs, grid, settings, budgets)
    for name, files in folders.items():
        with replacing(Path("plots") / profile / name) as folder:
            folder.mkdir()
            for file, data in files.items():
                (folder / file).write_bytes(data)
    write_text(root / "results.csv", found)
    write_json(root / "summary.json", scalars)


if __name__ == "__main__":
    main()
