"""Work in processes that can be killed: a library for mathematics can hang, eat memory or crash on
odd input.

A row that does so gets a result that says why, its process is replaced, and all other rows go on.
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
AHEAD = 4  # batches for each worker that are read before their results are wanted

_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>

Row = TypeVar("Row")
Result = TypeVar("Result")


class Workers(Generic[Row, Result]):
    """A pool that runs `function`, which can be pickled, on rows; `failed` makes the result of one
    that broke it.
    """

    def __init__(
        self, function: Callable[[Row], Result], failed: Callable[[str], Result], count: int = 0
    ) -> None:
        self.function, self.failed = function, failed
        self.count = count or len(os.sched_getaffinity(0))
        self._pool = self._made()

    def _made(self) -> pebble.ProcessPool:
        """A pool of which one worker has answered. Raises StageError where none does."""
        _check_main_module()
        # Workers are replaced after so many batches: a library's caches grow
        pool = pebble.ProcessPool(
            self.count, max_tasks=500, initializer=_limit, initargs=[MEMORY], context=_context()
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
        """Kills the workers, whatever they are at."""
        self._pool.stop()
        self._pool.join()

    def map(self, rows: Iterable[Row]) -> Iterator[Result]:
        """Yields the results in the order of `rows`, of which only some batches are held at a time."""
        waiting = iter(rows)
        going: collections.deque[tuple[list[Row], _Going[Result]]] = collections.deque()
        try:
            while batch := list(itertools.islice(waiting, BATCH)):
                going.append((batch, self._start(batch)))
                if len(going) > AHEAD * self.count:
                    yield from self._finish(*going.popleft())
            while going:
                yield from self._finish(*going.popleft())
        finally:  # also where the caller stops early
            for _, left in going:
                left.cancel()

    def _start(self, batch: list[Row]) -> "_Going[Result]":
        seconds = BATCH_SECONDS if len(batch) > 1 else ROW_SECONDS
        try:
            found: _Going[Result] = self._pool.schedule(
                _each, args=[self.function, batch], timeout=seconds
            )
        except RuntimeError:  # the pool itself is broken: a worker was killed from outside
            self.close()
            self._pool = self._made()
            found = self._pool.schedule(_each, args=[self.function, batch], timeout=seconds)
        return found

    def _finish(self, batch: list[Row], going: "_Going[Result]") -> list[Result]:
        """The batch's results; where it broke its worker, those of its rows one by one."""
        try:
            found = going.result(
                (AHEAD + 2) * BATCH_SECONDS
            )  # no batch waits so long for the others before it
            return [self.failed(one.reason) if isinstance(one, _Failed) else one for one in found]
        except (concurrent.futures.TimeoutError, concurrent.futures.CancelledError):
            reason = "timed out"
        except (pebble.ProcessExpired, concurrent.futures.process.BrokenProcessPool) as error:
            reason = (
                "out of memory"
                if getattr(error, "exitcode", 0) == _NO_MEMORY
                else "killed its worker"
            )
        if len(batch) == 1:
            return [self.failed(reason)]
        return [result for row in batch for result in self._finish([row], self._start([row]))]


_Going = concurrent.futures.Future[list[Result | "_Failed"]]
_NO_MEMORY = 77  # the exit code of a worker without memory


@dataclass(frozen=True)
class _Failed:
    reason: str


def _ready() -> bool:
    return True


def _check_main_module() -> None:
    """Raises StageError for a script whose code every worker would run again when it imports the
    script.
    """
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    if path is None or getattr(main, "__spec__", None) is not None or not Path(path).is_file():
        return  # a console, a notebook, or a module run by -m, whose workers import it by its name
    code = ast.parse(Path(path).read_bytes())
    if not any(
        isinstance(part, ast.If) and "__name__" in ast.dump(part.test) for part in code.body
    ):
        raise StageError(
            f"{path}: grading starts processes, which import this script; put its code below "
            'if __name__ == "__main__":, and run it again'
        )


def _each(function: Callable[[Row], Result], rows: list[Row]) -> list[Result | _Failed]:
    return [_one(function, row) for row in rows]


def _one(function: Callable[[Row], Result], row: Row) -> Result | _Failed:
    try:
        return function(row)
    except MemoryError:
        os._exit(_NO_MEMORY)  # what it still holds would make other rows fail
    except Exception as error:
        return _Failed(f"{type(error).__name__} in the grader")


def _context() -> multiprocessing.context.BaseContext:
    """New workers are forked off a server that has the slow imports done: a fork of us would copy
    threads' locks.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["math_verify", "stages.core.grading"])
    return context


def _limit(memory: int) -> None:
    """In a worker, where the system can do it: no more memory than `memory` bytes beyond today's,
    and no life alone.
    """
    statm = Path("/proc/self/statm")
    if statm.exists():
        import resource

        most = int(statm.read_text().split()[0]) * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        # Killed with the server that forked it, which ends with us: nobody else would end one that
        # hangs
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
