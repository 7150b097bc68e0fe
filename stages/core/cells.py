"""Cells of the grid, and the names of their files.

A cell is one trained student, or an untrained one.
"""

from dataclasses import astuple, dataclass, fields

from stages.core.program.errors import StageError

UNTRAINED = "untrained"
# What the names of targets that are cut at a budget begin with: truncated_mild
TRUNCATED = "truncated_"


@dataclass(frozen=True)
class Cell:
    """A student and its arm: the teacher, target, method and seed that it was trained with.

    An axis that a cell does not have is empty. The untrained student has no teacher, method or
    seed. A cell that stands for several seeds together has no seed.
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
        """The cell of a student and its arm, or of the untrained student where `arm` is empty.

        A part of the arm that is None or "" counts as not given. Raises StageError where only some
        parts are given.
        """
        given_parts = {axis: value for axis, value in arm.items() if value}
        if not given_parts:
            return cls.untrained(student)
        axes = {field.name for field in fields(cls)} - {"student"}
        missing_axes = ", ".join(sorted(axes - given_parts.keys()))
        if missing_axes:
            raise StageError(
                f"cell of {student}: {missing_axes} missing; give all of the arm or none"
            )
        return cls(student=student, **given_parts)

    @classmethod
    def parse(cls, name: str) -> "Cell":
        """The cell that has this name. Raises StageError where none can have it.

        This is unambiguous, because no name of a teacher, target, student, method or seed has a
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
        """Whether the student was trained in this study."""
        return self.target != UNTRAINED

    @property
    def name(self) -> str:
        """The stem of its files.

        It is `<teacher>-<target>-<student>-<method>-<seed>`, or `untrained-<student>`.
        """
        return "-".join(astuple(self)) if self.trained else f"{UNTRAINED}-{self.student}"


def label(target: str) -> str:
    """A target's name for readers, e.g. "truncated to mild", "answer only", "tail to mild".

    Names are the user's words with _ between them; `truncated_mild` alone lacks one.
    """
    if target.startswith(TRUNCATED):
        target = "truncated to " + target.removeprefix(TRUNCATED)
    return target.replace("_", " ")
