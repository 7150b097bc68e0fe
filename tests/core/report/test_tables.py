"""Tables: how numbers are written, and both markups."""

import pytest

from stages.core.report.tables.cost import runs_to_pay
from stages.core.report.tables.markup import latex, markdown
from stages.core.report.tables.table import Column, Table, build_table
from stages.core.report.tables.text import (
    interval,
    number,
    percent,
    share,
    significant,
    times_less,
)
from stages.core.report.tables.verdicts import verdict
from stages.core.statistics.measures import Estimate
from tests.synthetic import measured


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0"),
        (1.0, "1.00"),
        (0.33333, "0.333"),
        (0.012345, "0.0123"),
        (15.55, "15.6"),
        (12345.6, "12,346"),
    ],
)
def test_three_significant_digits(value: float | None, text: str) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.625, 0.552, 0.698), "62.5 [55.2, 69.8]"),
        (Estimate(0.625), "62.5"),
        (Estimate(0.625, 0.552), "62.5 [55.2, -]"),
        (Estimate(), "-"),
        (Estimate(0.0, 0.0, 0.0), "0.0 [0.0, 0.0]"),
    ],
)
def test_estimates_in_per_cent(estimate: Estimate, text: str) -> None:
    assert percent(estimate) == text


def test_differences_carry_their_sign_and_nothing_is_never_minus_zero() -> None:
    assert interval(Estimate(-0.04, -1.0, 2.0), 1, "+") == "+0.0 [-1.0, +2.0]"


def test_other_numbers() -> None:
    assert [number(1234.5, 1), number(None), share(0.5), share(None)] == [
        "1,234.5",
        "-",
        "50.0",
        "-",
    ]
    assert [times_less(0.25), times_less(0.0), times_less(None)] == ["4.00x", "-", "-"]


def test_a_row_has_the_cell_of_each_column() -> None:
    columns = [Column[int]("n", str), Column[int]("half", lambda count: f"{count / 2:g}")]
    table = build_table("t", columns, [1, 4], ["a note"])
    assert table == Table("t", ("n", "half"), [("1", "0.5"), ("4", "2")], ("a note",))
    assert table.with_note("") is table
    assert table.with_note("more").notes == ("a note", "more")


TABLE = Table("A_title", ("name", "n"), [("a|b", "-1.5"), ("50% & more", "<0.001")], ("a note",))


def test_markdown() -> None:
    rows = ["| name | n |", "| :--- | ---: |", "| a\\|b | -1.5 |", "| 50% & more | <0.001 |"]
    assert markdown(TABLE) == "\n".join(["**A_title**", "", *rows, "", "a note", ""])


def test_latex() -> None:
    text = latex(TABLE)
    assert r"\caption{A\_title}" in text
    assert r"\begin{tabular}{lr}" in text
    assert r"50\% \& more & $<$0.001 \\" in text
    assert r"& $-$1.5 \\" in text


def test_a_table_without_rows_keeps_its_heads() -> None:
    empty = Table("t", ("a", "b"), [])
    assert "| a | b |\n| ---: | ---: |\n" in markdown(empty)
    assert r"\begin{tabular}{rr}" in latex(empty)


@pytest.mark.parametrize(
    ("paid", "saved", "students"),
    [
        (300.0, 100.0, "4"),  # three are even, the fourth saves
        (299.0, 100.0, "3"),
        (0.0, 1.0, "1"),
        (300.0, 0.0, "never"),
        (300.0, -5.0, "never"),
        (None, 5.0, "-"),
        (300.0, None, "-"),
    ],
)
def test_runs_to_pay(paid: float | None, saved: float | None, students: str) -> None:
    assert runs_to_pay(paid, saved) == students


@pytest.mark.parametrize(
    ("questions", "difference", "holm", "said"),
    [
        (40, Estimate(0.2, 0.1, 0.3), 0.01, "higher"),
        (40, Estimate(-0.2, -0.3, -0.1), 0.01, "lower"),
        (40, Estimate(0.2, 0.1, 0.3), 0.06, "not resolved"),  # Holm's p says so
        (40, Estimate(0.2, -0.1, 0.3), 0.01, "not resolved"),  # the interval does
        (40, Estimate(1.0), 0.001, "higher"),  # the same in every resample
        (40, Estimate(0.0), 1.0, "no pair differs"),
        (4, Estimate(1.0), None, "too few questions"),
        (40, Estimate(), None, "-"),
    ],
)
def test_verdict_needs_the_interval_and_the_adjusted_p(
    questions: int, difference: Estimate, holm: float | None, said: str
) -> None:
    one = measured(questions, Estimate(), 1.0, difference=difference, holm=holm)
    assert verdict(one, 0.95) == said
