"""Params of one stage: read from params.yaml, restricted to what the stage declares, and checked.

A stage declares `PARAMS`: for each section that it needs a name and the section's path in
params.yaml, e.g. {"text": "students.{student}.text"}. `{student}` and the like stand for the cell's
own entry. dvc.yaml lists the same paths as the stage's params dependencies, and a test compares the
two. So a stage cannot read what DVC does not watch.

The type of a section is a dataclass. Its annotations, with the bounds below, say what each entry may
hold. Its `__post_init__` checks what concerns several entries together. Entries that it does not
name are errors. All checks go through `section` and `entry`.
"""

import dataclasses
import functools
import json
import typing
from collections.abc import Hashable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, NotRequired, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from stages.core.program import complaints
from stages.core.program.errors import StageError
from stages.core.program.names import (
    BUDGETED as BUDGETED,
)
from stages.core.program.names import (
    BUDGETS as BUDGETS,
)
from stages.core.program.names import (
    NAME as NAME,
)
from stages.core.program.names import (
    TARGETS as TARGETS,
)
from stages.core.program.names import (
    Compressor as Compressor,
)
from stages.core.program.names import (
    Compressors as Compressors,
)
from stages.core.program.names import (
    Name as Name,
)
from stages.core.program.names import (
    Names as Names,
)
from stages.core.program.names import (
    NonEmptyNames as NonEmptyNames,
)
from stages.core.program.names import (
    Profile as Profile,
)
from stages.core.program.names import (
    QuestionSetName as QuestionSetName,
)
from stages.core.program.names import (
    Shortener as Shortener,
)
from stages.core.program.names import (
    Shorteners as Shorteners,
)
from stages.core.program.names import (
    Target as Target,
)
from stages.core.program.names import (
    check_name as check_name,
)
from stages.core.program.names import (
    first_duplicate,
)
from stages.core.program.params_file import FILE, load

Config = TypeVar("Config")

# ---- Numbers and texts ----

# The most of anything that is counted: far above what can be meant, far below what the integers of
# a library hold
LARGEST_COUNT = 10**9
Positive = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # numpy takes no other
Amount = Annotated[float, Field(ge=0)]
NotEmpty = Annotated[str, Field(min_length=1)]


def one_of(*known: str) -> AfterValidator:
    """An annotation: a text that is one of `known`.

    It serves for the keys of a mapping. With Literal, their type would no longer be str.
    """

    def check(value: str) -> str:
        if value not in known:
            raise PydanticCustomError(
                "literal_error", "one of {expected}", {"expected": str(known)}
            )
        return value

    return AfterValidator(check)


# ---- Files and options ----


def check_watched(name: str) -> str:
    """`name`, the name of a file in a folder that DVC watches.

    Raises StageError for the name of a file outside of it.
    """
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise StageError(
            f"files: {complaints.quoted(name)}: DVC watches data/imports/ alone; put the file there"
        )
    return name


def check_no_duplicates(files: Iterable[str]) -> None:
    """Raises StageError for a file that is named twice, be it as `a//b` and as `a/b`."""
    duplicate = first_duplicate(str(PurePosixPath(name)) for name in files)
    if duplicate is not None:
        raise StageError(
            f"files: {complaints.quoted(duplicate)} is named twice; name each file once"
        )


def _sendable(value: dict[str, Any]) -> dict[str, Any]:
    """`value` as it is. Raises ValueError where JSON cannot hold it."""
    json.dumps(value, allow_nan=False)
    return value


# What a library or a server is handed as it is
Options = Annotated[dict[str, Any], AfterValidator(_sendable)]


# ---- Sections ----


def read(declared: Mapping[str, str], profile: str, **cell: str | None) -> dict[str, Any]:
    """The declared sections for one cell, by name, unchecked.

    `declared` is a stage's PARAMS, `cell` the names that fill its paths. Raises StageError for a
    profile or an entry that is not there, and for a name in `cell` that is no name.
    """
    for axis, name in {"profile": profile, **cell}.items():
        if name is not None:
            check_name(axis, name)
    all_params = load()
    if all_params.get("profile") != profile:
        raise StageError(
            f"profile {profile!r}: {FILE} is composed for {complaints.quoted(all_params.get('profile'))}; "
            f"run `make params PROFILE={profile}` first"
        )
    _check_expanded(all_params, profile)
    return {
        name: _entry_at(all_params, params_path.format(**cell))
        for name, params_path in declared.items()
    }


def _check_expanded(all_params: Mapping[str, Any], profile: str) -> None:
    """Raises StageError for params that `dvc exp run` composed, with budgets that it leaves alone."""
    for section_name in BUDGETED:
        entries = all_params.get(section_name)
        for name, value in entries.items() if isinstance(entries, dict) else ():
            if isinstance(value, dict) and BUDGETS in value:
                raise StageError(
                    f"{FILE}: {section_name}.{name}.{BUDGETS}: `dvc exp run` does not expand "
                    f"budgets; run `make params PROFILE={profile}`, then `dvc repro`"
                )


def _entry_at(all_params: Mapping[str, Any], params_path: str) -> Any:
    """The value at a path like `students.smollm2.text`. Raises StageError where nothing is there."""
    value: Any = all_params
    for part in params_path.split("."):
        if not isinstance(value, dict) or part not in value:
            known = ", ".join(sorted(map(str, value))) if isinstance(value, dict) else "none"
            raise StageError(
                f"{FILE}: {params_path}: no entry {part!r}; known: {known}; add it in conf/profile/"
            )
        value = value[part]
    return value


def section(kind: type[Config], value: Any, params_path: str) -> Config:
    """`value`, found at `params_path`, as a `kind`, which is a dataclass.

    Raises StageError that names the first entry that is wrong.
    """
    if not isinstance(value, dict):
        raise StageError(
            f"{FILE}: {params_path}: expected a mapping, found {complaints.quoted(value)}"
        )
    _check(_section_adapter(typing.cast(Hashable, kind)), kind, value, params_path)
    try:
        # The values as they are: pydantic's own would be floats where whole numbers were given
        return kind(**value)
    except StageError as error:  # a dataclass's own checks do not know where its section stands
        raise StageError(f"{FILE}: {params_path}: {error}") from None


def entry(hint: Any, value: Any, params_path: str) -> Any:
    """`value`, an entry at `params_path` that a stage reads without its section.

    Raises StageError where it is not what the annotation `hint` says.
    """
    _check(TypeAdapter(hint, config=_STRICT), hint, value, params_path)
    return value


# Strict types, no unknown entries, neither NaN nor infinity
_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


def _check(adapter: TypeAdapter[Any], hint: Any, value: Any, params_path: str) -> None:
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        complaint = complaints.complaint(error, hint, value, params_path)
        raise StageError(f"{FILE}: {complaint}") from None


@functools.cache
def _section_adapter(kind: Any) -> TypeAdapter[Any]:
    """What checks a mapping against a dataclass.

    It is made from a TypedDict, because pydantic in strict mode takes no mapping for a dataclass.
    """
    hints = typing.get_type_hints(kind, include_extras=True)
    entries: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        entries[field.name] = hints[field.name] if required else NotRequired[hints[field.name]]
    make_typed_dict: Any = TypedDict
    typed_dict = make_typed_dict(kind.__name__, entries)
    typed_dict.__pydantic_config__ = _STRICT
    return TypeAdapter(typed_dict)
