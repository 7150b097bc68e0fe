"""Rows through the workers: the same as map, in order, with little read ahead."""

from collections.abc import Iterator

import pytest

from stages.core import parallel


def double(number: int) -> int:
    """What the workers do here."""
    if number < 0:
        raise ValueError(f"{number} is negative")
    return 2 * number


@pytest.mark.parametrize(("rows", "batch"), [(0, 4), (3, 4), (4, 4), (5, 4), (101, 4)])
def test_is_map(rows: int, batch: int) -> None:
    assert list(parallel.ordered(double, range(rows), batch)) == [2 * number for number in range(rows)]


def test_reads_only_some_batches_ahead() -> None:
    read = []

    def source() -> Iterator[int]:
        for number in range(10_000):
            read.append(number)
            yield number

    found = parallel.ordered(double, source(), batch=2)
    assert next(found) == 0
    assert len(read) < 200
    found.close()  # type: ignore[attr-defined]


def test_error_of_a_worker_is_raised() -> None:
    with pytest.raises(ValueError, match="-1 is negative"):
        list(parallel.ordered(double, [1, 2, 3, -1, 5], batch=1))
