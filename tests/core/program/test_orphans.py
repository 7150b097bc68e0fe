"""A guard ends what a killed process leaves behind."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.made import ROOT

# Starts a process in a session of its own that starts another one, and says the id of the first
_STARTS = """
import subprocess, sys, time
from stages.core.program.orphans import guard_descendants
guard_descendants()
inner = "import subprocess, sys, time; "
inner += "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)']); time.sleep(300)"
child = subprocess.Popen([sys.executable, "-c", inner], start_new_session=True)
print(child.pid, flush=True)
time.sleep(4)
{end}
"""


@pytest.mark.parametrize("end", ["time.sleep(300)", "sys.exit(3)"])
def test_descendants_end_with_the_process_that_asked_for_a_guard(tmp_path: Path, end: str) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", _STARTS.format(end=end)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout
    child = psutil.Process(int(starter.stdout.readline()))
    while not child.children():
        time.sleep(0.1)
    descendants = [child, *child.children()]
    if end.startswith("time"):
        time.sleep(3)  # time for the guard to look at least once
        starter.kill()
    starter.wait()  # not communicate: the descendants hold its output open
    _, alive = psutil.wait_procs(descendants, timeout=20)
    for process in alive:
        process.kill()
    assert not alive
