"""The folders of a student that one engine can load in turn: those that differ only in weights.

Config and tokenizer are parsed before they are compared, because transformers saves them in other
bytes than the hub.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.core import tokens
from stages.core.program.errors import StageError

# Of a config, what differs between a model and its checkpoints without shaping what an engine
# loads; engines set dtype
FREE = {"_name_or_path", "transformers_version", "dtype", "use_cache"}


def largest(folders: Sequence[Path]) -> list[Path]:
    """The largest group of folders with the same config and tokenizer, in their order.

    Of equally large groups it is the first.
    """
    groups: dict[str, list[Path]] = {}
    for folder in folders:
        groups.setdefault(shape(folder), []).append(folder)
    return max(groups.values(), key=len)


def shape(folder: Path) -> str:
    """A hash of all that an engine keeps when it takes other weights.

    Raises StageError without a config that transformers can read.
    """
    from transformers import AutoConfig, GenerationConfig

    try:
        config = AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        ).to_dict()
    except (OSError, ValueError, KeyError) as error:
        raise StageError(
            f"{folder}: no config that transformers can read: {tokens.reason(error)}"
        ) from error
    # Of the generation config an engine keeps the ends alone; it is told how to sample
    end_ids = None
    if (folder / "generation_config.json").is_file():
        generation_config = GenerationConfig.from_pretrained(folder, local_files_only=True)
        end_ids = generation_config.eos_token_id
    tokenizer = tokens.load(folder)
    kept_parts = [
        _shaping(config),
        end_ids,
        tokenizer.eos_token,
        tokenizer.backend_tokenizer.to_str(),
    ]
    # str: a config may hold a dtype, or another object that is no JSON
    serialized = json.dumps(kept_parts, sort_keys=True, default=str)
    return hashlib.sha256(serialized.encode()).hexdigest()


def _shaping(entry: Any) -> Any:
    """A config, or a part of one, without the entries in FREE."""
    if not isinstance(entry, dict):
        return entry
    shaping = {}
    for name, inner_entry in entry.items():
        if name not in FREE:
            shaping[name] = _shaping(inner_entry)
    return shaping
