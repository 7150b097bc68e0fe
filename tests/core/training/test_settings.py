"""Methods that cannot work are refused before anything is loaded."""

import dataclasses
import importlib.util
from typing import Any

import pytest

from stages.core import params
from stages.core.errors import StageError
from stages.core.training.settings import Method
from tests.made import FULL


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"budget": "equal_flops"}, "budget: 'equal_flops' is unknown; known: equal_epochs, equal_tokens, equal_steps"),
        ({"budget": "equal_steps"}, "steps: None: equal_steps needs a number of steps"),
        ({"budget": "equal_steps", "steps": 0}, "steps: 0: equal_steps needs a number of steps"),
        ({"steps": 5}, "steps: 5: equal_steps needs a number of steps, the others none"),
        ({"epochs": 0}, "epochs, batch_size and accumulation are at least 1"),
        ({"accumulation": 0}, "epochs, batch_size and accumulation are at least 1"),
        ({"warmup": 10}, "warmup is a share of the steps"),
        ({"warmup": -0.1}, "warmup is a share of the steps"),
        ({"learning_rate": 0}, "warmup is a share of the steps, from 0 to below 1, and learning_rate above 0"),
    ],
)
def test_method_that_cannot_work_is_named(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(StageError, match=r"params.yaml: methods.how: " + complaint):
        params.section(Method, dataclasses.asdict(FULL) | changes, "methods.how")


def test_8_bit_optimizer_without_its_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "bitsandbytes" else find(name))
    with pytest.raises(StageError, match="adamw_8bit needs bitsandbytes, which is not installed"):
        dataclasses.replace(FULL, optimizer="adamw_8bit")
