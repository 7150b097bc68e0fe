"""A pure function of many rows on all cores, in order and in bounded memory."""

import collections
import concurrent.futures
import gc
import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from stages.core.program.lifetime import end_with_parent

BATCH = 64  # rows that go to a worker together
AHEAD = 4  # batches for each worker that may wait for their results to be taken

Row = TypeVar("Row")
Result = TypeVar("Result")


def ordered(
    function: Callable[[Row], Result], rows: Iterable[Row], batch: int = BATCH
) -> Iterator[Result]:
    """Yields function(row) in the order of `rows`, of which only some batches are held at a time.

    It must be possible to pickle `function`. A single batch is done in this process, because it is
    not worth starting workers.
    """
    batches = _batches(iter(rows), batch)
    first = next(batches, [])
    second = next(batches, [])
    if not second:
        yield from map(function, first)
        return
    worker_count = len(os.sched_getaffinity(0))  # a cluster's job may have fewer cores than exist
    # A fork would copy the locks of libraries' threads
    context = multiprocessing.get_context("spawn")
    running: collections.deque[concurrent.futures.Future[list[Result]]] = collections.deque()
    with concurrent.futures.ProcessPoolExecutor(worker_count, context, _prepare_worker) as pool:
        try:
            for batch_rows in itertools.chain([first, second], batches):
                running.append(pool.submit(_map_batch, function, batch_rows))
                if len(running) > AHEAD * worker_count:
                    yield from running.popleft().result()
            while running:
                yield from running.popleft().result()
        finally:  # an error, or a caller that stops early, does not wait for batches that wait
            pool.shutdown(cancel_futures=True)


def _batches(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    while batch := list(itertools.islice(rows, size)):
        yield batch


def _prepare_worker() -> None:
    """Makes this process, a worker, end with its parent and collect garbage seldom.

    The search for cycles among many small objects takes time, and finds none.
    """
    end_with_parent()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _map_batch(function: Callable[[Row], Result], rows: list[Row]) -> list[Result]:
    return [function(row) for row in rows]
