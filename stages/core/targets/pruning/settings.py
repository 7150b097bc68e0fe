"""The params of pruning."""

from dataclasses import dataclass
from typing import Any, Literal

from stages.core.program.complaints import quoted
from stages.core.program.errors import StageError, shown
from stages.core.program.params import Seed
from stages.core.targets.shorteners.budgets import Budget

Unit = Literal["token", "sentence", "step"]
Criterion = Literal["random", "surprisal", "entropy", "answer", "classifier"]
STUDENT = "student"  # the scorer that is the student itself
SCORER_ENTRIES = ("model", "revision")


@dataclass(frozen=True, kw_only=True)
class Prune(Budget):
    """Which units go first, and how much is left.

    `scorer` is the model that the criterion asks: `student`, or a mapping with `model`, which is a
    Hugging Face folder or the id of a model on the hub (then with `revision`).
    `protect_numbers`: units that carry a number go last.
    """

    unit: Unit
    criterion: Criterion
    scorer: str | dict[str, Any] | None = None
    seed: Seed = 0
    protect_numbers: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.criterion == "answer" and self.unit == "token":
            raise StageError(
                "unit: token would need a pass of the scorer for each token of a trace with "
                "criterion answer; choose sentence or step"
            )
        if self.seed and self.criterion != "random":
            raise StageError(f"seed: criterion {self.criterion} draws nothing; leave it out")
        self._check_scorer()

    def _check_scorer(self) -> None:
        """Raises StageError for a scorer that the criterion does not ask, or cannot ask."""
        if self.criterion == "random":
            if self.scorer is not None:
                raise StageError("scorer: criterion random asks no model; leave it out")
            return
        if isinstance(self.scorer, str) and self.scorer != STUDENT:
            raise StageError(
                f"scorer: {quoted(self.scorer)} is unknown; expected student, or a mapping with "
                "model (a folder, or an id with revision)"
            )
        if isinstance(self.scorer, dict):
            _check_model(self.scorer)
        if self.criterion == "classifier" and not isinstance(self.scorer, dict):
            raise StageError(
                "scorer.model: missing: criterion classifier needs a token-classification model; "
                "name a folder or a model of the hub"
            )
        if self.scorer is None:
            raise StageError(
                f"scorer: missing: criterion {self.criterion} needs a language model; set student, "
                "or a mapping with model"
            )

    @property
    def scoring_model(self) -> dict[str, Any] | None:
        """The model that is asked, None where it is the student or where none is."""
        return self.scorer if isinstance(self.scorer, dict) else None


def _check_model(scorer: dict[str, Any]) -> None:
    """Raises StageError for a mapping that does not name a model."""
    for name, value in scorer.items():
        if name not in SCORER_ENTRIES:
            known = ", ".join(SCORER_ENTRIES)
            raise StageError(f"scorer.{shown(name)}: unknown entry; known: {known}")
        if not isinstance(value, str) or not value:
            raise StageError(f"scorer.{name}: {quoted(value)} is not a text with a character")
    if "model" not in scorer:
        raise StageError("scorer.model: missing; name a folder or a model of the hub")
