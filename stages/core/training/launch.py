"""Training in several processes: starting them with accelerate, and what they tell each other.

The stage's command starts itself again as `accelerate launch --config_file
conf/accelerate/fsdp2.yaml ...` does, and ends as its workers did. One that a launcher has already
started is a worker: of this machine's command, or of several machines' whose launchers a user
started. In one process everything here but `start` does nothing.

conf/accelerate/fsdp2.yaml is no dep of the stage: one-process cells would be trained again for a
change that cannot touch them. What it says changes where weights lie, not what is learned; what
would is refused in `_join`.
"""

import contextlib
import datetime
import logging
import os
import secrets
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from stages.core.program.errors import StageError
from stages.core.program.lifetime import end_with_parent
from stages.core.training.settings import Method, Training

CONFIG = Path(__file__).parents[3] / "conf" / "accelerate" / "fsdp2.yaml"
PATIENCE = datetime.timedelta(
    hours=2
)  # the first process alone reads weights; where one dies all end at once
_REPORT = (
    "COMPRESS_DISTILL_REPORT"  # a folder in which workers leave their one line for the command
)

Value = TypeVar("Value")


def launched() -> bool:
    """Whether a launcher started this process."""
    return "LOCAL_RANK" in os.environ


def world() -> int:
    """How many processes there are, on all machines."""
    return int(os.environ["WORLD_SIZE"]) if launched() else 1


def rank() -> int:
    """This process's number; 0 alone writes outs."""
    return int(os.environ["RANK"]) if launched() else 0


def check(method: Method, training: Training) -> None:
    """Raises StageError where rows cannot be read so, or the processes together would not do what
    one does.
    """
    if training.attention == "rows" and not training.packed:
        raise StageError(
            "students.*.training.attention: rows is for packed rows alone; set packed: true"
        )
    many = world() if launched() else training.processes
    if many == 1:
        return
    if method.accumulation % many:
        raise StageError(
            f"methods.*.accumulation: {method.accumulation} batches a step cannot be shared evenly by {many} processes "
            "(students.*.training.processes, or the launcher's); give it a multiple of them"
        )
    for name in ("own_products", "packed"):
        if getattr(training, name):
            raise StageError(
                f"students.*.training.{name}: for one process, and here are {many}; set it to false"
            )
    if method.bitsandbytes:
        raise StageError(
            f"methods.*.optimizer: {method.optimizer} is bitsandbytes', which cannot update weights that {many} "
            "processes share; adamw_torch_8bit (torchao) can"
        )


