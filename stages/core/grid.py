"""The axes of a study's grid, and its cells in the order of every table and figure."""

import itertools
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from stages.core.cells import FORCED, UNTRAINED, Cell
from stages.core.program.params import Compressors, Names, NonEmptyNames, Profile, Shorteners

ALL = "all"
# The group that headline numbers and figures are about, where the profile has it
MAIN = "in_distribution"
Scope = tuple[str, str]  # (group, source), ALL for either


def describe_questions(group: str, count: int) -> str:
    """The questions of a group for readers, as "44 OOD reasoning questions"."""
    if group == ALL:
        return f"{count} questions"
    kind = group.replace("ood_", "OOD ").replace("_", "-")
    return f"{count} {kind} questions"


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The axes of the study's cross product. Every item is a slug."""

    teachers: NonEmptyNames
    compressors: Compressors
    shorteners: Shorteners
    targets: NonEmptyNames
    students: NonEmptyNames
    methods: NonEmptyNames
    seeds: NonEmptyNames
    profiles: Annotated[list[Profile], Field(min_length=1, max_length=1)]
    # Teachers by the origin of their responses, which is all the same here
    generated: Names = field(default_factory=list)
    imported: Names = field(default_factory=list)
    # Targets at whose lengths the thinking of raw's students is closed, which trains nothing
    forced: Names = field(default_factory=list)

    def arms(self) -> tuple[str, ...]:
        """The targets in the order of every table and figure, the untrained student last."""
        with_files = ["raw"]
        with_files += self.compressors
        with_files += self.shorteners
        # Those that assemble makes from others, which it checks against their section
        assembled = [name for name in self.targets if name not in (*with_files, "answer_only")]
        possible_targets = [*with_files, *assembled, "answer_only"]
        arms = [target for target in possible_targets if target in self.targets]
        arms += [FORCED + target for target in self.forced]
        arms.append(UNTRAINED)
        return tuple(arms)

    def cells(self) -> list[Cell]:
        """Every cell in that order, the untrained students at the end."""
        targets = self.arms()[:-1]
        cells = []
        # The last axis varies fastest: cells that differ in their target alone stand together
        for teacher, student, method, seed, target in itertools.product(
            self.teachers, self.students, self.methods, self.seeds, targets
        ):
            cells.append(Cell(teacher, target, student, method, str(seed)))
        for student in self.students:
            cells.append(Cell.untrained(student))
        return cells
