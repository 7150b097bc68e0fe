"""The report's figures by the stems of their files."""

from matplotlib.figure import Figure

from stages.core.report.figures import accuracy, frontier, relative, tokens
from stages.core.report.figures.rendering import render, style_context
from stages.core.report.study import Study


def figures_by_stem(study: Study) -> dict[str, Figure]:
    """Every figure of the report by the stem of its files, those left out that have nothing to show
    in this grid.

    A new figure gets its line here. What the page says of it is in provenance.py, under the same
    stem.
    """
    arms, results = study.grid.arms(), study.arms
    show_paper = study.settings.paper
    questions = results[0].questions_text
    figures = {
        "3_rho": relative.rho(arms, study.inputs.compress, show_paper),
        "4_accuracy": accuracy.accuracy(arms, results),
        "5_accuracy_tokens": tokens.accuracy_tokens(arms, results, show_paper),
        "5b_accuracy_generated": tokens.accuracy_tokens(arms, results, show_paper, reasoning=False),
        "6_cost": relative.cost(arms, results, show_paper),
        "7_truncation": accuracy.truncation(arms, study.compared, questions),
        "8_retention_efficiency": relative.retention_efficiency(arms, results, show_paper),
        "9_budget": tokens.budget(arms, results, study.caps, study.curves),
    }
    if study.frontiers:
        figures["11_frontier"] = frontier.frontier(arms, study.frontiers, study.cells)
    return figures


def draw(study: Study) -> dict[str, bytes]:
    """PNG and SVG of every figure by file name."""
    files = {}
    with style_context():
        for stem, figure in figures_by_stem(study).items():
            files[f"{stem}.png"] = render(figure, "png")
            files[f"{stem}.svg"] = render(figure, "svg")
    return files
