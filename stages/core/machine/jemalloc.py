"""jemalloc in place of the C library's malloc, for stages whose tensors have other sizes in each
step.

PyTorch's performance guide advises it for CPUs. glibc gives large tensors back to the kernel and
has their pages mapped anew. Told to keep them, glibc breaks its heap up until the heap grows.
jemalloc keeps them by size, in pages of 2 MB where the kernel has such pages to give. The
requirements bring it along: Ray's wheels for Linux carry it for Ray's own processes.
"""

import importlib.util
import os
import sys
from pathlib import Path

# What was freed is kept, because the next step takes it again
SETTINGS = "thp:always,dirty_decay_ms:-1,muzzy_decay_ms:-1"
DRIVER = Path("/proc/driver/nvidia")


def begin() -> None:
    """Starts this program again with jemalloc. LD_PRELOAD and MALLOC_CONF stay where a user set
    them.

    Call it before torch is imported, so that the new start costs little time. Nothing happens where
    Ray has no jemalloc. Nothing happens on a machine with a GPU either, because malloc does not hold
    its tensors.
    """
    library_path = library()
    if library_path is None or DRIVER.exists() or "LD_PRELOAD" in os.environ:
        return
    # a MALLOC_CONF of the user's takes the place of ours
    environment = {"MALLOC_CONF": SETTINGS} | os.environ | {"LD_PRELOAD": str(library_path)}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def library() -> Path | None:
    """Returns the path of Ray's jemalloc, or None where Ray or its jemalloc is not installed."""
    spec = importlib.util.find_spec("ray")
    if spec is None or spec.origin is None:
        return None
    library_path = Path(spec.origin).parent / "core" / "libjemalloc.so"
    return library_path if library_path.exists() else None
