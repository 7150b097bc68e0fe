"""Methods that cannot work are refused before anything is loaded."""

import dataclasses
import importlib.util
import inspect
from typing import Any, get_args

import pytest

from stages.core.program import params
from stages.core.program.errors import StageError
from stages.core.students import origins
from stages.core.training import settings
from stages.core.training.settings import Method
from tests.made import FULL


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"budget": "equal_flops"},
            "budget: 'equal_flops' is unknown; known: equal_epochs, equal_tokens, equal_steps",
        ),
        ({"budget": "equal_steps"}, "steps: None: equal_steps needs a number of steps"),
        ({"budget": "equal_steps", "steps": 0}, "steps: 0: equal_steps needs a number of steps"),
        ({"steps": 5}, "steps: 5: equal_steps needs a number of steps, the others none"),
        ({"epochs": 0}, "epochs, batch_size and accumulation are at least 1"),
        ({"accumulation": 0}, "epochs, batch_size and accumulation are at least 1"),
        ({"warmup": 10}, "warmup is a share of the steps"),
        ({"warmup": -0.1}, "warmup is a share of the steps"),
        (
            {"learning_rate": 0},
            "warmup is a share of the steps, from 0 to below 1, and learning_rate above 0",
        ),
    ],
)
def test_method_that_cannot_work_is_named(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(StageError, match=r"params.yaml: methods.how: " + complaint):
        params.section(Method, dataclasses.asdict(FULL) | changes, "methods.how")


def test_8_bit_optimizer_without_its_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "bitsandbytes" else find(name)
    )
    method = params.section(
        Method, dataclasses.asdict(FULL) | {"optimizer": "adamw_8bit"}, "methods.how"
    )  # elsewhere
    with pytest.raises(StageError, match="adamw_8bit needs bitsandbytes, which is not installed"):
        method.check_library()


def test_words_are_those_of_the_libraries() -> None:
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
    from transformers.trainer_utils import SchedulerType
    from transformers.training_args import OptimizerNames

    from stages.core.asking.engines import options

    assert set(get_args(settings.Scheduler)) <= {known_name.value for known_name in SchedulerType}
    assert set(get_args(settings.Optimizer)) <= {known_name.value for known_name in OptimizerNames}
    known = {"eager", *ALL_ATTENTION_FUNCTIONS.valid_keys()}
    assert set(get_args(settings.Attention)) - {"rows"} == set(get_args(options.Attention))
    assert set(get_args(options.Attention)) <= known


@pytest.mark.parametrize("name", get_args(settings.Optimizer))
def test_optimizer_is_of_a_library_that_we_name(name: str) -> None:
    """What transformers asks of an optimizer's library, we ask before."""
    method = dataclasses.replace(FULL, optimizer=name)
    plain = {"adamw_torch", "adamw_torch_fused", "adafactor", "sgd", "adagrad", "rmsprop"}
    torchao = {"adamw_torch_8bit", "adamw_torch_4bit"}
    assert method.bitsandbytes is (name not in plain | torchao)


@pytest.mark.parametrize("name", origins.SHAPE)
def test_shape_of_random_weights_is_of_llamas_config(name: str) -> None:
    from transformers import LlamaConfig

    assert name in inspect.signature(LlamaConfig).parameters
