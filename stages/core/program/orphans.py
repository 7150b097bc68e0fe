"""End the processes that a killed process leaves behind.

Libraries start processes that outlive ours when it is killed. vLLM's engine keeps a GPU's memory
then, and the next run does not start. A killed process cannot clean up, so a guard beside it does.

Run: python orphans.py PID      notes what runs below PID, and ends that once PID has ended
"""

import contextlib
import os
import subprocess
import sys
import time

import psutil

_LOOK_EVERY = 0.5  # seconds; a process that lives shorter ends by itself


def guard_descendants() -> None:
    """Starts a guard that ends what runs below this process, once this process has ended."""
    # The guard has a session of its own: what kills this process's group must not kill it
    subprocess.Popen(
        [sys.executable, __file__, str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _descendants_until_end(parent: psutil.Process) -> set[psutil.Process]:
    """Waits until `parent` has ended, and returns what ran below it.

    They are noted while it runs: afterwards nothing says whose they were. vLLM's processes write
    their titles over their environment, so a variable would not mark them either.
    """
    descendants: set[psutil.Process] = set()
    with contextlib.suppress(psutil.NoSuchProcess):
        while parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE:
            descendants.update(parent.children(recursive=True))
            time.sleep(_LOOK_EVERY)
    return {process for process in descendants if process.pid != os.getpid()}


def _kill_with_children(process: psutil.Process) -> None:
    """Kills a process and what it started since it was noted."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in process.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        process.kill()


if __name__ == "__main__":
    with contextlib.suppress(psutil.NoSuchProcess):
        for orphan in _descendants_until_end(psutil.Process(int(sys.argv[1]))):
            _kill_with_children(orphan)
