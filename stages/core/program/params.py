"""Params of one stage: read from params.yaml, restricted to what the stage declares, checked
against a dataclass.

A stage declares `PARAMS`: a name for each section it needs and the section's place in params.yaml,
where `{student}` and the like stand for the cell's own entry. dvc.yaml lists the same places as the
stage's params dependencies, and a test compares the two, so a stage cannot read what DVC does not
watch.

A section is a dataclass. Its annotations, with the bounds below, say what each entry may hold; what
concerns several entries together its `__post_init__` checks. Entries that it does not name are
errors.
"""

import dataclasses
import functools
import json
import re
import typing
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, NotRequired, TypeVar

import yaml
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from stages.core.program import complaints
from stages.core.program.errors import StageError

FILE = Path("params.yaml")
Config = TypeVar("Config")

LARGEST_COUNT = (
    10**9
)  # of anything that is counted: far above what can be meant, far below what a library's integers hold
Positive = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # numpy takes no other
Amount = Annotated[float, Field(ge=0)]
NotEmpty = Annotated[str, Field(min_length=1)]

NAME = re.compile(r"[a-z0-9_]+")
# Names that something else has: folders of data/, targets, the sum of all question sets
TARGETS = ("raw", "answer_only", "untrained")
TRUNCATED = "truncated_"
_TAKEN = {
    "profile": ("imports", "scratch", "store"),
    "compressor": TARGETS,
    "question set": ("all",),
}
_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


def check_name(kind: str, name: Any) -> str:
    """`name`, the name of a `kind`, as it may stand in a path, a command and a table. Raises
    StageError for others.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise StageError(
            f"{kind} {complaints.quoted(name)}: a name consists of small letters, digits and _; rename it"
        )
    if name in _TAKEN.get(kind, ()) or (kind == "compressor" and name.startswith(TRUNCATED)):
        raise StageError(f"{kind} {name!r}: this name has another meaning; rename it")
    return name


def _unique(names: list[str]) -> list[str]:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{twice[0]!r} stands there twice")
    return names


def _sendable(value: dict[str, Any]) -> dict[str, Any]:
    json.dumps(value, allow_nan=False)  # raises ValueError
    return value


def check_watched(name: str) -> str:
    """`name` of a file in a folder that DVC watches. Raises StageError for one outside of it."""
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise StageError(
            f"files: {complaints.quoted(name)}: DVC watches data/imports/ alone; put the file there"
        )
    return name


def check_no_duplicates(files: Iterable[str]) -> None:
    """Raises StageError for a file that is named twice, in whatever way."""
    names = [str(PurePosixPath(name)) for name in files]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise StageError(
            f"files: {complaints.quoted(twice[0])} is named twice; name each file once"
        )


def one_of(*known: str) -> AfterValidator:
    """An annotation: one of these words. As Literal does, but for keys, whose mapping is then still
    one of str.
    """

    def check(value: str) -> str:
        if value not in known:
            raise PydanticCustomError(
                "literal_error", "one of {expected}", {"expected": str(known)}
            )
        return value

    return AfterValidator(check)


def _of(kind: str) -> Any:
    """An annotation: the name of a `kind`."""

    def check(name: str) -> str:
        try:
            return check_name(kind, name)
        except StageError as error:
            raise ValueError(str(error)) from None

    return AfterValidator(check)


Name = Annotated[str, _of("name")]
Profile = Annotated[str, _of("profile")]
Compressor = Annotated[str, _of("compressor")]
Compressors = Annotated[list[Compressor], AfterValidator(_unique)]
QuestionSetName = Annotated[str, _of("question set")]
Names = Annotated[list[Name], AfterValidator(_unique)]
NonEmptyNames = Annotated[Names, Field(min_length=1)]
Options = Annotated[
    dict[str, Any], AfterValidator(_sendable)
]  # what a library or server is handed as it is


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """libyaml's loader where it is built in, for every stage reads the params; a key that stands
    twice is an error.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """As its base does."""
        keys = [
            key.value
            for key, _ in node.value
            if isinstance(key, yaml.ScalarNode) and key.value != "<<"
        ]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise yaml.constructor.ConstructorError(
                None, None, f"key {twice[0]!r} stands there twice", node.start_mark
            )
        found: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return found


