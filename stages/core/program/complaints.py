"""What pydantic finds wrong with params, in one line: the entry, what it is and what was expected."""

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


def complaint(error: ValidationError, hint: Any, value: Any, place: str) -> str:
    """pydantic's first error in one line: the entry, what it is and what was expected."""
    first = error.errors(include_url=False)[0]
    at, held, options = place, value, _options(hint)
    for part in first[
        "loc"
    ]:  # up to what is no entry: the alternative of a union, the name of one that is missing
        if not (isinstance(held, dict) and part in held) and not (
            isinstance(held, list) and isinstance(part, int)
        ):
            break
        at, held, options = (
            f"{at}.{_part(part)}".lstrip("."),
            held[typing.cast(Any, part)],
            _inside(options, part),
        )
    what, last, said = first["type"], first["loc"][-1:], first["msg"]
    known = ", ".join(re.findall("'([^']*)'", str(first.get("ctx", {}).get("expected", ""))))
    if what == "missing":
        return f"{at}.{_part(last[0])}: missing; add it in conf/profile/".lstrip(".")
    if what in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{at}: unknown entry; known: {', '.join(sorted(_entries(hint, first['loc'][:-1])))}"
    if last == ("[key]",):
        return (
            f"{at}: unknown entry; known: {known}"
            if known
            else f"{at}: its name: {said.partition(', ')[2] or said}"
        )
    if what == "literal_error":
        return f"{at}: {quoted(held)} is unknown; known: {known}"
    if what == "value_error":
        return f"{at}: {said.removeprefix('Value error, ')}"
    if what.endswith("_type"):
        return f"{at}: {quoted(held)} is not {' or '.join(map(_word, options))}"
    return f"{at}: {quoted(held)}: {said[0].lower()}{said[1:]}"


def _part(part: Any) -> str:
    return part if isinstance(part, str) and part.isprintable() and len(part) < 60 else quoted(part)


def _options(hint: Any) -> list[Any]:
    """The alternatives of a union, without what Annotated says of them."""
    if typing.get_origin(hint) is Annotated:
        return _options(typing.get_args(hint)[0])
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return [option for one in typing.get_args(hint) for option in _options(one)]
    return [hint]


def _inside(options: Iterable[Any], part: Any) -> list[Any]:
    """What an entry `part` of any of the options may be."""
    found: list[Any] = []
    for option in options:
        if typing.get_origin(option) in (dict, list):
            found += _options(typing.get_args(option)[-1])
        elif part in (hints := _hints(option)):
            found += _options(hints[part])
    return found


def _entries(hint: Any, path: Iterable[Any]) -> list[str]:
    """The entries that the section at `path` has."""
    options = functools.reduce(_inside, path, _options(hint))
    return [name for option in options for name in _hints(option)]


def _hints(option: Any) -> dict[str, Any]:
    fields = (
        typing.get_type_hints(option)
        if isinstance(option, type) and option.__module__ != "builtins"
        else {}
    )
    return {
        name: hint
        for name, hint in fields.items()
        if typing.get_origin(hint) is not typing.ClassVar
    }


def _word(option: Any) -> str:
    return "dict" if _hints(option) else str((typing.get_origin(option) or option).__name__)
