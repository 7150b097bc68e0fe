"""What machine this is, and what it cannot run.

Timings carry the name of the device, because seconds of two machines must not be compared.
"""

import importlib.util
import resource
import sys
import time
from pathlib import Path

import torch

# Packages of GPU kernels. transformers uses them wherever they are installed.
KERNELS = ("fla", "causal_conv1d", "mamba_ssm")
_CPU_INFO = Path("/proc/cpuinfo")
_BYTES_OF_A_GB = 1e9
_BYTES_OF_A_KIB = 1024  # Linux gives the resident size of a process in KiB


def device() -> str:
    """Returns the GPU's name, or without a GPU the CPU's, so that seconds are never compared across
    devices.
    """
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    lines = _CPU_INFO.read_text().splitlines() if _CPU_INFO.exists() else []
    for line in lines:
        # for example "model name	: Intel(R) Xeon(R) Processor"
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "CPU"


def clock() -> float:
    """Returns the seconds of a clock that never goes back. It waits for a GPU's queue to run empty
    first.
    """
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def peak_memory_gb() -> float:
    """Returns the highest memory so far in GB: of the GPU if there is one, else of this process."""
    if torch.cuda.is_available():
        return round(torch.cuda.max_memory_allocated() / _BYTES_OF_A_GB, 3)
    resident_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(resident_kib * _BYTES_OF_A_KIB / _BYTES_OF_A_GB, 3)


def bf16_supported() -> bool:
    """Whether this GPU, or without one this CPU, multiplies bf16 in hardware."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(
        capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16")
    )


def hide_kernels() -> None:
    """Hides packages that compute on GPUs alone where there is no GPU.

    transformers then takes its reference path. transformers 5.19 does not ask for a GPU when it
    binds the kernels, which happens as a model's module is imported. So call this before, in the
    same process. transformers has no setting for that. A None in sys.modules is Python's own sign
    that a module cannot be imported.
    """
    if torch.cuda.is_available():
        return
    for package in KERNELS:
        if importlib.util.find_spec(package):
            sys.modules[package] = None  # type: ignore[assignment]
