"""All figures together: their files' stems, the look of arms, and a grid with nothing to show."""

from types import SimpleNamespace

from stages.core.report import captions
from stages.core.report.figures import accuracy, drawing, tokens
from stages.core.report.figures.styles import arm_styles
from stages.core.statistics.measures import Estimate
from tests.core.report.frontier.known_arms import all_frontiers
from tests.core.report.synthetic_results import ARMS, grid_results, result


def test_every_figure_has_its_caption() -> None:
    results = grid_results(1, 1)
    results += [
        result(f"step_{percent}", 0.3, 100, method="m0", student="s0") for percent in (1, 9)
    ]
    study = SimpleNamespace(
        grid=SimpleNamespace(arms=lambda: (*ARMS, "step_1", "step_9")),
        settings=SimpleNamespace(paper=False),
        inputs=SimpleNamespace(compress=[]),
        arms=results,
        cells=[],
        frontiers=all_frontiers(results),
        compared=[],
        caps=[8, 16],
        curves={each.cell: [Estimate(0.1), Estimate(0.2)] for each in results},
    )
    assert list(drawing.figures_by_stem(study)) == list(captions.FIGURES)
    study.frontiers = []
    assert "11_frontier" not in drawing.figures_by_stem(study)


def test_arms_differ_in_colour_and_in_marker() -> None:
    styles = arm_styles(ARMS)
    assert len({style.colour for style in styles.values()}) == len(ARMS)
    assert len({style.marker for style in styles.values()}) == len(ARMS)


def test_an_arm_keeps_its_look_without_the_arms_after_it() -> None:
    for count in range(1, 7):
        styles = arm_styles(ARMS[:count])
        assert all(styles[arm] == arm_styles(ARMS)[arm] for arm in ARMS[:count])


def test_more_arms_than_colours_still_have_looks() -> None:
    many_arms = ["raw", *(f"c{number}" for number in range(9))]
    assert list(arm_styles(many_arms)) == many_arms


def test_nothing_to_compare_is_said() -> None:
    for figure in (
        accuracy.truncation(ARMS, [], "40 questions"),
        tokens.accuracy_tokens(ARMS, [result("untrained", 0.5, 9)]),
    ):
        (text,) = figure.texts
        assert "nothing to compare" in text.get_text()
