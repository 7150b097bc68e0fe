"""Work in processes that can be killed.

A library for mathematics can hang, eat memory or crash on unusual input. A row that makes it do so
gets a result that says why, its process is replaced, and all other rows go on.
"""

import ast
import collections
import concurrent.futures
import concurrent.futures.process
import ctypes
import itertools
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import pebble

from stages.core.program.errors import StageError

ROW_SECONDS = 20  # for a row by itself; the library's own, shorter limits end most rows before
BATCH_SECONDS = 60  # for a batch, before its rows are tried one by one
MEMORY = 1 << 30  # bytes that a worker may take beyond those it has when it starts
BATCH = 16  # rows that go to a worker together
START_SECONDS = 120  # for a worker to start: its imports take some seconds, on a busy machine many
AHEAD = 4  # batches for each worker that are read before their results are asked for
BATCHES_PER_WORKER = 500  # then it is replaced, for a library's caches grow

_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
_NO_MEMORY = 77  # the exit code of a worker without memory

Row = TypeVar("Row")
Result = TypeVar("Result")


@dataclass(frozen=True)
class _Failed:
    reason: str


_PendingBatch = concurrent.futures.Future[list[Result | _Failed]]


class Workers(Generic[Row, Result]):
    """A pool that runs `function`, which can be pickled, on rows.

    `failed` makes the result of a row that broke `function`, from the reason. `count` is the number
    of workers; by default it is that of the CPU cores that this process may use.
    """

    def __init__(
        self, function: Callable[[Row], Result], failed: Callable[[str], Result], count: int = 0
    ) -> None:
        self.function, self.failed = function, failed
        self.count = count or len(os.sched_getaffinity(0))
        self._pool = self._started_pool()

    def _started_pool(self) -> pebble.ProcessPool:
        """A pool of which one worker has answered. Raises StageError where none does."""
        _check_main_module()
        pool = pebble.ProcessPool(
            self.count,
            max_tasks=BATCHES_PER_WORKER,
            initializer=_limit,
            initargs=[MEMORY],
            context=_context(),
        )
        try:
            pool.schedule(_ready, timeout=START_SECONDS).result(2 * START_SECONDS)
        except (
            OSError,
            concurrent.futures.TimeoutError,
            concurrent.futures.process.BrokenProcessPool,
        ) as error:
            pool.stop()
            pool.join()
            reason = str(error) or type(error).__name__
            raise StageError(
                f"the graders' processes do not start: {reason}; free memory, or look above for why"
            ) from error
        return pool

    def close(self) -> None:
        """Kills the workers, whatever they are doing."""
        self._pool.stop()
        self._pool.join()

    def map(self, rows: Iterable[Row]) -> Iterator[Result]:
        """Yields the results in the order of `rows`, and holds only some batches at a time."""
        remaining_rows = iter(rows)
        pending: collections.deque[tuple[list[Row], _PendingBatch[Result]]] = collections.deque()
        try:
            while batch := list(itertools.islice(remaining_rows, BATCH)):
                pending.append((batch, self._start(batch)))
                if len(pending) > AHEAD * self.count:
                    yield from self._finish(*pending.popleft())
            while pending:
                yield from self._finish(*pending.popleft())
        finally:  # also where the caller stops early
            for _, pending_batch in pending:
                pending_batch.cancel()

    def _start(self, batch: list[Row]) -> _PendingBatch[Result]:
        """Gives a batch to the pool; a pool that is broken is replaced."""
        try:
            return self._schedule(batch)
        except RuntimeError:  # the pool itself is broken: a worker was killed from outside
            self.close()
            self._pool = self._started_pool()
            return self._schedule(batch)

    def _schedule(self, batch: list[Row]) -> _PendingBatch[Result]:
        seconds = BATCH_SECONDS if len(batch) > 1 else ROW_SECONDS
        pending: _PendingBatch[Result] = self._pool.schedule(
            _each, args=[self.function, batch], timeout=seconds
        )
        return pending

    def _finish(self, batch: list[Row], pending: _PendingBatch[Result]) -> list[Result]:
        """The batch's results; where it broke its worker, those of its rows one by one."""
        # No batch waits so long for those before it
        longest_wait = (AHEAD + 2) * BATCH_SECONDS
        try:
            return [self._result_of(outcome) for outcome in pending.result(longest_wait)]
        except (concurrent.futures.TimeoutError, concurrent.futures.CancelledError):
            reason = "timed out"
        except (pebble.ProcessExpired, concurrent.futures.process.BrokenProcessPool) as error:
            has_no_memory = getattr(error, "exitcode", 0) == _NO_MEMORY
            reason = "out of memory" if has_no_memory else "killed its worker"
        if len(batch) == 1:
            return [self.failed(reason)]
        results: list[Result] = []
        for row in batch:
            results += self._finish([row], self._start([row]))
        return results

    def _result_of(self, outcome: Result | _Failed) -> Result:
        return self.failed(outcome.reason) if isinstance(outcome, _Failed) else outcome


def _ready() -> bool:
    return True


def _check_main_module() -> None:
    """Raises StageError for a script that every worker would run again when it imports it."""
    main_module = sys.modules["__main__"]
    path = getattr(main_module, "__file__", None)
    is_run_by_name = getattr(main_module, "__spec__", None) is not None
    if path is None or is_run_by_name or not Path(path).is_file():
        return  # a console, a notebook, or a module run by -m, whose workers import it by its name
    for statement in ast.parse(Path(path).read_bytes()).body:
        if isinstance(statement, ast.If) and "__name__" in ast.dump(statement.test):
            return
    raise StageError(
        f"{path}: grading starts processes, which import this script; put its code below "
        'if __name__ == "__main__":, and run it again'
    )


def _each(function: Callable[[Row], Result], rows: list[Row]) -> list[Result | _Failed]:
    return [_result_or_failure(function, row) for row in rows]


def _result_or_failure(function: Callable[[Row], Result], row: Row) -> Result | _Failed:
    try:
        return function(row)
    except MemoryError:
        os._exit(_NO_MEMORY)  # what it still holds would make other rows fail
    except Exception as error:
        return _Failed(f"{type(error).__name__} in the grader")


def _context() -> multiprocessing.context.BaseContext:
    """How workers are started: forked off a server that has done the slow imports.

    A fork of this process would copy threads' locks.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["math_verify", "stages.core.grading"])
    return context


def _limit(memory: int) -> None:
    """Limits the worker that calls it, where the system can do it.

    The worker gets no more than `memory` bytes beyond those of now, and ends with its parent.
    """
    memory_sizes = Path("/proc/self/statm")
    if not memory_sizes.exists():
        return
    import resource

    pages_now = int(memory_sizes.read_text().split()[0])
    most_bytes = pages_now * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    # A worker is killed with the server that forked it, and the server ends with this process.
    # Nobody else would end a worker that hangs.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
