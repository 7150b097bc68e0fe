"""Summarise a profile's runs: statistics, tables and figures, from the tracked metrics and
params.yaml alone.

metrics/<profile>/{questions.json, verify, compress, shorten, assemble, train, timing, scores}
    -> metrics/<profile>/{summary.json, results.csv}, plots/<profile>/{tables, figures, vega}

    python -m stages.report --profile default
"""

from collections.abc import Mapping
from typing import Any

import click

from stages.core import paths
from stages.core.grid import Grid
from stages.core.program import command, params
from stages.core.program.files import replacing, write_json, write_text
from stages.core.program.params import Positive
from stages.core.report import comparable, metrics, page, paper, provenance, summary
from stages.core.report.figures import curves, drawing, vega
from stages.core.report.study import Settings, Study, compute, headline
from stages.core.report.tables import accuracy, cost, data, differences, lengths, markup, sets
from stages.core.report.tables.headline import headline_table
from stages.core.report.tables.table import Table

PARAMS = {
    "grid": "grid",
    "report": "report",
    "methods": "methods",
    "cap": "evaluate.max_new_tokens",
}


def build(
    study: Study, made: Mapping[str, Table]
) -> tuple[dict[str, Any], str, dict[str, dict[str, bytes]]]:
    """The summary, results.csv, and the files of each folder of plots by name; `made` are the
    tables.
    """
    names, inputs = study.grid.arms(), study.inputs
    method = study.settings.headline["method"]
    own = {
        one.cell.target: one
        for one in headline(study.arms, study.settings)
        if one.cell.method in (method, "")
    }
    folders = {
        "tables": markup.table_files(made),
        "figures": drawing.draw(
            names,
            study.arms,
            study.compared,
            inputs.compress,
            study.caps,
            study.curves,
            study.settings.paper,
        ),
        "vega": {
            name: summary.table(rows, columns).encode()
            for name, rows, columns in (
                ("training.csv", curves.rows(names, inputs.train, inputs.timing), curves.COLUMNS),
                ("accuracy_tokens.csv", vega.points(names, study.arms), vega.POINTS),
                (
                    "accuracy_budget.csv",
                    vega.budgets(names, study.arms, study.caps, study.curves),
                    vega.CURVES,
                ),
            )
        },
    }
    return (
        summary.headlines(names, own),
        summary.table(summary.rows([*study.arms, *study.cells])),
        folders,
    )


def made_tables(study: Study) -> dict[str, Table]:
    """Every table by its file's stem."""
    inputs, found, confidence = study.inputs, study.arms, study.settings.confidence
    papers = study.settings.paper
    made = {
        "1_datasets": data.datasets(inputs.datasets),
        "2_traces": data.traces(inputs.verify, papers),
        "2b_selection": data.selection(inputs.verify),
        "3_compression": data.compression(inputs.compress, papers),
        "4_accuracy": accuracy.accuracy([*found, *study.cells], confidence),
        "4b_differences": differences.differences(found, study.compared, confidence),
        "4c_samples": accuracy.samples(found),
        "5_lengths": lengths.lengths(found),
        "6_cost": cost.costs(found),
        "6b_amounts": cost.amounts(found, study.budgets, inputs.assemble),
        "7_truncation": differences.truncation(study.compared, confidence),
        "8_retention_efficiency": accuracy.retention(found),
        "9_budget": lengths.budget(found, study.curves, study.caps),
        "10_break_even": cost.break_even(found, inputs.cost, study.grid.compressors),
    }
    made |= sets.tables(found, inputs, papers)
    if shown := headline(found, study.settings):
        made["headline"] = headline_table(shown, confidence)
    if inputs.holes:
        made["holes"] = data.holes(inputs.holes)
    notes = paper.NOTES if papers else {}
    return {name: table.with_note(notes.get(name, "")) for name, table in made.items()}


def _about(study: Study) -> provenance.About:
    """What captions say of the whole report."""
    return provenance.About(
        study.arms[0].questions_text, study.settings.bootstrap, study.settings.paper
    )


def _page(
    study: Study,
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
    about = f"Profile {profile}: {len(study.arms)} arms, drawn from metrics/{profile} alone."
    further = [table for name, table in made.items() if name not in ("headline", "holes")]
    return page.page(
        f"compress-distill: {profile}",
        about,
        made.get("headline"),
        pictures,
        study.inputs.examples,
        study.inputs.holes,
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
    study = compute(inputs, grid, settings, budgets, cap)
    made = made_tables(study)
    scalars, found, folders = build(study, made)
    about = _about(study)
    captions = {
        name: (provenance.says(name, about), provenance.caption(name, root, about))
        for name in provenance.FIGURES
    }
    said = "".join(f"- {name}: {' '.join(parts)}\n" for name, parts in captions.items())
    folders["figures"]["captions.md"] = said.encode()
    text = _page(study, profile, made, folders["figures"], captions)
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
