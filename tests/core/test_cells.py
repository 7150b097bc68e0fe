"""Names of grid cells."""

import pytest

from stages.core.cells import cell_name
from stages.core.program.errors import StageError

ARM = {"teacher": "solver", "target": "raw", "method": "lora", "seed": "s0"}


@pytest.mark.parametrize(
    ("arm", "name"),
    [
        (ARM, "solver-raw-tiny-lora-s0"),
        ({}, "untrained-tiny"),
        (dict.fromkeys(ARM, ""), "untrained-tiny"),
        (dict.fromkeys(ARM), "untrained-tiny"),  # what click passes for options that are not given
    ],
)
def test_name(arm: dict[str, str], name: str) -> None:
    assert cell_name("tiny", **arm) == name


@pytest.mark.parametrize("axis", ARM)
def test_part_of_an_arm_is_refused(axis: str) -> None:
    with pytest.raises(StageError, match=f"cell of tiny: {axis} missing; give all of the arm or none"):
        cell_name("tiny", **ARM | {axis: ""})


def test_names_of_different_cells_differ() -> None:
    assert cell_name("tiny", **ARM | {"teacher": "a", "target": "b_c"}) != cell_name(
        "tiny", **ARM | {"teacher": "a_b", "target": "c"}
    )
