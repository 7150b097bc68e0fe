"""What tests of this folder share as fixtures."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tests.core.plots import reported

LINES = [
    "So 12 + 40 = 52. Then 52 + 7 = 59.",
    "the answer is 59, therefore the sum is 59",
    "€ 漢字 漢字 naïve naïve",
] * 9


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with this project's dvc.yaml and templates, and the report of a grid of ten
    cells.
    """
    monkeypatch.chdir(tmp_path)
    reported(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def merged() -> PreTrainedTokenizerFast:
    """A byte-level BPE whose tokens span characters and, of rare ones, only parts."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(
        LINES,
        trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<eos>")
