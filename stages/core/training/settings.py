"""What params.yaml says of a method and of how a student is trained, checked as far as it can be
without a model.
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


# Its least value is checked below, with those beside it
Limited = Annotated[int, Field(le=LARGEST_COUNT)]
# Of what transformers has, tests compare: schedules that need no values of their own, optimizers of
# torch, bitsandbytes and torchao, attention that learns
Scheduler = Literal[
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
]
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
    """An adapter, in peft's sense: `target_modules` all-linear, or names or a pattern of layers."""

    rank: Positive
    alpha: Annotated[float, Field(gt=0)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    target_modules: NotEmpty | Annotated[list[NotEmpty], Field(min_length=1)]


@dataclass(frozen=True)
class Method:
    """How a student is fine-tuned. All arms share these values; `lora` is None for full
    fine-tuning.

    `budget` says when training ends: after `epochs` passes over the arm's examples (the paper's
    rule); when as many completion tokens were trained on as `epochs` passes over the raw traces
    have, short targets being repeated; or after `steps` optimizer steps, whatever the teacher's
    number of traces.
    """

    learning_rate: float
    epochs: Limited
    batch_size: Limited  # examples that go through the student at once
    accumulation: Limited  # of them in one optimizer step, over all processes
    warmup: float  # share of the steps
    scheduler: Scheduler
    weight_decay: Amount
    max_grad_norm: Amount
    optimizer: Optimizer
    lora: Lora | None
    budget: str = "equal_epochs"
    steps: Limited | None = None

    def __post_init__(self) -> None:
        """Raises StageError for a budget or a schedule that cannot work."""
        if self.budget not in BUDGETS:
            raise StageError(f"budget: {self.budget!r} is unknown; known: {', '.join(BUDGETS)}")
        if (self.budget == "equal_steps") != (self.steps is not None) or (
            self.steps is not None and self.steps < 1
        ):
            raise StageError(
                f"steps: {self.steps}: equal_steps needs a number of steps, the others none"
            )
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

    def check_library(self) -> None:
        """Raises StageError where the optimizer's library is not on this machine; that of the
        params may be another.
        """
        library = (
            "bitsandbytes"
            if self.bitsandbytes
            else "torchao"
            if "bit" in self.optimizer.rpartition("_")[2]
            else None
        )
        if library is not None and importlib.util.find_spec(library) is None:
            raise StageError(
                f"methods.*.optimizer: {self.optimizer} needs {library}, which is not installed; install "
                "requirements.txt (for a machine with a GPU), or give all methods adamw_torch_fused"
            )

    @property
    def bitsandbytes(self) -> bool:
        """Whether the optimizer is that library's; those of 8 bits with `torch` in their names are
        torchao's.
        """
        name = self.optimizer
        return "paged" in name or "bnb" in name or ("8bit" in name and "torch" not in name)


@dataclass(frozen=True)
class Training:
    """How a student is loaded and fed; nothing here is meant to change what it learns, beyond
    rounding.
    """

    attention: Attention = "sdpa"  # for packed rows on a CPU `rows`, see packing.py
    checkpointing: bool = False  # trades time for the memory of activations
    own_products: bool = (
        False  # of head.py and lora.py, faster on a CPU, for one process; else TRL's and peft's
    )
    packed: bool = False  # batches without padding, where the student passes packing.py's test
    checkpoint_minutes: Amount = 10.0  # between two checkpoints to resume from
    processes: Limited = (
        1  # on this machine, one for each GPU; several share the student (FSDP2, see launch.py)
    )

    def __post_init__(self) -> None:
        """Raises StageError for a number of processes that there cannot be."""
        if self.processes < 1:
            raise StageError(f"processes: {self.processes}: at least 1")
