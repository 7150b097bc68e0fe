"""Tables: how numbers are written, and both markups."""

import pytest

from stages.core.stats import Estimate
from stages.core.tables import Table, interval, latex, markdown, number, percent, share, significant, times


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
        (Estimate(), "-"),
        (Estimate(0.0, 0.0, 0.0), "0.0 [0.0, 0.0]"),
    ],
)
def test_estimates_in_per_cent(estimate: Estimate, text: str) -> None:
    assert percent(estimate) == text


def test_differences_carry_their_sign_and_nothing_is_never_minus_zero() -> None:
    assert interval(Estimate(-0.04, -1.0, 2.0), 1, "+") == "+0.0 [-1.0, +2.0]"


def test_other_numbers() -> None:
    assert [number(1234.5, 1), number(None), share(0.5), share(None)] == ["1,234.5", "-", "50.0", "-"]
    assert [times(0.25), times(0.0), times(None)] == ["4.00x", "-", "-"]


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
