"""Names in params: of profiles, compressors, shorteners, targets and question sets."""

import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from stages.core.program import complaints
from stages.core.program.errors import StageError

NAME = re.compile(r"[a-z0-9_]+")  # e.g. smollm2, truncated_mild
TARGETS = ("raw", "answer_only", "untrained")
# The sections whose entries may have several budgets, of which tools/compose.py makes entries
BUDGETED = ("compressors", "shorteners")
BUDGETS = "budgets"
# Names that mean something else: folders of data/, targets, the sum of all question sets
_RESERVED_NAMES = {
    "profile": ("imports", "scratch", "store"),
    **dict.fromkeys(("compressor", "shortener", "assembled target"), TARGETS),
    "question set": ("all",),
}


def check_name(kind: str, name: Any) -> str:
    """`name`, the name of a `kind`, which may stand in a path, a command and a table.

    Raises StageError for a name that may not, or that has another meaning.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise StageError(
            f"{kind} {complaints.quoted(name)}: a name consists of small letters, digits and _; rename it"
        )
    if name in _RESERVED_NAMES.get(kind, ()):
        raise StageError(f"{kind} {name!r}: this name has another meaning; rename it")
    return name


def name_of(kind: str) -> AfterValidator:
    """An annotation: the name of a `kind`."""

    def check(name: str) -> str:
        try:
            return check_name(kind, name)
        except StageError as error:
            raise ValueError(str(error)) from None

    return AfterValidator(check)


def first_duplicate(names: Iterable[str]) -> str | None:
    """The first name, in alphabetical order, that is there twice; None where none is."""
    all_names = list(names)
    return min((name for name in all_names if all_names.count(name) > 1), default=None)


def _unique(names: list[str]) -> list[str]:
    """`names` as they are. Raises ValueError where one is there twice."""
    duplicate = first_duplicate(names)
    if duplicate is not None:
        raise ValueError(f"{duplicate!r} stands there twice")
    return names


Name = Annotated[str, name_of("name")]
Profile = Annotated[str, name_of("profile")]
Compressor = Annotated[str, name_of("compressor")]
Target = Annotated[str, name_of("assembled target")]
Compressors = Annotated[list[Compressor], AfterValidator(_unique)]
Shortener = Annotated[str, name_of("shortener")]
Shorteners = Annotated[list[Shortener], AfterValidator(_unique)]
QuestionSetName = Annotated[str, name_of("question set")]
Names = Annotated[list[Name], AfterValidator(_unique)]
NonEmptyNames = Annotated[Names, Field(min_length=1)]
