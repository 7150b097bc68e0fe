"""What the processes that train one student together tell each other.

A launcher that starts a process says so in its environment: LOCAL_RANK, RANK and WORLD_SIZE. In one
process, which no launcher started, every function here does nothing or answers for one process.
"""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from stages.core.program.errors import StageError

Value = TypeVar("Value")


def launched() -> bool:
    """Whether a launcher started this process."""
    return "LOCAL_RANK" in os.environ


def world_size() -> int:
    """Returns how many processes there are, on all machines."""
    return int(os.environ["WORLD_SIZE"]) if launched() else 1


def rank() -> int:
    """Returns the number of this process. Process 0 alone writes outs."""
    return int(os.environ["RANK"]) if launched() else 0


def leave() -> None:
    """Parts from the other processes, all at once. What is left to do the first one does alone."""
    if launched():
        import torch.distributed

        torch.distributed.destroy_process_group()


def from_first(make: Callable[[], Value]) -> Value:
    """Returns in all processes what `make` returns in the first one, which alone calls it."""
    if not launched():
        return make()
    import torch.distributed

    # torch fills the box of every process with what is in that of the first
    box = [make() if rank() == 0 else None]
    torch.distributed.broadcast_object_list(box)
    return box[0]  # type: ignore[return-value]


def first_before_others(make: Callable[[], Value]) -> Value:
    """Returns what `make` returns. The first process calls it before all others.

    So what it leaves on the disk is theirs too.
    """
    if rank():
        wait_for_all()
        return make()
    value = make()
    wait_for_all()
    return value


def wait_for_all() -> None:
    """Returns when all processes have come here."""
    gather(None)  # which cannot end before each has given its value


def gather(value: Value) -> list[Value]:
    """Returns every process's `value`, in the order of their numbers."""
    if not launched():
        return [value]
    import torch.distributed

    values: list[Any] = [None] * world_size()
    torch.distributed.all_gather_object(values, value)
    return values


def device_name(device: str) -> str:
    """Returns the name of all processes' devices together.

    Seconds of one device are not to be compared with theirs.
    """
    return f"{world_size()} x {device}" if launched() else device


def shared_folder(folder: Path) -> Path:
    """Returns `folder`, which all processes see as one.

    Raises StageError if another machine has a folder of its own under this path.
    """
    if not launched():
        return folder
    # The first process writes what no other run can have left there, and all look for it
    token_path = folder / "shared"
    token = from_first(lambda: secrets.token_hex(8))
    if rank() == 0:
        folder.mkdir(parents=True, exist_ok=True)
        token_path.write_text(token)
    wait_for_all()
    sees_token = token_path.is_file() and token_path.read_text() == token
    if not all(gather(sees_token)):
        raise StageError(
            f"{folder}: not seen by all machines; put COMPRESS_DISTILL_SCRATCH on a shared disk"
        )
    return folder
