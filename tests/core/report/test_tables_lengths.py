"""The caps of tokens of the budget's curves, and those that its table shows."""

import itertools

import pytest

from stages.core.cells import Cell
from stages.core.grid import ALL
from stages.core.report.results import Result
from stages.core.report.tables.lengths import FIRST, SHOWN, budget, caps
from stages.core.statistics.measures import Estimate
from tests.synthetic import measured


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 7, 100, 192, 512, 4096, 32768, 100000])
def test_caps_are_whole_distinct_and_end_at_the_limit(limit: int) -> None:
    found = caps(limit)
    assert found[-1] == limit
    assert found == sorted(set(found))
    assert found[0] <= max(limit, FIRST * 2 ** (1 / 3))
    assert all(above / below < 1.4 for below, above in itertools.pairwise(found))
    assert len(found) < 100


@pytest.mark.parametrize(
    ("limit", "shown"), [(192, [6, 12, 24, 48, 96, 192]), (32768, [8, 64, 512, 4096, 32768])]
)
def test_table_shows_caps_that_whole_doublings_part(limit: int, shown: list[int]) -> None:
    measure = measured(9, Estimate(0.5), 9.0)
    cell = Cell("solver", "raw", "small", "full", "s0")
    all_caps = caps(limit)
    curves = {cell: [Estimate(0.5)] * len(all_caps)}
    table = budget([Result(cell, None, {(ALL, ALL): measure})], curves, all_caps)
    assert [heading for heading in table.headings if "tokens" in heading] == [
        f"{cap} tokens %" for cap in shown
    ]
    assert len(shown) <= SHOWN
