"""Processes that end with the one that started them, however that one ends."""

import ctypes
import multiprocessing
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>


def end_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Has Linux send this process signal `number` when its parent ends. Does nothing on other
    systems.
    """
    if not sys.platform.startswith("linux"):
        return
    starter = multiprocessing.parent_process()
    parent = os.getppid() if starter is None else starter.pid
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it ended before
        os._exit(1)
