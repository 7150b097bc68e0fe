"""Names of grid cells: the one place that knows how a cell's files are called."""

from stages.core.program.errors import StageError

AXES = ("teacher", "target", "student", "method", "seed")
UNTRAINED = "untrained"


def cell_name(student: str, **arm: str) -> str:
    """`<teacher>-<target>-<student>-<method>-<seed>`, or `untrained-<student>` where no arm is given.

    Unambiguous, because the names of the axes' items hold no hyphen. Raises StageError where only part of the arm is
    given.
    """
    given = {axis: value for axis, value in arm.items() if value}
    if not given:
        return f"{UNTRAINED}-{student}"
    missing = set(AXES) - {"student"} - given.keys()
    if missing:
        raise StageError(f"cell of {student}: {', '.join(sorted(missing))} missing; give all of the arm or none")
    return "-".join((given | {"student": student})[axis] for axis in AXES)
