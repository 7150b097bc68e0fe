"""What a check ran on: the device and its peak performance, the libraries, and the commit."""

import gc
import importlib.metadata
import platform
import re
import subprocess
import time
from typing import Any

import torch

from stages.core.machine import hardware
from tests.imports import ROOT

LIBRARIES = (
    "torch",
    "triton",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "tokenizers",
    "safetensors",
    "flash-linear-attention",
    "torchao",
    "numpy",
)
SOURCE = "NVIDIA's data sheets: dense products of bf16, without sparsity"
# TFLOP/s by the names that torch gives. Devices that have several powers or clocks under one name
# are left out.
PEAKS = {
    "NVIDIA A100-SXM4-40GB": 312.0,
    "NVIDIA A100-SXM4-80GB": 312.0,
    "NVIDIA A100-PCIE-40GB": 312.0,
    "NVIDIA A100 80GB PCIe": 312.0,
    "NVIDIA H100 80GB HBM3": 989.4,
    "NVIDIA H100 PCIe": 756.0,
    "NVIDIA H200": 989.4,
    "NVIDIA L40S": 362.0,
    "NVIDIA L4": 121.0,
}


def header(commit: str | None) -> dict[str, Any]:
    """The device and what runs on it. The peak is None where the table lacks the device."""
    name = hardware.device()
    peak = PEAKS.get(name)
    return {
        "device": name,
        "day": time.strftime("%Y-%m-%d"),
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "versions": {library: version(library) for library in LIBRARIES},
        "commit": commit or head(),
        "bf16": hardware.bf16_supported(),
        "peak_bf16_tflops": peak,
        "peak_source": SOURCE if peak else None,
    }


def version(library: str) -> str | None:
    """The installed version, or None."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def head() -> str | None:
    """The commit that is checked out, or None outside a repository."""
    words = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def file_name(device: str) -> str:
    """The name of a device's file of results."""
    return re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-") + ".json"


def forget_peak() -> None:
    """Free the memory that earlier parts left, and measure the GPU's highest use anew."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def utilisation(flops: float, seconds: float, peak: float | None) -> float | None:
    """The share of the device's peak, or None where the peak is unknown. `peak` is in TFLOP/s."""
    return round(flops / seconds / (peak * 1e12), 4) if peak else None
