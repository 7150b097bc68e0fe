"""Which targets a grid uses, and whether its params allow them.

tools/sections.py asks before params.yaml is written, and the stage asks again.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from stages.core.program import params
from stages.core.program.errors import StageError
from stages.core.targets.assembly.kinds import AssembledTarget, kind_of
from stages.core.targets.assembly.kinds.interface import NO_TARGETS

WITHOUT_REASONING = ("answer_only",)  # of the targets that have a file


def assembled_targets(section: Any) -> dict[str, AssembledTarget]:
    """The entries of `targets`. Raises StageError where one of them describes no target."""
    entries = params.entry(dict[params.Target, dict[str, Any]], section, "targets")
    return {name: kind_of(entry, f"targets.{name}") for name, entry in entries.items()}


def in_use(
    targets: Iterable[str], assembled: Mapping[str, AssembledTarget], file_targets: Collection[str]
) -> dict[str, AssembledTarget]:
    """The assembled targets among `targets`, and before each of them those that are its parts.

    `file_targets` are the targets that have a file. Raises StageError for a target that is neither, for an
    assembled one with the name of another target, and for a part that cannot be one.
    """
    for name in assembled:
        if name in file_targets:
            raise StageError(
                f"params.yaml: targets.{name}: the grid has another target of this name; rename it"
            )
    used: dict[str, AssembledTarget] = {}
    for name in targets:
        if name in assembled:
            used |= _with_parts(name, assembled, file_targets)
        elif name not in file_targets:
            raise StageError(
                f"params.yaml: grid.targets: {name!r} is unknown; "
                f"known: {', '.join([*file_targets, *assembled])}"
            )
    return used


def _with_parts(
    name: str, assembled: Mapping[str, AssembledTarget], file_targets: Collection[str]
) -> dict[str, AssembledTarget]:
    """An assembled target after those that it takes from. Raises StageError for a wrong part."""
    used: dict[str, AssembledTarget] = {}
    possible = [other for other in file_targets if other not in WITHOUT_REASONING]
    possible += [other for other, target in assembled.items() if target.chooses_attempts]
    for part in assembled[name].takes_from:
        if part not in (*possible, *NO_TARGETS):
            raise StageError(
                f"params.yaml: targets.{name}: its part {part!r} is no target of this grid that has "
                f"reasoning of its own; known: {', '.join(possible)}"
            )
        if part in assembled:
            used[part] = assembled[part]
    return used | {name: assembled[name]}


def by_attempts(used: Mapping[str, AssembledTarget]) -> list[str]:
    """The targets that go by all attempts at a question."""
    return [
        name for name, target in used.items() if target.chooses_attempts or target.counts_attempts
    ]


def check_attempts(
    used: Mapping[str, AssembledTarget],
    teacher: str,
    section: Any,
    traces_per_question: int | None,
) -> None:
    """Raises StageError where a target goes by attempts that were never all made.

    `section` is the teacher's. Of an imported teacher nobody here knows how its attempts were drawn.
    """
    for name, target in used.items():
        if target.chooses_attempts and traces_per_question is None:
            raise StageError(
                f"params.yaml: targets.{name}: assemble.traces_per_question is null, so every "
                "attempt is taken and none is left to choose; give a number"
            )
    for name in by_attempts(used):
        _check_all_are_drawn(name, teacher, section)


def _check_all_are_drawn(name: str, teacher: str, section: Any) -> None:
    """Raises StageError for a teacher that is asked, but not K times for every question."""
    if not isinstance(section, Mapping) or "files" in section:
        return
    if section.get("stop_at_first_correct", True) is not False:
        raise StageError(
            f"params.yaml: targets.{name}: it goes by all K attempts, and teachers.{teacher} stops "
            f"at the first correct one; set teachers.{teacher}.stop_at_first_correct: false"
        )
    if section.get("samples") == 1:
        raise StageError(
            f"params.yaml: targets.{name}: it goes by all attempts, and teachers.{teacher} makes "
            f"one; set teachers.{teacher}.samples to 2 or more"
        )
