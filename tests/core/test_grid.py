"""The arms of a grid in the order of every table and figure."""

from stages.core.grid import Grid


def test_targets_made_in_assemble_stand_before_answer_only() -> None:
    grid = Grid(
        teachers=["t"],
        compressors=["mild", "strong"],
        shorteners=["truncated_mild"],
        targets=["stated", "answer_only", "shortest", "truncated_mild", "mild", "raw"],
        students=["s"],
        methods=["m"],
        seeds=["s0"],
        profiles=["p"],
    )
    assert grid.arms() == (
        "raw",
        "mild",
        "truncated_mild",
        "stated",
        "shortest",
        "answer_only",
        "untrained",
    )
    assert [cell.target for cell in grid.cells()] == list(grid.arms())