def parsed(text: str, path: Path = FILE) -> dict[str, Any]:
    """The mapping that a text of `path` holds. Raises StageError for one that is no YAML, or no
    mapping.
    """
    try:
        value = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise StageError(f"{path}: not YAML: {reason}; rewrite it with `make params`") from error
    if not isinstance(value, dict):
        raise StageError(f"{path}: expected a mapping; rewrite it with `make params`")
    return value


@functools.cache
def _params(path: Path, changed: int) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise StageError(f"{path}: not YAML: {error}; rewrite it with `make params`") from error
    return parsed(text, path)


def load(path: Path = FILE) -> Mapping[str, Any]:
    """All of params.yaml. Raises StageError where it is missing or not a mapping."""
    if not path.is_file():
        raise StageError(f"{path}: no such file; compose it with `make params PROFILE=default`")
    return _params(path, path.stat().st_mtime_ns)


def read(declared: Mapping[str, str], profile: str, **cell: str | None) -> dict[str, Any]:
    """The declared sections for one cell, by name.

    Raises StageError for a profile or an entry that is not there, and for a name in `cell` that is
    none.
    """
    for axis, name in {"profile": profile, **cell}.items():
        if name is not None:
            check_name(axis, name)
    whole = load()
    if whole.get("profile") != profile:
        raise StageError(
            f"profile {profile!r}: {FILE} is composed for {complaints.quoted(whole.get('profile'))}; "
            f"run `make params PROFILE={profile}` first"
        )
    return {name: _find(whole, place.format(**cell)) for name, place in declared.items()}


def _find(whole: Mapping[str, Any], place: str) -> Any:
    value: Any = whole
    for part in place.split("."):
        if not isinstance(value, dict) or part not in value:
            known = ", ".join(sorted(map(str, value))) if isinstance(value, dict) else "none"
            raise StageError(
                f"{FILE}: {place}: no entry {part!r}; known: {known}; add it in conf/profile/"
            )
        value = value[part]
    return value


def section(kind: type[Config], value: Any, place: str) -> Config:
    """`value` as a `kind`, a dataclass. Raises StageError that names the first entry that is not as
    it should be.
    """
    if not isinstance(value, dict):
        raise StageError(f"{FILE}: {place}: expected a mapping, found {complaints.quoted(value)}")
    _check(_adapter(typing.cast(Hashable, kind)), kind, value, place)
    try:
        return kind(
            **value
        )  # the values as they are: pydantic's own would be floats where whole numbers were given
    except StageError as error:  # what a dataclass checks by itself does not know its place
        raise StageError(f"{FILE}: {place}: {error}") from None


def entry(hint: Any, value: Any, place: str) -> Any:
    """`value`, an entry that a stage reads by itself. Raises StageError where it is not what the
    annotation says.
    """
    _check(TypeAdapter(hint, config=_STRICT), hint, value, place)
    return value


def _check(adapter: TypeAdapter[Any], hint: Any, value: Any, place: str) -> None:
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        raise StageError(f"{FILE}: {complaints.complaint(error, hint, value, place)}") from None


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """What checks a mapping against a dataclass: strict types, no unknown keys, no NaN and no
    infinity.

    Made by way of a TypedDict, because pydantic in strict mode takes no mapping for a dataclass.
    """
    hints, entries = typing.get_type_hints(kind, include_extras=True), dict[str, Any]()
    for field in dataclasses.fields(kind):
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        entries[field.name] = hints[field.name] if required else NotRequired[hints[field.name]]
    typed: Any = TypedDict
    made = typed(kind.__name__, entries)
    made.__pydantic_config__ = _STRICT
    return TypeAdapter(made)
