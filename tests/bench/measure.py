"""A command's wall time and the memory of all its processes together."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.imports import ROOT


def run(*arguments: str, cwd: Path) -> tuple[float, float]:
    """(seconds, peak GB) of python with `arguments`.

    Memory that processes share counts for each of them, so the true peak may be lower.
    """
    began, peak = time.perf_counter(), 0
    env = os.environ | {"PYTHONPATH": str(ROOT), "CI": "true"}
    process = subprocess.Popen([sys.executable, *arguments], cwd=cwd, env=env)
    parent = psutil.Process(process.pid)
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):  # one of them has just ended
            processes = [parent, *parent.children(recursive=True)]
            peak = max(peak, sum(process.memory_info().rss for process in processes))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)}: exit {process.returncode}")
    return round(time.perf_counter() - began, 2), round(peak / 1e9, 3)
