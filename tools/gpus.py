"""How many GPUs the entries of a profile ask for."""

from collections.abc import Mapping
from typing import Any

LOCAL_ENGINES = ("transformers", "vllm")


def of_inference(section: Mapping[str, Any]) -> int:
    """GPUs that an `inference` section takes on a machine that has any.

    It is 0 where a server answers, or a program that is no model.
    """
    if section["engine"] == "ray":
        return int(section.get("replicas", 1) * section.get("gpus", 0))
    if section["engine"] not in LOCAL_ENGINES:
        return 0
    # vLLM splits a model's layers and, within each, its tensors: it takes the product of both
    options = section.get("options", {})
    return int(options.get("tensor_parallel_size", 1) * options.get("pipeline_parallel_size", 1))


def of_student(section: Mapping[str, Any]) -> int:
    """GPUs that a cell of this student takes: the larger of its training and its answers."""
    return max(int(section["training"].get("processes", 1)), of_inference(section["inference"]))
