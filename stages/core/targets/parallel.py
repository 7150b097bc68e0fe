"""A pure function over many rows on all cores, in order and in bounded memory."""

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
AHEAD = 4  # batches for each worker that are read before their results are wanted

Row = TypeVar("Row")
Result = TypeVar("Result")


def ordered(
    function: Callable[[Row], Result], rows: Iterable[Row], batch: int = BATCH
) -> Iterator[Result]:
    """Yields function(row) in the order of `rows`, of which only some batches are held at a time.

    `function` must be one that can be pickled. A single batch is done here: it is not worth the
    workers.
    """
    waiting = iter(rows)
    first, second = (list(itertools.islice(waiting, batch)) for _ in range(2))
    if not second:
        yield from map(function, first)
        return
    workers = len(os.sched_getaffinity(0))
    context = multiprocessing.get_context(
        "spawn"
    )  # a fork would copy the locks of libraries' threads
    going: collections.deque[concurrent.futures.Future[list[Result]]] = collections.deque()
    with concurrent.futures.ProcessPoolExecutor(workers, context, _start) as pool:
        batches = itertools.chain(
            [first, second], iter(lambda: list(itertools.islice(waiting, batch)), [])
        )
        try:
            for rows_now in batches:
                going.append(pool.submit(_each, function, rows_now))
                if len(going) > AHEAD * workers:
                    yield from going.popleft().result()
            while going:
                yield from going.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _start() -> None:
    """In a worker: it ends with its parent. Looking for cycles among many small objects takes time,
    and finds none.
    """
    end_with_parent()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _each(function: Callable[[Row], Result], rows: list[Row]) -> list[Result]:
    return [function(row) for row in rows]
