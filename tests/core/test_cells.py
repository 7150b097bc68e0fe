"""Names of grid cells."""

import pytest

from stages.core.cells import Cell, label
from stages.core.program.errors import StageError

ARM = {"teacher": "solver", "target": "raw", "method": "lora", "seed": "s0"}


@pytest.mark.parametrize(
    ("arm", "name"),
    [
        (ARM, "solver-raw-tiny-lora-s0"),
        (ARM | {"target": "", "forced": "mild"}, "solver-forced_mild-tiny-lora-s0"),
        ({}, "untrained-tiny"),
        (dict.fromkeys(ARM, ""), "untrained-tiny"),
        (dict.fromkeys(ARM), "untrained-tiny"),  # what click passes for options that are not given
    ],
)
def test_name(arm: dict[str, str], name: str) -> None:
    assert Cell.of("tiny", **arm).name == name
    assert Cell.parse(name) == Cell.of("tiny", **arm)


@pytest.mark.parametrize("axis", ARM)
def test_part_of_an_arm_is_refused(axis: str) -> None:
    with pytest.raises(
        StageError, match=f"cell of tiny: {axis} missing; give all of the arm or none"
    ):
        Cell.of("tiny", **ARM | {axis: ""})


def test_names_of_different_cells_differ() -> None:
    first, other = (
        ARM | {"teacher": "a", "target": "b_c"},
        ARM | {"teacher": "a_b", "target": "c"},
    )
    assert Cell.of("tiny", **first).name != Cell.of("tiny", **other).name


@pytest.mark.parametrize("name", ["untrained", "solver-raw-tiny-lora", "solver-raw-tiny-lora-s0-0"])
def test_names_of_no_cell_are_refused(name: str) -> None:
    with pytest.raises(StageError, match=f"cell '{name}': expected <teacher>-<target>"):
        Cell.parse(name)


def test_forced_cell_has_the_weights_of_raw() -> None:
    raw = Cell.of("tiny", **ARM)
    forced = Cell.of("tiny", **ARM | {"target": "", "forced": "mild_30"})
    assert (forced.forced, forced.weights, forced.trained) == ("mild_30", raw, True)
    assert (raw.forced, raw.weights) == ("", raw)
    assert label(forced.target) == "raw, thinking closed at mild 30's length"


def test_target_and_forced_are_not_given_together() -> None:
    with pytest.raises(StageError, match="cell of tiny: target and forced given; leave one out"):
        Cell.of("tiny", **ARM | {"forced": "mild"})
