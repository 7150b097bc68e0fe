"""The tokens that lines of several budgets need for equal accuracy: known crossing points."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
import pytest

from stages.core.cells import Cell
from stages.core.report.frontier.lines import frontiers, pass_tokens
from stages.core.report.frontier.names import budgets_by_name
from stages.core.report.frontier.needed import (
    COMMON_LEVEL,
    RAW_LEVEL,
    Needed,
    tokens_needed,
)
from stages.core.report.frontier.table import needed_table
from stages.core.statistics.answers import Answers
from stages.core.statistics.bootstrap import Bootstrap
from tests.core.report.frontier.known_arms import all_frontiers, answers, cell, pooled, result

BOOTSTRAP = Bootstrap(400, 0.95, 0)
TOKENS = {"random_10": 1000, "random_40": 4000, "step_10": 1000, "step_40": 4000, "raw": 9000}
SEEDS = ("s0", "s1", "s2")


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        (["x_10", "x_30", "raw", "y_5"], {"x": {10: "x_10", 30: "x_30"}}),
        (["x_100", "x_5"], {"x": {5: "x_5", 100: "x_100"}}),
        (["x_y_1", "x_y_2", "x_3"], {"x_y": {1: "x_y_1", 2: "x_y_2"}}),
        (["x_0", "x_101", "x_05", "x_", "_10", "x10"], {}),
        (["x_10", "x_10"], {}),
        (["raw", "mild", "answer_only"], {}),
    ],
)
def test_names_that_end_in_per_cent_are_one_line(
    targets: list[str], names: dict[str, dict[int, str]]
) -> None:
    assert budgets_by_name(targets) == names


def needed_of(rates: Mapping[str, float], questions: int = 200) -> dict[tuple[str, str], Needed]:
    """What each line needs in a grid of one seed, by its name and level."""
    arms = {cell(target, "s0"): rate for target, rate in rates.items()}
    results = [result(each, rate, TOKENS[each.target]) for each, rate in arms.items()]
    graded = {each: answers(rate, questions) for each, rate in arms.items()}
    rows = tokens_needed(all_frontiers(results), graded, BOOTSTRAP)
    return {(row.line.name, row.level): row for row in rows}


def test_lines_cross_raws_accuracy_where_they_should() -> None:
    """0.5 lies in the middle of 0.3 and 0.7 on the logarithm of 1000 and 4000 tokens."""
    rows = needed_of(
        {"raw": 0.5, "random_10": 0.2, "random_40": 0.4, "step_10": 0.3, "step_40": 0.7}
    )
    step, random = rows["step", RAW_LEVEL], rows["random", RAW_LEVEL]
    assert step.tokens.value == pytest.approx(2000)
    assert step.not_reached == 0
    assert step.tokens.low is not None
    assert step.tokens.high is not None
    assert 1000 < step.tokens.low < 2000 < step.tokens.high < 4000
    assert (random.tokens.value, random.not_reached) == (None, 1.0)
    assert step.cell == Cell("solver", "step", "small", "lora", "s0")
    # The best that both reach is random's at its largest budget
    assert rows["random", COMMON_LEVEL].tokens.value == pytest.approx(4000)
    assert rows["step", COMMON_LEVEL].tokens.value == pytest.approx(1000 * 4**0.25)
    assert rows["step", COMMON_LEVEL].accuracy.value == pytest.approx(0.4)


def test_accuracy_that_the_smallest_budget_reaches_is_at_most_its_tokens() -> None:
    rows = needed_of({"raw": 0.3, "step_10": 0.6, "step_40": 0.7})
    row = rows["step", RAW_LEVEL]
    assert row.tokens.value == pytest.approx(1000)
    assert row.tokens.low is None
    assert needed_table([], [row]).rows[0][-3:] == ("<=1,000", "<=0.11", "0.0")


def test_share_of_resamples_that_do_not_reach_it() -> None:
    """Half of the resamples, where the answers are of other questions, are below an equal level."""
    raw, step = cell("raw", "s0"), [cell("step_10", "s0"), cell("step_40", "s0")]
    results = [result(raw, 0.5, 9000), result(step[0], 0.1, 1000), result(step[1], 0.5, 4000)]
    graded = {raw: answers(0.5), step[0]: answers(0.1), step[1]: answers(0.5)}
    other_half = dataclasses.replace(graded[raw], correct=1 - graded[raw].correct)
    row = tokens_needed(all_frontiers(results), graded | {raw: other_half}, BOOTSTRAP)[0]
    assert row.not_reached == pytest.approx(0.5, abs=0.1)
    assert row.tokens.value == pytest.approx(4000)
    assert row.tokens.low is not None
    assert row.tokens.high is None
    text = needed_table([], [row]).rows[0][-3]
    assert text.startswith("4,000 [")
    assert text.endswith(", -]")


def test_line_that_falls_with_tokens_is_made_nondecreasing() -> None:
    rows = needed_of({"raw": 0.5, "step_10": 0.6, "step_40": 0.4})
    assert rows["step", RAW_LEVEL].tokens.value == pytest.approx(1000)
    assert rows["step", COMMON_LEVEL].accuracy.value == pytest.approx(0.5)


def test_few_questions_have_no_interval_and_no_share() -> None:
    row = needed_of({"raw": 0.5, "step_10": 0.25, "step_40": 0.75}, questions=4)["step", RAW_LEVEL]
    assert row.tokens.value == pytest.approx(2000)
    assert (row.tokens.low, row.not_reached) == (None, None)


def test_without_raw_the_lines_are_compared_alone() -> None:
    rows = needed_of({"step_10": 0.3, "step_40": 0.7})
    assert [level for _, level in rows] == [COMMON_LEVEL]
    (row,) = rows.values()
    assert row.raw_tokens is None
    assert needed_table([], [row]).rows[0][-2] == "-"


def seeds_study(rates: Mapping[str, Mapping[str, float]]) -> list[Needed]:
    """What lines need in a grid of several seeds, from the rates by target and seed."""
    arms = {cell(target): by_seed for target, by_seed in rates.items()}
    results = [
        result(each, float(np.mean(list(by_seed.values()))), TOKENS[each.target], tuple(by_seed))
        for each, by_seed in arms.items()
    ]
    graded = {each: pooled(by_seed) for each, by_seed in arms.items()}
    return tokens_needed(all_frontiers(results), graded, BOOTSTRAP)


def test_several_seeds_widen_the_interval() -> None:
    alike = {"raw": 0.5, "step_10": 0.3, "step_40": 0.7}
    apart = dict(zip(SEEDS, (-0.1, 0.0, 0.1), strict=True))

    def row(scatter: float) -> Needed:
        rates = {
            target: {
                seed: rate + (scatter * shift if target != "raw" else 0)
                for seed, shift in apart.items()
            }
            for target, rate in alike.items()
        }
        return seeds_study(rates)[0]

    narrow, wide = row(0.0), row(1.0)
    assert narrow.tokens.value == pytest.approx(2000)
    assert wide.tokens.value == pytest.approx(2000)
    assert wide.seeds == SEEDS
    assert wide.tokens.low is not None
    assert wide.tokens.high is not None
    assert narrow.tokens.low is not None
    assert narrow.tokens.high is not None
    assert math.log(wide.tokens.high / wide.tokens.low) > 1.3 * math.log(
        narrow.tokens.high / narrow.tokens.low
    )


def test_arms_are_compared_over_the_seeds_that_all_have() -> None:
    rates = {
        "raw": {"s0": 0.5, "s1": 0.9},
        "step_10": {"s0": 0.3, "s1": 0.1},
        "step_40": {"s0": 0.7},
    }
    (row, _) = seeds_study(rates)
    assert row.seeds == ("s0",)
    assert row.tokens.value == pytest.approx(2000)
    assert row.accuracy.value == pytest.approx(0.5)


def test_frontier_without_a_common_seed_is_named_below_the_table() -> None:
    rates = {"step_10": {"s0": 0.3}, "step_40": {"s1": 0.7}}
    assert seeds_study(rates) == []
    results = [result(cell(target), 0.5, TOKENS[target], ("s0",)) for target in rates]
    table = needed_table(all_frontiers(results), [])
    assert "small of solver, lora: no seed that all arms have." in table.notes


def test_tokens_are_of_one_pass_and_of_one_seed() -> None:
    assert pass_tokens(result(cell("raw"), 0.5, 700, SEEDS)) == pytest.approx(700)
    untrained = result(cell("untrained"), 0.5, 700)
    with pytest.raises(ValueError, match="untrained-small has no training cost"):
        pass_tokens(untrained)


def test_arms_without_a_cost_are_in_no_line() -> None:
    results = [
        result(cell(target), 0.5, TOKENS[target]) for target in ("raw", "step_10", "step_40")
    ]
    (frontier,) = all_frontiers(results)
    assert frontier.raw is results[0]
    assert [arm.cell.target for arm in frontier.lines[0].arms.values()] == ["step_10", "step_40"]
    without_cost = dataclasses.replace(results[2], cost=None)
    assert all_frontiers([*results[:2], without_cost]) == []


def test_targets_that_no_compressor_or_shortener_made_are_no_line() -> None:
    results = [result(cell(target), 0.5, 900) for target in ("raw", "mix_30", "mix_50", "step_10")]
    assert frontiers(results, ["step_10"]) == []


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    """The truth is 2000 tokens. Of 60 studies about 57 have it in their intervals."""
    rates = {"raw": 0.5, "step_10": 0.3, "step_40": 0.7}
    arms = {target: cell(target, "s0") for target in rates}
    results = [result(arms[target], rate, TOKENS[target]) for target, rate in rates.items()]
    known = all_frontiers(results)
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(60):
        graded: dict[Cell, Answers] = {}
        for target, rate in rates.items():
            correct = (generator.random((200, 1)) < rate).astype(float)
            graded[arms[target]] = dataclasses.replace(answers(rate), correct=correct)
        row = tokens_needed(known, graded, BOOTSTRAP)[0]
        assert row.tokens.low is not None
        covered += row.tokens.low <= 2000 <= (row.tokens.high or math.inf)
    assert covered >= 53
