"""Rows that hang, die or eat memory cost their worker, never another row."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from stages.core.grading import workers
from stages.core.grading.workers import Workers
from stages.core.program.errors import StageError
from tests.imports import ROOT


def unreliable(row: str) -> str:
    """What a library might do to a row."""
    if row == "hang":
        time.sleep(60)
    if row == "die":
        os._exit(3)
    if row == "eat":
        bytearray(8 << 30)
    return row.upper()


def failed(reason: str) -> str:
    return f"failed: {reason}"


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workers[str, str]]:
    """Two workers with short limits."""
    monkeypatch.setattr(workers, "ROW_SECONDS", 1.0)
    monkeypatch.setattr(workers, "BATCH_SECONDS", 2.0)
    two_workers = Workers(unreliable, failed, 2)
    yield two_workers
    two_workers.close()


def test_rows_that_break_their_worker_fail_with_their_reason_and_the_others_are_done_in_order(
    pool: Workers[str, str],
) -> None:
    rows = [f"row {number}" for number in range(200)]
    expected = [row.upper() for row in rows]
    reasons = {"hang": "timed out", "die": "killed its worker", "eat": "out of memory"}
    for number, (row, reason) in enumerate(reasons.items()):
        rows[20 + 60 * number] = row
        expected[20 + 60 * number] = failed(reason)
    assert list(pool.map(rows)) == expected


def test_rows_are_read_as_their_results_are_asked_for(pool: Workers[str, str]) -> None:
    rows_read = 0

    def rows() -> Iterator[str]:
        nonlocal rows_read
        for rows_read in range(10**9):  # noqa: B007
            yield "a"

    results = pool.map(rows())
    assert [next(results) for _ in range(100)] == ["A"] * 100
    assert rows_read < 100 + 2 * workers.BATCH * (workers.AHEAD * pool.count + 1)


def test_worker_that_is_killed_between_two_runs_is_replaced(pool: Workers[str, str]) -> None:
    assert list(pool.map(["a", "b"])) == ["A", "B"]
    for worker in psutil.Process().children(recursive=True):
        if "forkserver" in " ".join(worker.cmdline()) and worker.parent() != psutil.Process():
            worker.kill()
    time.sleep(0.5)
    assert list(pool.map(["a", "b"] * 40)) == ["A", "B"] * 40


def test_error_in_the_function_fails_its_row_alone(pool: Workers[Any, Any]) -> None:
    assert list(pool.map(["a", 1, "b"])) == ["A", "failed: AttributeError in the grader", "B"]


SCRIPT = """
from stages.core import grading
{guard}print(grading.grade("\\\\boxed{{5}}", "5", "math").outcome)
"""


@pytest.mark.parametrize(("guard", "right"), [("", False), ('if __name__ == "__main__": ', True)])
def test_script_without_a_main_guard_fails_at_once(tmp_path: Path, guard: str, right: bool) -> None:
    script = tmp_path / "mine.py"
    script.write_text(SCRIPT.format(guard=guard))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    finished = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=environment, timeout=100
    )
    assert (finished.returncode == 0) == right
    assert finished.stdout == ("correct\n" if right else "")
    last_line = finished.stderr.strip().splitlines()[-1:]
    assert right or (str(script) in last_line[0] and 'if __name__ == "__main__"' in last_line[0])


def test_pool_whose_workers_cannot_start_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    # No limit that the system can set: a worker fails at its start
    monkeypatch.setattr(workers, "MEMORY", 1 << 80)
    monkeypatch.setattr(workers, "START_SECONDS", 5)
    with pytest.raises(StageError, match="the graders' processes do not start"):
        Workers(unreliable, failed, 2)


def test_closing_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    two_workers = Workers(unreliable, failed, 2)
    assert list(two_workers.map(["a"])) == ["A"]
    pids = [
        worker.pid
        for worker in psutil.Process().children(recursive=True)
        if "forkserver" in " ".join(worker.cmdline())
    ]
    two_workers.close()
    time.sleep(0.5)
    assert pids
    assert len([pid for pid in pids if psutil.pid_exists(pid)]) <= len(pids) - 2
