"""How long a shortened trace may be, in the student's tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from stages.core.program.errors import StageError
from stages.core.program.params import Compressor

_ROUNDING = 1e-9  # 0.29 * 100 is 28.999999999999996, and means 29

Ratio = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The budget of every trace: exactly one of the two.

    `ratio`: a share of the tokens of the raw trace. `budget_of`: the tokens of what this compressor
    made of the same trace.
    """

    ratio: Ratio | None = None
    budget_of: Compressor | None = None

    def __post_init__(self) -> None:
        if (self.ratio is None) == (self.budget_of is None):
            raise StageError(
                "expected exactly one of ratio, a share of the raw tokens, and budget_of, "
                "a compressor; give one and delete the other"
            )


def shares(raw_sizes: Sequence[int], ratio: float) -> list[int]:
    """`ratio` of each of `raw_sizes` in whole tokens, rounded down, of a trace with any at least 1."""
    return [min(size, max(1, int(ratio * size + _ROUNDING))) for size in raw_sizes]
