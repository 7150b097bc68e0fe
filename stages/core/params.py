"""Params of one stage: read from params.yaml, restricted to what the stage declares, checked against a dataclass.

A stage declares `PARAMS`: a name for each section it needs and the section's place in params.yaml, where
`{student}` and the like stand for the cell's own entry. dvc.yaml lists the same places as the stage's params
dependencies, and a test compares the two, so a stage cannot read what DVC does not watch.
"""

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from stages.core.errors import StageError

FILE = Path("params.yaml")
Config = TypeVar("Config")
# libyaml's loader where it is built in: the paper profile's params are read by every stage
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.cache
def _params(path: Path, changed: int) -> Mapping[str, Any]:
    try:
        value = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise StageError(f"{path}: not YAML: {reason}; rewrite it with `make params`") from error
    if not isinstance(value, dict):
        raise StageError(f"{path}: expected a mapping; rewrite it with `make params`")
    return value


def load(path: Path = FILE) -> Mapping[str, Any]:
    """All of params.yaml. Raises StageError where it is missing or not a mapping."""
    if not path.is_file():
        raise StageError(f"{path}: no such file; compose it with `make params PROFILE=default`")
    return _params(path, path.stat().st_mtime_ns)


def read(declared: Mapping[str, str], profile: str, **cell: str) -> dict[str, Any]:
    """The declared sections for one cell, by name. Raises StageError for a profile or an entry that is not there."""
    whole = load()
    if whole.get("profile") != profile:
        raise StageError(
            f"profile {profile!r}: {FILE} is composed for {whole.get('profile')!r}; "
            f"run `make params PROFILE={profile}` first"
        )
    return {name: _find(whole, place.format(**cell)) for name, place in declared.items()}


def _find(whole: Mapping[str, Any], place: str) -> Any:
    value: Any = whole
    for part in place.split("."):
        if not isinstance(value, dict) or part not in value:
            known = ", ".join(sorted(value)) if isinstance(value, dict) else "none"
            raise StageError(f"{FILE}: {place}: no entry {part!r}; known: {known}; add it in conf/profile/")
        value = value[part]
    return value


def section(kind: type[Config], value: Any, place: str) -> Config:
    """`value` as a `kind`, a dataclass. Raises StageError that names the missing, unknown or ill-typed entry."""
    if not isinstance(value, dict):
        raise StageError(f"{FILE}: {place}: expected a mapping, found {value!r}")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(kind)
    for name in value:
        if name not in fields:
            raise StageError(f"{FILE}: {place}.{name}: unknown entry; known: {', '.join(sorted(fields))}")
    for name, field in fields.items():
        if name in value:
            _check(value[name], hints[name], f"{place}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise StageError(f"{FILE}: {place}.{name}: missing; add it in conf/profile/")
    try:
        return kind(**value)
    except StageError as error:  # what a dataclass checks by itself does not know its place
        raise StageError(f"{FILE}: {place}: {error}") from None


def _check(value: Any, hint: Any, place: str) -> None:
    """Raises StageError unless `value` is of type `hint`; a whole number is taken for a float."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    inner = [typing.get_args(option)[-1] for option in options if typing.get_origin(option) in (dict, list)]
    if inner and isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            _check(part, inner[0], f"{place}.{key}")
    plain = tuple(typing.get_origin(option) or option for option in options if option is not Any)
    if not plain or (float in plain and type(value) is int):
        return
    if not isinstance(value, plain) or (isinstance(value, bool) and bool not in plain):
        wanted = " or ".join(kind.__name__ for kind in plain)
        raise StageError(f"{FILE}: {place}: {value!r} is not {wanted}")