def start(processes: int, module: str, options: list[str]) -> None:
    """Runs `python -m module options` in `processes` processes of this machine, one for each GPU if
    it has any.

    Raises StageError where one of them fails, with the line of the one that was first.
    """
    import torch
    from accelerate.commands.launch import launch_command, launch_command_parser
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    gpus = torch.cuda.device_count()
    if 0 < gpus < processes:
        raise StageError(
            f"students.*.training.processes: {processes}, but this machine has {gpus} GPUs"
        )
    threads = max(1, torch.get_num_threads() // processes)
    known = ["--config_file", str(CONFIG), "--num_processes", str(processes)]
    known += ["--num_cpu_threads_per_process", str(threads)]
    logging.getLogger("torch.distributed.elastic").setLevel(
        logging.CRITICAL
    )  # what it says of a failure is told below
    with tempfile.TemporaryDirectory() as folder, _environment(_REPORT, folder):
        try:
            launch_command(launch_command_parser().parse_args([*known, "-m", module, *options]))
        except ChildFailedError as error:
            raise StageError(_said(Path(folder), error, processes)) from None
        except SignalException as error:
            sys.exit(128 + error.sigval)


def _said(folder: Path, error: Any, processes: int) -> str:
    """What the worker that failed first said of it; where that is no StageError, its traceback goes
    to stderr.

    Those after it failed because it was gone. One that was killed could say nothing; by SIGTERM it
    was the launcher's.
    """
    number, failure = error.get_first_failure()
    reports = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    killed = [
        rank
        for rank, one in error.failures.items()
        if one.exitcode < 0 and one.exitcode != -signal.SIGTERM
    ]
    if reports and not killed:
        line, _, trace = reports[0].read_text(encoding="utf-8").partition("\n")
        sys.stderr.write(trace)
        return line
    if killed:
        number, failure = killed[0], error.failures[killed[0]]
    how = (
        f"by {failure.signal_name()}" if killed else f"with exit code {failure.exitcode}; see above"
    )
    return f"students.*.training.processes: {number} of {processes} was ended {how}; run the stage again to go on"


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


@contextlib.contextmanager
def worker() -> Iterator[None]:
    """What a process that a launcher started does around its work, after which it ends."""
    if not launched():
        yield
        return
    _end_with_launcher()
    try:
        _join()
        yield
        _end(0)
    except Exception as error:
        if _REPORT not in os.environ or isinstance(error, OSError):
            raise
        known = isinstance(error, StageError)
        line = " ".join((str(error) if known else f"{type(error).__name__}: {error}").split())
        trace = "" if known else traceback.format_exc()
        (Path(os.environ[_REPORT]) / str(rank())).write_text(f"{line}\n{trace}", encoding="utf-8")
        _end(1)


def _end_with_launcher() -> None:
    """Has this process killed when its launcher is, which put it into a session of its own; nothing
    is left behind.

    An end that is asked for is an exception, so that what is half written is removed.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda given, _: sys.exit(128 + given))
    end_with_parent()


def _end(code: int) -> NoReturn:
    """Ends this process without Python's own clearing up, in which gloo's threads can abort it.

    A thread that takes the GIL of an interpreter that ends is unwound, and C++ terminates: "without
    an active exception" (pytorch/pytorch issue 190489; one of some hundred runs here).
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _join() -> None:
    """Meets the other processes. Raises StageError where the launcher was not told to shard as this
    stage needs it.
    """
    wanted = {
        "ACCELERATE_USE_FSDP": "true",
        "FSDP_VERSION": "2",
        "FSDP_ACTIVATION_CHECKPOINTING": "false",
    }
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            raise StageError(
                f"{name}: {os.environ.get(name)!r}, expected {value!r}; launch with {CONFIG.name}"
            )
    import datasets
    import torch
    from accelerate import PartialState
    from transformers.utils import logging as transformers

    PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)
    if rank():
        datasets.disable_progress_bars()
        transformers.disable_progress_bar()


def leave() -> None:
    """Parts from the other processes, all at once: what the first one has yet to do it does alone."""
    if launched():
        import torch.distributed

        torch.distributed.destroy_process_group()


def first(make: Callable[[], Value]) -> Value:
    """What `make` gives in the first process, in all of them."""
    if not launched():
        return make()
    import torch.distributed

    box = [make() if rank() == 0 else None]
    torch.distributed.broadcast_object_list(box)
    return box[0]  # type: ignore[return-value]


def in_turn(make: Callable[[], Value]) -> Value:
    """What `make` gives, in the first process before all others: what it leaves on the disk is
    theirs too.
    """
    if rank():
        wait()
        return make()
    value = make()
    wait()
    return value


def wait() -> None:
    """Returns when all processes have come here."""
    all_of(None)


def all_of(value: Value) -> list[Value]:
    """Every process's `value`, in the order of their numbers."""
    if not launched():
        return [value]
    import torch.distributed

    box: list[Any] = [None] * world()
    torch.distributed.all_gather_object(box, value)
    return box


def together(device: str) -> str:
    """The name of all processes' devices, which seconds of one device are not to be compared with."""
    return f"{world()} x {device}" if launched() else device


def shared(folder: Path) -> Path:
    """`folder`, which all processes see as one. Raises StageError where another machine has a
    folder of its own.
    """
    if not launched():
        return folder
    mark = folder / "shared"
    token = first(lambda: secrets.token_hex(8))
    if rank() == 0:
        folder.mkdir(parents=True, exist_ok=True)
        mark.write_text(token)
    wait()
    if not all(all_of(mark.is_file() and mark.read_text() == token)):
        raise StageError(
            f"{folder}: not seen by all machines; put COMPRESS_DISTILL_SCRATCH on a shared disk"
        )
    return folder
