"""Summarise a profile's runs: statistics, tables and figures, from the tracked metrics and
params.yaml alone.

metrics/<profile>/{questions.json, verify, compress, truncate, assemble, train, timing, scores}
    -> metrics/<profile>/{summary.json, results.csv}, plots/<profile>/{tables, figures, vega}

    python -m stages.report --profile default
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, NotRequired

import click
from pydantic import Field
from typing_extensions import TypedDict

from stages.core import paths
from stages.core.cells import UNTRAINED, Cell
from stages.core.grid import Grid
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.program.files import replacing, write_json, write_text
from stages.core.program.params import Name, Positive, Seed
from stages.core.report import arms, comparable, metrics, page, paper, provenance, summary
from stages.core.report.figures import curves, drawing, vega
from stages.core.report.metrics import Inputs
from stages.core.report.results import Comparison, Result
from stages.core.report.tables import accuracy, cost, data, lengths, markup, sets
from stages.core.report.tables.markup import Table
from stages.core.statistics.measures import Estimate
from stages.core.statistics.significance import Bootstrap

PARAMS = {
    "grid": "grid",
    "report": "report",
    "methods": "methods",
    "cap": "evaluate.max_new_tokens",
}


MOST = 100_000  # resamples: more move no digit that is shown, and take memory for each


class Headline(TypedDict):
    """The cells whose numbers summary.json and the headline table hold."""

    teacher: Name
    student: Name
    method: Name
    seed: NotRequired[Name]


@dataclass(frozen=True)
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
        """Itself. Raises StageError for a headline not of the grid."""
        for name, found in self.headline.items():
            known = getattr(grid, f"{name}s")
            if found not in known:
                raise StageError(
                    f"params.yaml: report.headline.{name}: {found!r} is none of {', '.join(known)}"
                )
        return self

    @property
    def bootstrap(self) -> Bootstrap:
        """The intervals' part."""
        return Bootstrap(self.resamples, self.confidence, self.seed)


def headline(found: Sequence[Result], settings: Settings) -> list[Result]:
    """The arms of the headline's teacher and student, every method, and the untrained student."""
    student, teacher = settings.headline["student"], settings.headline["teacher"]
    return [
        one
        for one in found
        if one.run.student == student
        and (one.run.target == UNTRAINED or one.run.teacher == teacher)
    ]


@dataclass(frozen=True)
class Study:
    """All that tables and figures show. `arms` have their seeds together, `runs` are single where
    that differs.
    """

    inputs: Inputs
    grid: Grid
    settings: Settings
    budgets: Mapping[str, str]
    arms: Sequence[Result]
    runs: Sequence[Result]
    compared: Sequence[Comparison]
    caps: Sequence[int]
    curves: Mapping[Cell, Sequence[Estimate]]


def study(
    inputs: Inputs, grid: Grid, settings: Settings, budgets: Mapping[str, str], cap: int
) -> Study:
    """Everything that is computed from the metrics; `cap` is the limit of tokens of the evaluation."""
    own = arms.pooled(inputs.answers, grid)
    bootstrap = replace(settings.bootstrap, comparisons=arms.family(own, inputs))
    main = arms.main_answers(own, inputs)
    found, compared = arms.corrected(
        arms.results(inputs, own, bootstrap, cap),
        arms.comparisons(main, inputs, bootstrap),
        bootstrap.confidence,
    )
    single = {run: one for run, one in inputs.answers.items() if run not in own}
    runs = arms.results(inputs, single, bootstrap, cap) if single else []
    caps = lengths.caps(cap)
    curves = arms.budget(main, caps, bootstrap)
    return Study(inputs, grid, settings, budgets, found, runs, compared, caps, curves)


def build(
    whole: Study, made: Mapping[str, Table]
) -> tuple[dict[str, Any], str, dict[str, dict[str, bytes]]]:
    """The summary, results.csv, and the files of each folder of plots by name; `made` are the
    tables.
    """
    names, inputs = whole.grid.arms(), whole.inputs
    method = whole.settings.headline["method"]
    own = {
        one.run.target: one
        for one in headline(whole.arms, whole.settings)
        if one.run.method in (method, "")
    }
    folders = {
        "tables": markup.files(made),
        "figures": drawing.draw(
            names,
            whole.arms,
            whole.compared,
            inputs.compress,
            whole.caps,
            whole.curves,
            whole.settings.paper,
        ),
        "vega": {
            name: summary.table(rows, columns).encode()
            for name, rows, columns in (
                ("training.csv", curves.rows(names, inputs.train, inputs.timing), curves.COLUMNS),
                ("accuracy_tokens.csv", vega.points(names, whole.arms), vega.POINTS),
                (
                    "accuracy_budget.csv",
                    vega.budgets(names, whole.arms, whole.caps, whole.curves),
                    vega.CURVES,
                ),
            )
        },
    }
    return (
        summary.headlines(names, own),
        summary.table(summary.rows([*whole.arms, *whole.runs])),
        folders,
    )


