"""What the tests of training share: examples, and runs over them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.core.records import Example
from stages.core.training import run as runs
from stages.core.training.settings import Method, Training
from tests.made import FULL, PLAIN, example

Train = Callable[..., runs.TrainingResult]


@pytest.fixture(scope="module")
def examples(tokenizer: Any) -> list[Example]:
    """Twenty examples."""
    return [example(number, tokenizer.eos_token) for number in range(1, 21)]


@pytest.fixture(scope="module")
def train(
    tiny: Path, tokenizer: Any, examples: list[Example], tmp_path_factory: pytest.TempPathFactory
) -> Train:
    """A run over the examples."""

    def run(
        method: Method = FULL, training: Training = PLAIN, seed: int = 0
    ) -> runs.TrainingResult:
        scratch = tmp_path_factory.mktemp("scratch")
        return runs.train(tiny, examples, tokenizer, method, training, seed, scratch)

    return run
