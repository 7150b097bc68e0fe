"""Training in several processes: checking that it can be done, and starting them with accelerate.

The stage's command starts itself again, as `accelerate launch --config_file
conf/accelerate/fsdp2.yaml ...` does, and ends as its workers did. A process that a launcher has
already started is a worker. It is a worker of this machine's command, or of the launchers that a
user started on several machines. What workers tell each other is in process_group.py.

conf/accelerate/fsdp2.yaml is no dep of the stage: cells of one process would be trained again for a
change that cannot touch them. What it says changes where weights lie, not what is learned. A
setting that would change what is learned is refused in `_join`.
"""

import contextlib
import datetime
import logging
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from stages.core.program.errors import StageError
from stages.core.program.lifetime import end_with_parent
from stages.core.training.process_group import launched, rank, world_size
from stages.core.training.settings import Method, Training

CONFIG = Path(__file__).parents[3] / "conf" / "accelerate" / "fsdp2.yaml"
# How long a process waits for others: the first one alone reads weights. If one dies, all end at
# once.
PATIENCE = datetime.timedelta(hours=2)
# Names the folder in which workers leave their one line of error for the command
_REPORT = "COMPRESS_DISTILL_REPORT"
# What a launcher has to say for the processes to do what this stage needs
_REQUIRED_ENVIRONMENT = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_ACTIVATION_CHECKPOINTING": "false",
}


def check(method: Method, training: Training) -> None:
    """Raises StageError if rows cannot be read with the attention that `training` names.

    Raises it too if the processes together would not do what one process does.
    """
    if training.attention == "rows" and not training.packed:
        raise StageError(
            "students.*.training.attention: rows is for packed rows alone; set packed: true"
        )
    # A launcher that a user started decides the number, not params.yaml
    processes = world_size() if launched() else training.processes
    if processes == 1:
        return
    if method.accumulation % processes:
        raise StageError(
            f"methods.*.accumulation: {method.accumulation} batches a step cannot be shared evenly "
            f"by {processes} processes (students.*.training.processes, or the launcher's); "
            "give it a multiple of them"
        )
    for name in ("own_products", "packed"):
        if getattr(training, name):
            raise StageError(
                f"students.*.training.{name}: for one process, and here are {processes}; "
                "set it to false"
            )
    if method.bitsandbytes:
        raise StageError(
            f"methods.*.optimizer: {method.optimizer} is bitsandbytes', which cannot update "
            f"weights that {processes} processes share; adamw_torch_8bit (torchao) can"
        )


def start(processes: int, module: str, options: list[str]) -> None:
    """Runs `python -m module options` in `processes` processes of this machine, one for each GPU if
    it has any.

    Raises StageError if one of them fails, with the line of the one that failed first.
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
    # All processes share the CPU's threads evenly
    threads = max(1, torch.get_num_threads() // processes)
    arguments = ["--config_file", str(CONFIG), "--num_processes", str(processes)]
    arguments += ["--num_cpu_threads_per_process", str(threads)]
    arguments += ["-m", module, *options]
    # What it logs of a failure is told below
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as report_folder, _environment(_REPORT, report_folder):
        try:
            launch_command(launch_command_parser().parse_args(arguments))
        except ChildFailedError as error:
            raise StageError(_first_failure(Path(report_folder), error, processes)) from None
        except SignalException as error:
            sys.exit(128 + error.sigval)


def _first_failure(report_folder: Path, error: Any, processes: int) -> str:
    """Returns the line of the worker that failed first.

    If its error is no StageError, its traceback goes to stderr. Workers that failed after it failed
    because it was gone. A worker that was killed could leave no report. One that was killed by
    SIGTERM was killed by the launcher.
    """
    failed_rank, failure = error.get_first_failure()
    killed_ranks = [
        worker_rank
        for worker_rank, worker_failure in error.failures.items()
        if worker_failure.exitcode < 0 and worker_failure.exitcode != -signal.SIGTERM
    ]
    # The first report is the cause of the others
    reports = sorted(report_folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    if reports and not killed_ranks:
        line, _, trace = reports[0].read_text(encoding="utf-8").partition("\n")
        sys.stderr.write(trace)
        return line
    if killed_ranks:
        failed_rank, failure = killed_ranks[0], error.failures[killed_ranks[0]]
        ending = f"by {failure.signal_name()}"
    else:
        ending = f"with exit code {failure.exitcode}; see above"
    return (
        f"students.*.training.processes: {failed_rank} of {processes} was ended {ending}; "
        "run the stage again to go on"
    )


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Sets an environment variable for a while."""
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


@contextlib.contextmanager
def worker() -> Iterator[None]:
    """Surrounds the work of a process that a launcher started. The process ends with the work.

    An error of the work is left in a report for the command. In a process that no launcher started
    nothing is added to the work.
    """
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
        _write_report(error, Path(os.environ[_REPORT]))
        _end(1)


def _write_report(error: Exception, report_folder: Path) -> None:
    """Leaves one line for the command, and below it the traceback of what is no StageError."""
    is_stage_error = isinstance(error, StageError)
    message = str(error) if is_stage_error else f"{type(error).__name__}: {error}"
    line = " ".join(message.split())
    trace = "" if is_stage_error else traceback.format_exc()
    (report_folder / str(rank())).write_text(f"{line}\n{trace}", encoding="utf-8")


def _end_with_launcher() -> None:
    """Has this process killed when its launcher is killed, so that nothing is left behind.

    The launcher put it into a session of its own. A signal that asks for an end becomes an
    exception, so that half-written files are removed.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
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
    """Meets the other processes.

    Raises StageError if the launcher was not told to shard as this stage needs it.
    """
    for name, expected in _REQUIRED_ENVIRONMENT.items():
        value = os.environ.get(name)
        if value != expected:
            raise StageError(f"{name}: {value!r}, expected {expected!r}; launch with {CONFIG.name}")
    import datasets
    import torch
    from accelerate import PartialState
    from transformers.utils import logging as transformers_logging

    # PartialState keeps what it was made with for the whole process, so the trainer has it too
    PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)
    # One process shows progress for all
    if rank():
        datasets.disable_progress_bars()
        transformers_logging.disable_progress_bar()
