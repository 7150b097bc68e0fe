"""What machine this is, for timings that must not be compared across machines, and what it cannot
run.
"""

import importlib.util
import resource
import sys
import time
from pathlib import Path

import torch

KERNELS = (
    "fla",
    "causal_conv1d",
    "mamba_ssm",
)  # packages whose kernels transformers takes wherever they are installed


def device() -> str:
    """The GPU's name, or the CPU's, so that seconds are never compared across devices."""
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    for line in (
        Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ()
    ):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "CPU"


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
    return bool(
        capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16")
    )


def hide_kernels() -> None:
    """Without a GPU, hides packages that compute on GPUs alone, so that transformers takes its
    reference path.

    transformers 5.19 asks for no GPU when it binds them, as a model's module is imported: call this
    before, in the same process. It has no setting for that; None is Python's own sign that a module
    cannot be imported.
    """
    for name in () if torch.cuda.is_available() else KERNELS:
        if importlib.util.find_spec(name):
            sys.modules[name] = None  # type: ignore[assignment]
