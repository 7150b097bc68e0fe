"""Targets that `assemble` makes from others: the registry of their kinds.

- select: one of a question's correct attempts, the shortest, the longest or any.
- mix: the rows of several targets, each question's from one of them, in stated shares.
- answer: the answer in another form than the text after the thinking.

A new kind is a file here with a dataclass that has what `AssembledTarget` asks for, and an entry of
KINDS.
"""

from collections.abc import Mapping
from typing import Any

from stages.core.program import params
from stages.core.program.complaints import quoted
from stages.core.program.errors import StageError
from stages.core.targets.assembly.kinds.answer import AnswerTarget
from stages.core.targets.assembly.kinds.interface import AssembledTarget
from stages.core.targets.assembly.kinds.mix import MixTarget
from stages.core.targets.assembly.kinds.select import SelectTarget

__all__ = ["KINDS", "AssembledTarget", "kind_of"]

KINDS: dict[str, type[Any]] = {
    "answer": AnswerTarget,
    "mix": MixTarget,
    "select": SelectTarget,
}


def kind_of(config: Any, params_path: str) -> AssembledTarget:
    """The target that `config`, found at `params_path`, describes.

    Raises StageError where it describes none.
    """
    if not isinstance(config, Mapping):
        raise StageError(f"params.yaml: {params_path}: expected a mapping, found {quoted(config)}")
    name = config.get("kind")  # it chooses the dataclass of the other entries
    if not isinstance(name, str) or name not in KINDS:
        raise StageError(
            f"params.yaml: {params_path}.kind: {quoted(name)} is unknown; "
            f"known: {', '.join(sorted(KINDS))}"
        )
    entries = {entry: value for entry, value in config.items() if entry != "kind"}
    target: AssembledTarget = params.section(KINDS[name], entries, params_path)
    return target
