"""What params.yaml says of a method, and of how a student is trained.

Both are checked as far as that is possible without a model.
"""

import importlib.util
import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from stages.core.program.complaints import quoted
from stages.core.program.errors import StageError
from stages.core.program.params import LARGEST_COUNT, Amount, NotEmpty, Positive

IGNORED = -100  # the label that the loss leaves out
BUDGETS = ("equal_epochs", "equal_tokens", "equal_steps")

# Its least value is checked in __post_init__, with the values beside it
Limited = Annotated[int, Field(le=LARGEST_COUNT)]
# The three lists below are a part of what transformers has; tests compare them with it.
# Schedules that need no values of their own
Scheduler = Literal[
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
]
# Optimizers of torch, bitsandbytes and torchao
Optimizer = Literal[
    "adamw_torch",
    "adamw_torch_fused",
    "adamw_torch_8bit",
    "adamw_torch_4bit",
    "adafactor",
    "sgd",
    "adagrad",
    "rmsprop",
    "adamw_8bit",
    "adamw_bnb_8bit",
    "paged_adamw_8bit",
    "paged_adamw_32bit",
    "ademamix_8bit",
    "paged_ademamix_8bit",
    "paged_ademamix_32bit",
    "lion_8bit",
    "paged_lion_8bit",
    "paged_lion_32bit",
    "rmsprop_bnb",
    "rmsprop_bnb_8bit",
    "rmsprop_bnb_32bit",
]
# Attention that has a backward pass; `rows` is our own, see packing.py
Attention = Literal[
    "rows",
    "eager",
    "sdpa",
    "flash_attention_2",
    "flash_attention_3",
    "flash_attention_4",
    "flex_attention",
]


class Lora(TypedDict):
    """An adapter, in peft's sense.

    `target_modules` is all-linear, or a list of names of layers, or a pattern of their names.
    """

    rank: Positive
    alpha: Annotated[float, Field(gt=0)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    target_modules: NotEmpty | Annotated[list[NotEmpty], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class Method:
    """How a student is fine-tuned. All arms share these values.

    `lora` is None for full fine-tuning. `budget` says when training ends:

    - equal_epochs: after `epochs` passes over the arm's examples (the paper's rule)
    - equal_tokens: when as many completion tokens were trained on as `epochs` passes over the raw
      traces have; short targets are repeated
    - equal_steps: after `steps` optimizer steps, whatever the teacher's number of traces
    """

    learning_rate: float
    epochs: Limited
    batch_size: Limited  # examples that go through the student at once
    accumulation: Limited  # batches in one optimizer step, over all processes
    warmup: float  # share of the steps
    scheduler: Scheduler
    weight_decay: Amount
    max_grad_norm: Amount
    optimizer: Optimizer
    lora: Lora | None
    budget: str = "equal_epochs"
    steps: Limited | None = None

    def __post_init__(self) -> None:
        """Raises StageError for a budget, a schedule or a pattern of layers that cannot work."""
        self._check_budget()
        if min(self.epochs, self.batch_size, self.accumulation) < 1:
            raise StageError("epochs, batch_size and accumulation are at least 1")
        if not 0 <= self.warmup < 1 or self.learning_rate <= 0:
            raise StageError(
                "warmup is a share of the steps, from 0 to below 1, and learning_rate above 0"
            )
        modules = self.lora.get("target_modules") if self.lora else None
        try:
            re.compile(modules if isinstance(modules, str) else "")
        except re.error as error:
            raise StageError(
                f"lora.target_modules: {quoted(modules)} is no regular expression: {error}"
            ) from error

    def _check_budget(self) -> None:
        """Raises StageError for an unknown budget, or for steps that do not fit it."""
        if self.budget not in BUDGETS:
            raise StageError(f"budget: {self.budget!r} is unknown; known: {', '.join(BUDGETS)}")
        needs_steps, has_steps = self.budget == "equal_steps", self.steps is not None
        too_few = self.steps is not None and self.steps < 1
        if needs_steps != has_steps or too_few:
            raise StageError(
                f"steps: {self.steps}: equal_steps needs a number of steps, the others none"
            )

    def check_library(self) -> None:
        """Raises StageError if the optimizer's library is not on this machine.

        The machine that checks params.yaml may be another one, so this is checked apart.
        """
        library = self._optimizer_library()
        if library is not None and importlib.util.find_spec(library) is None:
            raise StageError(
                f"methods.*.optimizer: {self.optimizer} needs {library}, which is not installed; "
                "install requirements.txt (for a machine with a GPU), or give all methods "
                "adamw_torch_fused"
            )

    def _optimizer_library(self) -> str | None:
        """Returns the package that has the optimizer, or None for torch's and transformers' own."""
        if self.bitsandbytes:
            return "bitsandbytes"
        # for example adamw_torch_8bit and adamw_torch_4bit
        last_word = self.optimizer.rpartition("_")[2]
        return "torchao" if "bit" in last_word else None

    @property
    def bitsandbytes(self) -> bool:
        """Whether the optimizer is bitsandbytes'.

        Optimizers of 8 bits with `torch` in their names are torchao's.
        """
        name = self.optimizer
        return "paged" in name or "bnb" in name or ("8bit" in name and "torch" not in name)


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a student is loaded and fed.

    Nothing here is meant to change what it learns, beyond rounding.
    """

    # for packed rows on a CPU `rows`, see packing.py
    attention: Attention = "sdpa"
    # trades time for the memory of activations
    checkpointing: bool = False
    # products of head.py and lora.py, faster on a CPU, for one process; else TRL's and peft's
    own_products: bool = False
    # batches without padding, where the student passes packing.py's test
    packed: bool = False
    # between two checkpoints to resume from
    checkpoint_minutes: Amount = 10.0
    # on this machine, one for each GPU; several share the student (FSDP2, see launch.py)
    processes: Limited = 1

    def __post_init__(self) -> None:
        """Raises StageError for a number of processes that there cannot be."""
        if self.processes < 1:
            raise StageError(f"processes: {self.processes}: at least 1")
