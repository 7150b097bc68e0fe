"""Tables 2 and 3: their rows over all sets, by hand, and the paper's."""

from typing import Any

from stages.core.report import paper
from stages.core.report.tables.data import compression, traces


def verified(
    source: str, questions: int, accuracy: float, kept: int, chars: float | None
) -> dict[str, Any]:
    """What verify says of a set."""
    counts = {
        "questions": questions,
        "attempts": 2 * questions,
        "correct": kept + 1,
        "questions_kept": kept,
    }
    return {
        "source": source,
        "accuracy": accuracy,
        "traces_kept": kept,
        "mean_chars": chars,
    } | counts


# 99 of 100 first attempts are right, and one of three, whose share verify rounds
SETS = [verified("easy", 100, 0.99, 90, 100.0), verified("hard", 3, 0.333333, 10, 1100.0)]


def test_teachers_have_a_row_of_sums_and_one_of_means_over_sets() -> None:
    """100 of 103 first attempts are right; (90 x 100 + 10 x 1100) / 100 characters, and (100 +
    1100) / 2.
    """
    _, _, total, mean = traces([{"teacher": "solver", "sets": SETS}]).rows
    assert total == ("solver", "all sets", "103", "206", "102", "97.1", "100", "100", "200")
    assert mean == ("solver", "mean over sets", "-", "-", "-", "66.2", "-", "-", "600")


def test_a_set_without_kept_traces_has_no_characters_to_average() -> None:
    nothing = verified("none", 7, 0.0, 0, None)
    *_, total, mean = traces([{"teacher": "solver", "sets": [SETS[0], nothing]}]).rows
    assert total == ("solver", "all sets", "107", "214", "92", "92.5", "90", "90", "100")
    assert (mean[5], mean[-1]) == ("49.5", "100")
    *_, total, mean = traces([{"teacher": "solver", "sets": [nothing]}]).rows
    assert (total[-1], mean[-1]) == ("-", "-")


def compressed(source: str, kept: int, rho: float | None, **dropped: int) -> dict[str, Any]:
    """What compress says of a set."""
    spread = dict.fromkeys(("rho_median", "rho_q1", "rho_q3"), rho)
    counts = {"traces": kept + sum(dropped.values()), "kept": kept, "dropped": dropped}
    return (
        {"source": source, "rho_mean": rho, "mean_chars": None if rho is None else 100.0}
        | spread
        | counts
    )


def test_compressors_have_rho_over_all_traces_and_over_sets() -> None:
    """(30 x 0.1 + 10 x 0.5) / 40 = 0.2 over traces, (0.1 + 0.5) / 2 = 0.3 over the sets that have
    some.
    """
    sets = [
        compressed("a", 30, 0.1, empty=2),
        compressed("b", 10, 0.5, empty=1, tags=4),
        compressed("c", 0, None, tags=1),
    ]
    *_, total, mean = compression([{"teacher": "solver", "compressor": "light", "sets": sets}]).rows
    assert total[2:6] == ("all sets", "48", "40", "0.200")
    assert total[-2:] == ("100", "empty 3, tags 5")
    assert mean == ("solver", "light", "mean over sets", "-", "-", "0.300", "-", "-", "-", "-", "-")


def test_papers_numbers_are_rows_of_their_own_where_they_are_wanted() -> None:
    shown = compression([], papers=True).rows
    assert [row[5] for row in shown] == ["0.142", "0.086", "0.210", "0.147"]
    assert {row[0] for row in shown} == {f"paper: {paper.QWEN}", f"paper: {paper.GPT_OSS}"}
    easy, hard, *kept = traces([], papers=True).rows
    assert (easy[1], easy[5], easy[-1]) == ("MultiArith", "99.0", "1,750")
    assert (hard[1], hard[5], hard[-1]) == ("GPQA Diamond", "68.2", "18,734")
    assert [row[7] for row in kept] == ["283,000"] * 2
    assert compression([]).rows == traces([]).rows == []
