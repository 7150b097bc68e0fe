"""The text of params.yaml as a mapping, read once for each change of the file."""

import functools
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from stages.core.program.errors import StageError

FILE = Path("params.yaml")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A YAML loader for which a key that stands twice in a mapping is an error.

    It is libyaml's where that is built in, because every stage reads the params.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping of a node. Raises ConstructorError for a key that stands there twice."""
        keys = [
            key.value
            for key, _ in node.value
            if isinstance(key, yaml.ScalarNode) and key.value != "<<"
        ]
        duplicates = {key for key in keys if keys.count(key) > 1}
        if duplicates:
            raise yaml.constructor.ConstructorError(
                None, None, f"key {min(duplicates)!r} stands there twice", node.start_mark
            )
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


def parsed(text: str, path: Path = FILE) -> dict[str, Any]:
    """The mapping that a text of `path` holds.

    Raises StageError for a text that is not YAML, or not a mapping.
    """
    try:
        value = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise StageError(f"{path}: not YAML: {reason}; rewrite it with `make params`") from error
    if not isinstance(value, dict):
        raise StageError(f"{path}: expected a mapping; rewrite it with `make params`")
    return value


def load(path: Path = FILE) -> Mapping[str, Any]:
    """All of params.yaml. Raises StageError where it is missing or not a mapping."""
    if not path.is_file():
        raise StageError(f"{path}: no such file; compose it with `make params PROFILE=default`")
    return _load(path, path.stat().st_mtime_ns)


@functools.cache
def _load(path: Path, modified_ns: int) -> Mapping[str, Any]:
    """The mapping of a file, kept until its time of modification, in nanoseconds, changes."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise StageError(f"{path}: not YAML: {error}; rewrite it with `make params`") from error
    return parsed(text, path)
