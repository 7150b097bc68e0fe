"""What machine this is, for timings that must not be compared across machines."""

import ctypes
import resource
import sys
import time
from pathlib import Path

import torch

# malloc.h: M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
_MALLOPT = {-4: 0, -1: 2**31 - 1, -2: 64 * 2**20}


def device() -> str:
    """The GPU's name, or the CPU's, so that seconds are never compared across devices."""
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "CPU"


def keep_freed_memory() -> None:
    """Has glibc keep what a CPU training step frees, for the next one, instead of giving it back to the kernel.

    Every large tensor was mapped anew otherwise, at 230,000 page faults and a seventh of the time of a step of
    SmolLM2; the peak rose by 0.3 of 5 GB. Elsewhere nothing happens.
    """
    if torch.cuda.is_available() or not sys.platform.startswith("linux"):
        return
    setting = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if setting is not None:
        for name, value in _MALLOPT.items():
            setting(name, value)


def clock() -> float:
    """Seconds of a clock that only moves on; a GPU's queue is let run empty first."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def peak() -> float:
    """Highest memory so far, in GB: of the GPU where there is one, else of this process."""
    if torch.cuda.is_available():
        return round(torch.cuda.max_memory_allocated() / 1e9, 3)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 3)


def bf16_supported() -> bool:
    """Whether this GPU, or without one this CPU, multiplies bf16 in hardware."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16"))
