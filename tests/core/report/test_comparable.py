"""Which arms are comparable under which budget."""

from pathlib import Path
from typing import Any

import pytest

from stages.core.cells import Cell
from stages.core.program.errors import StageError
from stages.core.report import comparable

ROOT = Path("train")
RAW = Cell("solver", "raw", "small", "lora", "s0")
SHORT = Cell("solver", "short", "small", "lora", "s0")
OTHER = Cell("other", "raw", "small", "lora", "s0")


def trained(**values: Any) -> dict[str, Any]:
    """The metrics of a run, as far as they are compared."""
    return {
        "examples": 100,
        "passes": 1.0,
        "steps": 25,
        "packed": True,
        "completion_tokens": 1000,
    } | values


@pytest.mark.parametrize(
    ("budget", "other", "complaint"),
    [
        ("equal_epochs", {}, None),
        ("equal_epochs", {"steps": 26}, "steps 26, of solver-raw-small-lora-s0 25"),
        ("equal_epochs", {"passes": 0.5}, "passes 0.5, of solver-raw-small-lora-s0 1.0"),
        ("equal_epochs", {"examples": 99}, "examples 99, of solver-raw-small-lora-s0 100"),
        ("equal_steps", {"steps": 26}, "steps 26"),
        ("equal_tokens", {"steps": 80, "passes": 3.2}, None),
        ("equal_tokens", {"completion_tokens": 1090}, None),
        ("equal_tokens", {"completion_tokens": 500}, "completion_tokens 500"),
        ("equal_tokens", {"examples": 99}, "examples 99"),
        ("equal_tokens", {"packed": False}, "packed False"),
    ],
)
def test_arms_of_one_teacher(budget: str, other: dict[str, Any], complaint: str | None) -> None:
    train = {RAW: trained(), SHORT: trained(**other)}
    if complaint is None:
        comparable.check(train, {"lora": budget}, ROOT)
        return
    with pytest.raises(StageError) as error:
        comparable.check(train, {"lora": budget}, ROOT)
    assert str(error.value).startswith(f"train/solver-short-small-lora-s0.json: {complaint}")
    assert f"method lora (budget {budget})" in str(error.value)


def test_teachers_may_have_other_numbers_of_examples_but_not_other_packing() -> None:
    comparable.check(
        {RAW: trained(), OTHER: trained(examples=50, steps=13)}, {"lora": "equal_epochs"}, ROOT
    )
    with pytest.raises(StageError, match=r"other-raw-small-lora-s0\.json: packed False"):
        comparable.check(
            {RAW: trained(), OTHER: trained(packed=False)}, {"lora": "equal_epochs"}, ROOT
        )


def test_budgets_are_those_of_the_grids_methods() -> None:
    methods = {"lora": {"budget": "equal_tokens"}, "full": {}, "spare": {"budget": "none"}}
    assert comparable.budgets(methods, ["lora", "full"]) == {
        "lora": "equal_tokens",
        "full": "equal_epochs",
    }
    with pytest.raises(
        StageError, match=r"methods\.spare\.budget: 'none' is unknown; known: equal_epochs"
    ):
        comparable.budgets(methods, ["spare"])
    with pytest.raises(StageError, match=r"methods\.gone: not there"):
        comparable.budgets(methods, ["gone"])


def test_budgets_are_those_that_train_knows() -> None:
    from stages.core.training.settings import BUDGETS

    assert {name: comparable.budgets({"one": {"budget": name}}, ["one"])["one"] for name in BUDGETS}
