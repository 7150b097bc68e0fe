"""A student's tokenizer: loading it, counting, and the ids of prompts and completions.

Prompt and completion are tokenized separately and joined, both in training and in generation. So
the ids of a prompt never depend on what follows it.
"""

import functools
import re
from pathlib import Path
from typing import Any

from stages.core.program.errors import StageError


def load(folder: Path, revision: str | None = None) -> Any:
    """The tokenizer in a model's folder, or with `revision` that of a model on the hub.

    It is always a fast one. Raises StageError without a tokenizer, for one that is not fast, and
    for one without an EOS.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast
    from transformers.utils.hub import has_file

    if revision is None and not folder.is_dir():
        raise StageError(f"{folder}: no such folder; run `dvc repro` or `dvc pull {folder}`")
    try:
        options: dict[str, Any] = {"revision": revision, "local_files_only": revision is None}
        # Where mistral-common is installed, transformers prefers its tokenizer for a folder with a
        # tekken.json. That one has no chat template and reads no special token in a text, so the
        # files beside it are taken, with the split that they lack.
        if has_file(str(folder), "tekken.json", **options):
            options["fix_mistral_regex"] = True
        tokenizer = AutoTokenizer.from_pretrained(
            folder, **options, mistral_format=False, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError) as error:
        raise StageError(
            f"{folder}: no tokenizer that transformers can read: {reason(error)}"
        ) from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        kind = type(tokenizer).__name__
        raise StageError(
            f"{folder}: its tokenizer is a {kind}, expected a fast one; put a tokenizer.json there"
        )
    if tokenizer.eos_token is None:
        raise StageError(
            f"{folder}: its tokenizer has no EOS token, so generation would never stop"
        )
    return tokenizer


def reason(error: Exception) -> str:
    """Why transformers could not load something.

    Where it asks for permission to run a folder's code, the reason is in our own words.
    """
    if "trust_remote_code" in str(error):
        return (
            "it needs code of its own, which is never run; choose a model that transformers itself "
            "has"
        )
    return str(error)


def ids(tokenizer: Any, text: str) -> list[int]:
    """Token ids of `text` with nothing added."""
    input_ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return input_ids


def count(tokenizer: Any, text: str) -> int:
    """Number of tokens of `text` with nothing added."""
    return len(ids(tokenizer, text))


@functools.lru_cache(maxsize=8)
def special(tokenizer: Any) -> re.Pattern[str] | None:
    """A pattern of the tokenizer's special tokens, None where it has none.

    Longer tokens come first. Single characters stay text: a model's unknown token may be one.
    """
    # Compiled once for each tokenizer: some have a thousand special tokens, and each prompt is
    # searched for them
    texts = sorted(_special_texts(tokenizer), key=lambda text: (-len(text), text))
    if not texts:
        return None
    return re.compile("|".join(map(re.escape, texts)))


@functools.lru_cache(maxsize=8)
def special_ids(tokenizer: Any) -> frozenset[int]:
    """The ids of the tokens that `special` finds."""
    return frozenset(tokenizer.convert_tokens_to_ids(list(_special_texts(tokenizer))))


def _special_texts(tokenizer: Any) -> set[str]:
    """The texts of the special tokens that have more than one character."""
    # Tokens that have a role, such as the EOS, and those that were only added as special
    texts = set(tokenizer.all_special_tokens)
    for token in tokenizer.added_tokens_decoder.values():
        if token.special:
            texts.add(token.content)
    return {text for text in texts if len(text) > 1}
