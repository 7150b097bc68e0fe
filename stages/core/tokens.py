"""A student's tokenizer: loading it, counting, and the ids of prompts and completions.

Prompt and completion are tokenized apart and joined, in training and in generation alike, so that the ids of a
prompt never depend on what follows it.
"""

from pathlib import Path
from typing import Any

from stages.core.errors import StageError


def load(folder: Path, revision: str | None = None) -> Any:
    """The tokenizer in a model's folder, or with `revision` of a model on the hub. Raises StageError without one."""
    from transformers import AutoTokenizer

    if revision is None and not folder.is_dir():
        raise StageError(f"{folder}: no such folder; run `dvc repro` or `dvc pull {folder}`")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, revision=revision, local_files_only=revision is None)
    except (OSError, ValueError, KeyError) as error:
        raise StageError(f"{folder}: no tokenizer that transformers can read: {error}") from error
    if tokenizer.eos_token is None:
        raise StageError(f"{folder}: its tokenizer has no EOS token, so generation would never stop")
    return tokenizer


def ids(tokenizer: Any, text: str) -> list[int]:
    """Token ids of `text` with nothing added."""
    found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return found


def count(tokenizer: Any, text: str) -> int:
    """Number of tokens of `text` with nothing added."""
    return len(ids(tokenizer, text))


def first(tokenizer: Any, text: str, budget: int) -> str:
    """The longest start of `text` that is at most `budget` tokens.

    Cut at a token's end in the text itself, so that the result is a true prefix; a budget inside a
    character of several tokens gives the text before that character.
    """
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    if len(found["input_ids"]) <= budget:
        return text
    spans = found["offset_mapping"]
    end = spans[budget - 1][1] if budget > 0 else 0
    # The token that is cut off may belong to the same character as the last one that is kept.
    if budget > 0 and spans[budget][0] < end:
        end = spans[budget][0]
    return text[:end]
