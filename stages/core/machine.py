"""What machine this is, for timings that must not be compared across machines."""

import ctypes
import resource
import sys
import time
from pathlib import Path
from typing import Any

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
    SmolLM2. What is kept breaks up, and grows, without `trim_memory`. Elsewhere nothing happens.
    """
    setting = _glibc("mallopt")
    if setting is not None and not torch.cuda.is_available():
        for name, value in _MALLOPT.items():
            setting(name, value)


def trim_memory() -> None:
    """Gives what is free back to the kernel, broken up or not. Elsewhere than with glibc nothing happens."""
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


def memory() -> float:
    """GB that this process holds now; 0 where the kernel does not say it as Linux does."""
    found = Path("/proc/self/statm")
    return int(found.read_text().split()[1]) * resource.getpagesize() / 1e9 if found.exists() else 0.0


def _glibc(name: str) -> Any:
    """A function of the C library, None where it has none of that name, as musl."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None


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
