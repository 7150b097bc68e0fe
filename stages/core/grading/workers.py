"""Work in processes that can be killed: a library for mathematics can hang, eat memory or crash on odd input.

A row that does so gets a result that says why, its process is replaced, and all other rows go on.
"""

import collections
import concurrent.futures
import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

import pebble

ROW_SECONDS = 20  # for a row by itself; the library's own, shorter limits end most rows before
BATCH_SECONDS = 60  # for a batch, before its rows are tried one by one
MEMORY = 1 << 30  # bytes that a worker may take beyond those it has when it starts
BATCH = 16  # rows that go to a worker together
AHEAD = 4  # batches for each worker that are read before their results are wanted

Row = TypeVar("Row")
Result = TypeVar("Result")


class Workers(Generic[Row, Result]):
    """A pool that runs `function`, which can be pickled, on rows; `failed` makes the result of one that broke it."""

    def __init__(self, function: Callable[[Row], Result], failed: Callable[[str], Result], count: int = 0) -> None:
        self.function, self.failed = function, failed
        self.count = count or len(os.sched_getaffinity(0))
        self._pool = pebble.ProcessPool(self.count, initializer=_limit, initargs=[MEMORY], context=_context())

    def close(self) -> None:
        """Kills the workers, whatever they are at."""
        self._pool.stop()
        self._pool.join()

    def map(self, rows: Iterable[Row]) -> Iterator[Result]:
        """Yields the results in the order of `rows`, of which only some batches are held at a time."""
        waiting = iter(rows)
        going: collections.deque[tuple[list[Row], concurrent.futures.Future[list[Result]]]] = collections.deque()
        while batch := list(itertools.islice(waiting, BATCH)):
            going.append((batch, self._start(batch, BATCH_SECONDS)))
            if len(going) > AHEAD * self.count:
                yield from self._finish(*going.popleft())
        while going:
            yield from self._finish(*going.popleft())

    def one(self, row: Row) -> Result:
        """The result of a single row."""
        try:
            return self._start([row], ROW_SECONDS).result()[0]
        except concurrent.futures.TimeoutError:
            return self.failed("timed out")
        except MemoryError:
            return self.failed("out of memory")
        except pebble.ProcessExpired:
            return self.failed("killed its worker")

    def _start(self, batch: list[Row], seconds: float) -> "concurrent.futures.Future[list[Result]]":
        found: concurrent.futures.Future[list[Result]] = self._pool.schedule(
            _each, args=[self.function, batch], timeout=seconds
        )
        return found

    def _finish(self, batch: list[Row], going: "concurrent.futures.Future[list[Result]]") -> list[Result]:
        """The batch's results; where it broke its worker, those of its rows one by one."""
        try:
            return going.result()
        except (concurrent.futures.TimeoutError, pebble.ProcessExpired, MemoryError):
            return [self.one(row) for row in batch]


def _each(function: Callable[[Row], Result], rows: list[Row]) -> list[Result]:
    return [function(row) for row in rows]


def _context() -> multiprocessing.context.BaseContext:
    """New workers are forked off a server that has the slow imports done: a fork of us would copy threads' locks."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["math_verify", "stages.core.grading"])
    return context


def _limit(memory: int) -> None:
    """In a worker: more memory than `memory` bytes beyond today's is an error, where the system says what that is."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        import resource

        most = int(statm.read_text().split()[0]) * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