def made_tables(whole: Study) -> dict[str, Table]:
    """Every table by its file's stem."""
    inputs, found, confidence = whole.inputs, whole.arms, whole.settings.confidence
    papers = whole.settings.paper
    made = {
        "1_datasets": data.datasets(inputs.datasets),
        "2_traces": data.traces(inputs.verify, papers),
        "2b_selection": data.selection(inputs.verify),
        "3_compression": data.compression(inputs.compress, papers),
        "4_accuracy": accuracy.accuracy([*found, *whole.runs], confidence),
        "4b_differences": accuracy.differences(found, whole.compared, confidence),
        "4c_samples": lengths.samples(found),
        "5_lengths": lengths.lengths(found),
        "6_cost": cost.costs(found),
        "6b_amounts": cost.amounts(found, whole.budgets, inputs.assemble),
        "7_truncation": accuracy.truncation(whole.compared, confidence),
        "8_retention_efficiency": accuracy.retention(found),
        "9_budget": lengths.budget(found, whole.curves, whole.caps),
        "10_break_even": cost.break_even(found, inputs.cost, whole.grid.compressors),
    }
    made |= sets.tables(found, inputs, papers)
    if shown := headline(found, whole.settings):
        made["headline"] = accuracy.headline(shown, confidence)
    if inputs.holes:
        made["holes"] = data.holes(inputs.holes)
    notes = paper.NOTES if papers else {}
    return {name: markup.noted(table, notes.get(name, "")) for name, table in made.items()}


def _about(whole: Study) -> provenance.About:
    """What captions say of the whole report."""
    return provenance.About(whole.arms[0].asked, whole.settings.bootstrap, whole.settings.paper)


def _page(
    whole: Study,
    profile: str,
    made: Mapping[str, Table],
    drawn: Mapping[str, bytes],
    captions: Mapping[str, tuple[str, str]],
) -> str:
    """The report as one HTML file."""
    pictures = {
        name: (drawn[f"{name}.svg"], *said)
        for name, said in captions.items()
        if f"{name}.svg" in drawn
    }
    about = f"Profile {profile}: {len(whole.arms)} arms, drawn from metrics/{profile} alone."
    further = [table for name, table in made.items() if name not in ("headline", "holes")]
    return page.page(
        f"compress-distill: {profile}",
        about,
        made.get("headline"),
        pictures,
        whole.inputs.examples,
        whole.inputs.holes,
        further,
    )


@command.stage("profile")
def main(profile: str, explain: str | None = None) -> None:
    """Write a profile's summary, tables, figures and page from its tracked metrics, or explain one
    cell's numbers.
    """
    declared = params.read(PARAMS, profile)
    grid = params.section(Grid, declared["grid"], "grid")
    if explain:
        cell = provenance.find(grid.cells(), explain)
        click.echo("\n".join(provenance.explain(paths.metrics(profile), profile, cell)))
        return
    cap = params.entry(Positive, declared["cap"], "evaluate.max_new_tokens")
    settings = params.section(Settings, declared["report"], "report").checked(grid)
    root = paths.metrics(profile)
    budgets, inputs = (
        comparable.budgets(declared["methods"], grid.methods),
        metrics.load(root, grid),
    )
    comparable.check(inputs.train, budgets, root / "train")
    for hole in inputs.holes:
        click.echo(f"warning: {hole}: not there yet; the report leaves it out", err=True)
    whole = study(inputs, grid, settings, budgets, cap)
    made = made_tables(whole)
    scalars, found, folders = build(whole, made)
    about = _about(whole)
    captions = {
        name: (provenance.says(name, about), provenance.caption(name, root, about))
        for name in provenance.FIGURES
    }
    said = "".join(f"- {name}: {' '.join(parts)}\n" for name, parts in captions.items())
    folders["figures"]["captions.md"] = said.encode()
    text = _page(whole, profile, made, folders["figures"], captions)
    for name, files in folders.items():
        with replacing(paths.plots(profile) / name) as folder:
            folder.mkdir()
            for file, data in files.items():
                (folder / file).write_bytes(data)
    write_text(paths.plots(profile) / "report.html", text)
    write_text(root / "results.csv", found)
    write_json(root / "summary.json", scalars)


main.params.append(
    click.Option(
        ["--explain"],
        metavar="CELL",
        help="say where a cell's numbers come from, and write nothing",
    )
)


if __name__ == "__main__":
    main()
