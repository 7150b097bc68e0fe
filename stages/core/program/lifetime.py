"""Processes that end when the process that started them ends, however that happens."""

import ctypes
import multiprocessing
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>


def end_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Asks Linux to send this process signal `number` when its parent ends.

    Does nothing on other systems.
    """
    if not sys.platform.startswith("linux"):
        return
    starter = multiprocessing.parent_process()
    parent_id = os.getppid() if starter is None else starter.pid
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent_id:  # the parent ended before the request, which then has no effect
        os._exit(1)
