"""What pydantic finds wrong with params, in one line: the entry, its value and what was expected."""

import functools
import re
import types
import typing
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import ValidationError

from stages.core.program.errors import shown


def quoted(value: Any) -> str:
    """A value in an error message: a text in quotes, all on one line, escaped and short."""
    return f"'{shown(value, 100)}'" if isinstance(value, str) else shown(value)


def complaint(error: ValidationError, hint: Any, value: Any, params_path: str) -> str:
    """pydantic's first error in one line: the entry, its value and what was expected.

    `value`, found at `params_path`, is what was checked against the annotation `hint`. An example:
    "evaluate.samples: '3' is not int".
    """
    first = error.errors(include_url=False)[0]
    kind, location, message = first["type"], first["loc"], first["msg"]
    entry_path, entry_value, options = _entry_at(location, hint, value, params_path)
    # ctx["expected"] lists the words that would be right, e.g. "'full', 'lora' or 'qlora'"
    expected = str(first.get("ctx", {}).get("expected", ""))
    known = ", ".join(re.findall("'([^']*)'", expected))

    if kind == "missing":
        missing_path = f"{entry_path}.{_path_part(location[-1])}".lstrip(".")
        return f"{missing_path}: missing; add it in conf/profile/"
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        entries = ", ".join(sorted(_entry_names(hint, location[:-1])))
        return f"{entry_path}: unknown entry; known: {entries}"
    if location[-1:] == ("[key]",):
        if known:
            return f"{entry_path}: unknown entry; known: {known}"
        return f"{entry_path}: its name: {message.partition(', ')[2] or message}"
    if kind == "literal_error":
        return f"{entry_path}: {quoted(entry_value)} is unknown; known: {known}"
    if kind == "value_error":
        return f"{entry_path}: {message.removeprefix('Value error, ')}"
    if kind.endswith("_type"):
        types_expected = " or ".join(map(_type_name, options))
        return f"{entry_path}: {quoted(entry_value)} is not {types_expected}"
    return f"{entry_path}: {quoted(entry_value)}: {message[0].lower()}{message[1:]}"


def _entry_at(
    location: Iterable[Any], hint: Any, value: Any, params_path: str
) -> tuple[str, Any, list[Any]]:
    """The path, the value and the possible types of the entry at pydantic's `location`.

    A location goes on below the entry: with the alternative of a union that was tried, or with the
    name of an entry that is missing. The walk ends where the next part is no entry of the value.
    """
    entry_path, entry_value, options = params_path, value, _options(hint)
    for part in location:
        in_mapping = isinstance(entry_value, dict) and part in entry_value
        in_list = isinstance(entry_value, list) and isinstance(part, int)
        if not in_mapping and not in_list:
            break
        entry_path = f"{entry_path}.{_path_part(part)}".lstrip(".")
        entry_value = entry_value[typing.cast(Any, part)]
        options = _options_of_entry(options, part)
    return entry_path, entry_value, options


def _path_part(part: Any) -> str:
    """A part of a params path as it is, or quoted where it is long or cannot be printed."""
    return part if isinstance(part, str) and part.isprintable() and len(part) < 60 else quoted(part)


def _options(hint: Any) -> list[Any]:
    """The alternatives of a union, without what Annotated says of them."""
    if typing.get_origin(hint) is Annotated:
        return _options(typing.get_args(hint)[0])
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return [option for alternative in typing.get_args(hint) for option in _options(alternative)]
    return [hint]


def _options_of_entry(options: Iterable[Any], part: Any) -> list[Any]:
    """The types that an entry `part` of any of the options may have."""
    entry_options: list[Any] = []
    for option in options:
        hints = _hints(option)
        if typing.get_origin(option) in (dict, list):
            entry_options += _options(typing.get_args(option)[-1])
        elif part in hints:
            entry_options += _options(hints[part])
    return entry_options


def _entry_names(hint: Any, location: Iterable[Any]) -> list[str]:
    """The entries that the section at `location` has."""
    options = functools.reduce(_options_of_entry, location, _options(hint))
    return [name for option in options for name in _hints(option)]


def _hints(option: Any) -> dict[str, Any]:
    """The entries of a section's type with their annotations; empty for a type that has none."""
    if not isinstance(option, type) or option.__module__ == "builtins":
        return {}
    hints = typing.get_type_hints(option)
    return {
        name: hint for name, hint in hints.items() if typing.get_origin(hint) is not typing.ClassVar
    }


def _type_name(option: Any) -> str:
    return "dict" if _hints(option) else str((typing.get_origin(option) or option).__name__)
