"""Counting in a student's tokens: one whose tokens are bytes, and one with merges."""

from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from stages.core import chat, tokens
from stages.core.program.errors import StageError
from tests.conftest import Miniature
from tests.miniatures.mistral import SPECIAL


def test_ids_have_nothing_added_and_come_back(tokenizer: Any) -> None:
    assert len(tokens.ids(tokenizer, "abc")) == 3
    assert tokenizer.decode(tokens.ids(tokenizer, "größer 漢\n")) == "größer 漢\n"
    assert tokens.ids(tokenizer, tokenizer.eos_token) == [tokenizer.eos_token_id]


def test_what_a_tokenizer_adds_by_itself_is_left_out(merged: PreTrainedTokenizerFast) -> None:
    adding = PreTrainedTokenizerFast(tokenizer_object=merged.backend_tokenizer, eos_token="<eos>")
    end = adding.eos_token_id
    adding.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", end)]
    )
    assert adding("12")["input_ids"][-1] == end
    assert tokens.count(adding, "") == 0
    assert end not in tokens.ids(adding, "12")


@pytest.mark.parametrize(
    ("text", "size"), [("", 0), ("abc", 3), ("é", 2), ("漢", 3), ("😀", 4), ("a<|im_end|>", 2)]
)
def test_count_of_a_byte_tokenizer(tokenizer: Any, text: str, size: int) -> None:
    assert tokens.count(tokenizer, text) == size


def test_special_tokens_are_found_in_a_text(
    tokenizer: Any, merged: PreTrainedTokenizerFast
) -> None:
    marks = tokens.special(tokenizer)
    assert marks is not None
    assert marks.findall("a<|im_end|>b <|im_start|><|im_ end|>") == ["<|im_end|>", "<|im_start|>"]
    made = PreTrainedTokenizerFast(
        tokenizer_object=merged.backend_tokenizer, unk_token="?", eos_token="</s>"
    )
    made.add_tokens([AddedToken("<fim>", special=True), AddedToken("<think>", special=False)])
    marks = tokens.special(made)
    assert marks is not None
    assert marks.findall("<fim> ? <think> </s>") == ["<fim>", "</s>"]


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"none: no such folder; run `dvc repro`"):
        tokens.load(tmp_path / "none")


def test_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no tokenizer that transformers can read"):
        tokens.load(tmp_path)


def test_tokenizer_without_an_end_is_refused(
    tmp_path: Path, merged: PreTrainedTokenizerFast
) -> None:
    endless = PreTrainedTokenizerFast(tokenizer_object=merged.backend_tokenizer)
    endless.save_pretrained(tmp_path)
    with pytest.raises(StageError, match="no EOS token, so generation would never stop"):
        tokens.load(tmp_path)


MINISTRAL = "mistralai/Ministral-3-14B-Instruct-2512"


def test_folder_with_a_tekken_json_gives_its_fast_tokenizer(miniature: Miniature) -> None:
    """transformers' own choice, where mistral-common is installed, has no chat template and encodes
    no mark.
    """
    folder = miniature(MINISTRAL)
    preferred = AutoTokenizer.from_pretrained(folder)
    assert type(preferred).__name__ == "MistralCommonBackend"
    loaded = tokens.load(folder)
    assert isinstance(loaded, PreTrainedTokenizerFast)
    assert tokens.ids(loaded, "[INST]a[/INST]") == [SPECIAL["[INST]"], 1097, SPECIAL["[/INST]"]]
    assert chat.prompt(loaded, None, "2 + 2?", system="Be brief.").endswith("[INST]2 + 2?[/INST]")
    for text in ("It is 123, so 100 + 23.\n\n  Therefore 12", "\u6f22\u5b57 na\u00efve"):
        assert tokens.ids(loaded, text) == preferred.encode(text, add_special_tokens=False)


def test_tokenizer_that_is_not_fast_is_refused(
    miniature: Miniature, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = AutoTokenizer.from_pretrained(miniature(MINISTRAL))
    monkeypatch.setattr(AutoTokenizer, "from_pretrained", lambda *_, **__: slow)
    with pytest.raises(
        StageError,
        match=r"its tokenizer is a MistralCommonBackend, expected a fast one; put a token",
    ):
        tokens.load(tmp_path)
