"""jemalloc in place of the C library's malloc, for stages whose tensors have other sizes in each
step.

PyTorch's performance guide advises it for CPUs. glibc gives large tensors back to the kernel and
has their pages mapped anew, or, told to keep them, breaks its heap up until it grows; jemalloc
keeps them by size, in pages of 2 MB where the kernel has them to give. Requirements bring it: Ray's
wheels for Linux carry it for Ray's own processes.
"""

import importlib.util
import os
import sys
from pathlib import Path

# what was freed is kept: the next step takes it again
SETTINGS = "thp:always,dirty_decay_ms:-1,muzzy_decay_ms:-1"
DRIVER = Path("/proc/driver/nvidia")


def begin() -> None:
    """Starts this program again with jemalloc; what LD_PRELOAD or MALLOC_CONF says already stays.

    Before torch is imported, so that it costs little time. Where there is a GPU, whose tensors are
    none of malloc's, or no jemalloc of Ray's, nothing happens.
    """
    found = library()
    if found is not None and not DRIVER.exists() and "LD_PRELOAD" not in os.environ:
        environment = {"MALLOC_CONF": SETTINGS} | os.environ | {"LD_PRELOAD": str(found)}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def library() -> Path | None:
    """Ray's jemalloc, where its wheel has one."""
    spec = importlib.util.find_spec("ray")
    if spec is None or spec.origin is None:
        return None
    found = Path(spec.origin).parent / "core" / "libjemalloc.so"
    return found if found.exists() else None
