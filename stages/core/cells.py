"""Cells of the grid: one trained student each, or an untrained one; and the names that their files
have.
"""

from dataclasses import astuple, dataclass, fields

from stages.core.program.errors import StageError
from stages.core.program.params import TRUNCATED as TRUNCATED

UNTRAINED = "untrained"


@dataclass(frozen=True)
class Cell:
    """A student and its arm. The untrained student has no teacher, method or seed; pooled seeds
    have no seed.
    """

    teacher: str
    target: str
    student: str
    method: str
    seed: str

    @classmethod
    def untrained(cls, student: str) -> "Cell":
        """The cell of a student before any training."""
        return cls("", UNTRAINED, student, "", "")

    @classmethod
    def of(cls, student: str, **arm: str | None) -> "Cell":
        """The cell of a student and all parts of an arm, or of the untrained student where no part
        is given.

        Raises StageError where only some parts are given.
        """
        given = {axis: value for axis, value in arm.items() if value}
        if not given:
            return cls.untrained(student)
        missing = {field.name for field in fields(cls)} - {"student"} - given.keys()
        if missing:
            raise StageError(
                f"cell of {student}: {', '.join(sorted(missing))} missing; give all of the arm or none"
            )
        return cls(student=student, **given)

    @classmethod
    def parse(cls, name: str) -> "Cell":
        """The cell that has this name. Unambiguous, because the names of the axes' items hold no
        hyphen.
        """
        parts = name.split("-")
        if len(parts) == 2 and parts[0] == UNTRAINED:
            return cls.untrained(parts[1])
        if len(parts) != len(fields(cls)):
            raise StageError(
                f"cell {name!r}: expected <teacher>-<target>-<student>-<method>-<seed>"
            )
        return cls(*parts)

    @property
    def trained(self) -> bool:
        """Whether it is more than a student as it came."""
        return self.target != UNTRAINED

    @property
    def name(self) -> str:
        """`<teacher>-<target>-<student>-<method>-<seed>`, or `untrained-<student>`: the stem of its
        files.
        """
        return "-".join(astuple(self)) if self.trained else f"{UNTRAINED}-{self.student}"


def label(target: str) -> str:
    """A target's name for readers; compressors keep theirs."""
    if target.startswith(TRUNCATED):
        return f"truncated to {target.removeprefix(TRUNCATED)}"
    return "answer only" if target == "answer_only" else target
