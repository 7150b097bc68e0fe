"""The axes of a study's grid, and its cells in the order of every table and figure."""

import dataclasses
import itertools
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from stages.core.cells import TRUNCATED, UNTRAINED, Cell
from stages.core.program.errors import StageError
from stages.core.program.params import Compressors, Names, NonEmptyNames, Profile

ALL = "all"
# the group that headline numbers and figures are about, where the profile has it
MAIN = "in_distribution"
Scope = tuple[str, str]  # (group, source), ALL for either


def describe_questions(group: str, count: int) -> str:
    """The questions of a group for readers, as "44 OOD reasoning questions"."""
    kind = "" if group == ALL else group.replace("ood_", "OOD ").replace("_", "-") + " "
    return f"{count} {kind}questions"


@dataclass(frozen=True)
class Grid:
    """The axes of the study's cross product; every item is a slug."""

    teachers: NonEmptyNames
    compressors: Compressors
    truncate_to: Names
    targets: NonEmptyNames
    students: NonEmptyNames
    methods: NonEmptyNames
    seeds: NonEmptyNames
    profiles: Annotated[list[Profile], Field(min_length=1, max_length=1)]
    generated: Names = dataclasses.field(
        default_factory=list
    )  # teachers by the origin of their responses,
    imported: Names = dataclasses.field(default_factory=list)  # which is all the same here

    def arms(self) -> tuple[str, ...]:
        """The targets in the order of every table and figure, the untrained student last."""
        cut = [TRUNCATED + name for name in self.truncate_to]
        known = ["raw", *self.compressors, *cut, "answer_only"]
        if stray := sorted(set(self.targets) - set(known)):
            raise StageError(
                f"params.yaml: grid.targets: unknown {stray[0]!r}; known: {', '.join(known)}"
            )
        return (*(name for name in known if name in self.targets), UNTRAINED)

    def cells(self) -> list[Cell]:
        """Every cell in that order, the untrained students at the end."""
        axes = itertools.product(
            self.teachers, self.students, self.methods, self.seeds, self.arms()[:-1]
        )
        trained = [
            Cell(teacher, arm, student, method, str(seed))
            for teacher, student, method, seed, arm in axes
        ]
        return trained + [Cell.untrained(student) for student in self.students]
