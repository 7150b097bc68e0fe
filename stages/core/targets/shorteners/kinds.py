"""The kinds of shorteners, by the name that their params give as `kind`.

A new kind is a file with the dataclass of its params, which says the budget as `Budget` does, and
with its Shortener. Then it is an entry of KINDS.
"""

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from stages.core.program import params
from stages.core.program.complaints import quoted
from stages.core.program.errors import StageError
from stages.core.records import Trace
from stages.core.targets.lengths import LastEncodings
from stages.core.targets.pruning.pruner import Pruner
from stages.core.targets.pruning.settings import Prune
from stages.core.targets.shorteners.cuts import Cut, Cutter


class Shortener(Protocol):
    """What shortens traces to budgets."""

    def shorten(self, traces: Sequence[Trace], budgets: Sequence[int]) -> list[str]:
        """The shortened reasoning of each trace. Budgets are in the student's tokens."""
        ...


@dataclass(frozen=True, kw_only=True)
class Student:
    """What shorteners use of the student in whose tokens they count."""

    tokenizer: Any
    encodings: LastEncodings  # those of the batch that is shortened
    model_folder: Path
    store_folder: Path  # of scores that are computed once


class Kind(NamedTuple):
    """A kind of shortener: the dataclass of its params, and what opens it.

    It is opened with its params, the student and the path of its params, which its errors name.
    """

    settings: type[Any]
    open: Callable[[Any, Student, str], AbstractContextManager[Shortener]]


def _cutter(settings: Cut, student: Student, params_path: str) -> AbstractContextManager[Shortener]:
    return contextlib.nullcontext(Cutter(settings, student.tokenizer, student.encodings))


def _pruner(
    settings: Prune, student: Student, params_path: str
) -> AbstractContextManager[Shortener]:
    return Pruner(
        settings, student.tokenizer, student.model_folder, student.store_folder, params_path
    )


KINDS = {
    "cut": Kind(Cut, _cutter),
    "prune": Kind(Prune, _pruner),
}


def settings_of(config: Any, params_path: str) -> tuple[Kind, Any]:
    """The kind and the checked params of the shortener that `config`, at `params_path`, describes.

    Raises StageError where it describes none.
    """
    if not isinstance(config, dict):
        raise StageError(f"params.yaml: {params_path}: expected a mapping, found {quoted(config)}")
    name = config.get("kind")  # it chooses the dataclass of the other entries
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise StageError(
            f"params.yaml: {params_path}.kind: {quoted(name)} is unknown; known: {', '.join(KINDS)}"
        )
    entries = {key: value for key, value in config.items() if key != "kind"}
    return kind, params.section(kind.settings, entries, params_path)
