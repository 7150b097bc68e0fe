"""report: statistics, tables, figures and a page from a profile's tracked metrics and params alone.

metrics/<profile>/{questions.json, examples.json, verify, compress, shorten, assemble, train,
    timing, cost, scores}
    -> metrics/<profile>/{summary.json, results.csv}, plots/<profile>/{tables, figures, vega},
       plots/<profile>/report.html
Run: python -m stages.report --profile default
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from stages.core import paths
from stages.core.grid import Grid
from stages.core.program import command, params
from stages.core.program.files import replacing, write_json, write_text
from stages.core.program.params import Positive
from stages.core.report import captions, comparable, metrics, page, paper, provenance, summary
from stages.core.report.figures import curves, drawing, vega
from stages.core.report.frontier.table import needed_table
from stages.core.report.study import Settings, Study, compute, headline
from stages.core.report.tables import (
    accuracy,
    cost,
    data,
    differences,
    lengths,
    markup,
    selection,
    sets,
)
from stages.core.report.tables.headline import headline_table
from stages.core.report.tables.table import Table

PARAMS = {
    "grid": "grid",
    "report": "report",
    "methods": "methods",
    "cap": "evaluate.max_new_tokens",
}
# What a figure shows, and where it comes from
Caption = tuple[str, str]


def make_tables(study: Study) -> dict[str, Table]:
    """Every table by its file's stem."""
    inputs, results, confidence = study.inputs, study.arms, study.settings.confidence
    with_paper = study.settings.paper
    tables = {
        "1_datasets": data.datasets(inputs.datasets),
        "2_traces": data.traces(inputs.verify, with_paper),
        "2b_selection": selection.selection(inputs.verify),
        "3_compression": data.compression(inputs.compress, with_paper),
        "4_accuracy": accuracy.accuracy([*results, *study.cells], confidence),
        "4b_differences": differences.differences(results, study.compared, confidence),
        "4c_samples": accuracy.samples(results),
        "5_lengths": lengths.lengths(results),
        "6_cost": cost.costs(results),
        "6b_amounts": cost.amounts(results, study.budgets, inputs.assemble),
        "7_truncation": differences.truncation(study.compared, confidence),
        "8_retention_efficiency": accuracy.retention(results),
        "9_budget": lengths.budget(results, study.curves, study.caps),
        "10_break_even": cost.break_even(results, inputs.cost, study.grid.compressors),
    }
    tables |= sets.tables(results, inputs, with_paper)
    headline_results = headline(results, study.settings)
    if headline_results:
        tables["headline"] = headline_table(headline_results, confidence)
    if study.frontiers:
        tables["11_frontier"] = needed_table(study.frontiers, study.needed)
    if inputs.holes:
        tables["holes"] = data.holes(inputs.holes)
    notes = paper.NOTES if with_paper else {}
    return {name: table.with_note(notes.get(name, "")) for name, table in tables.items()}


def vega_files(study: Study) -> dict[str, bytes]:
    """The data of DVC's own plots, as CSV files by name."""
    arms, inputs = study.grid.arms(), study.inputs
    training = curves.rows(arms, inputs.train, inputs.timing)
    points = vega.points(arms, study.arms)
    budgets = vega.budgets(arms, study.arms, study.caps, study.curves)
    return {
        "training.csv": summary.table(training, curves.COLUMNS).encode(),
        "accuracy_tokens.csv": summary.table(points, vega.POINTS).encode(),
        "accuracy_budget.csv": summary.table(budgets, vega.CURVES).encode(),
    }


def summary_scalars(study: Study) -> dict[str, Any]:
    """What summary.json holds: the scalars of the headline's method."""
    method = study.settings.headline["method"]
    result_of_arm = {
        result.cell.target: result
        for result in headline(study.arms, study.settings)
        if result.cell.method in (method, "")
    }
    return summary.headlines(study.grid.arms(), result_of_arm)


def make_captions(
    study: Study, metrics_root: Path, figure_files: Mapping[str, bytes]
) -> dict[str, Caption]:
    """The caption of every figure that is drawn, by its file's stem."""
    about = captions.About(
        questions=study.arms[0].questions_text,
        bootstrap=study.settings.bootstrap,
        has_paper=study.settings.paper,
    )
    return {
        name: (captions.description(name, about), captions.sources(name, metrics_root, about))
        for name in captions.FIGURES
        if f"{name}.svg" in figure_files
    }


def captions_file(captions_by_figure: Mapping[str, Caption]) -> bytes:
    """The captions as a list in Markdown."""
    lines = [f"- {name}: {' '.join(caption)}\n" for name, caption in captions_by_figure.items()]
    return "".join(lines).encode()


def make_page(
    study: Study,
    profile: str,
    tables: Mapping[str, Table],
    figure_files: Mapping[str, bytes],
    captions_by_figure: Mapping[str, Caption],
) -> str:
    """The report as one HTML file."""
    figures = {
        name: (figure_files[f"{name}.svg"], *caption)
        for name, caption in captions_by_figure.items()
    }
    folded_tables = [table for name, table in tables.items() if name not in ("headline", "holes")]
    return page.page(
        title=f"compress-distill: {profile}",
        about=f"Profile {profile}: {len(study.arms)} arms, drawn from metrics/{profile} alone.",
        headline=tables.get("headline"),
        figures=figures,
        examples=study.inputs.examples,
        holes=study.inputs.holes,
        tables=folded_tables,
    )


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Writes a folder of files anew."""
    with replacing(path) as folder:
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)


def read_study(declared: Mapping[str, Any], grid: Grid, metrics_root: Path) -> Study:
    """The study that a profile's metrics make, once they and the params are checked.

    Files that are not there yet are named in warnings.
    """
    cap = params.entry(Positive, declared["cap"], "evaluate.max_new_tokens")
    settings = params.section(Settings, declared["report"], "report").checked(grid)
    budgets = comparable.budgets(declared["methods"], grid.methods)
    inputs = metrics.load(metrics_root, grid)
    comparable.check(inputs.train, budgets, metrics_root / "train")
    for hole in inputs.holes:
        click.echo(f"warning: {hole}: not there yet; the report leaves it out", err=True)
    return compute(inputs, grid, settings, budgets, cap)


def write_report(study: Study, profile: str) -> None:
    """Makes all files of the report, and then writes them."""
    metrics_root, plots = paths.metrics(profile), paths.plots(profile)
    tables = make_tables(study)
    figure_files = drawing.draw(study)
    captions_by_figure = make_captions(study, metrics_root, figure_files)
    page_text = make_page(study, profile, tables, figure_files, captions_by_figure)
    results_table = summary.table(summary.rows([*study.arms, *study.cells]))
    scalars = summary_scalars(study)
    folders = {
        "tables": markup.table_files(tables),
        "figures": figure_files | {"captions.md": captions_file(captions_by_figure)},
        "vega": vega_files(study),
    }

    # Nothing is written before everything is made
    for name, files in folders.items():
        write_folder(plots / name, files)
    write_text(plots / "report.html", page_text)
    write_text(metrics_root / "results.csv", results_table)
    write_json(metrics_root / "summary.json", scalars)


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
    write_report(read_study(declared, grid, paths.metrics(profile)), profile)


main.params.append(
    click.Option(
        ["--explain"],
        metavar="CELL",
        help="say where a cell's numbers come from, and write nothing",
    )
)


if __name__ == "__main__":
    main()
