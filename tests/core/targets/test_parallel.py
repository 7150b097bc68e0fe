"""Rows through the workers: the same as map, in order, with little read ahead."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.core.targets import parallel
from tests.imports import ROOT


def double(number: int) -> int:
    """What the workers do here."""
    if number < 0:
        raise ValueError(f"{number} is negative")
    return 2 * number


@pytest.mark.parametrize(("rows", "batch"), [(0, 4), (3, 4), (4, 4), (5, 4), (101, 4)])
def test_is_map(rows: int, batch: int) -> None:
    assert list(parallel.ordered(double, range(rows), batch)) == [
        2 * number for number in range(rows)
    ]


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


KILLED = """
import os, time
from stages.core.targets import parallel

def slow(number):
    print(os.getpid(), flush=True)
    time.sleep(600)

if __name__ == "__main__":
    list(parallel.ordered(slow, range(99), batch=1))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent_and_hold_no_pipe(
    tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "killed.py").write_text(KILLED)
    parent = subprocess.Popen(
        [sys.executable, "killed.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout
    worker = int(parent.stdout.readline())
    parent.send_signal(number)
    parent.communicate(timeout=20)  # returns once nobody holds the pipes any more
    stat = Path(f"/proc/{worker}/stat")
    assert (
        not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"
    )  # not yet reaped


def test_error_of_a_worker_is_raised() -> None:
    with pytest.raises(ValueError, match="-1 is negative"):
        list(parallel.ordered(double, [1, 2, 3, -1, 5], batch=1))
