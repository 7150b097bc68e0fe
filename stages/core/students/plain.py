"""Brings a student's folder into the form that is trained and saved.

That form has only the language model, in bf16, under the names of its class. Quantised weights do
not learn, and transformers saves their dequantised form under names that nothing reads. Of a model
that sees images too, AutoModelForCausalLM trains the language model alone. vLLM has a class for
that part as well (0.32: Qwen3_5ForCausalLM in model_executor/models/registry.py). Its weights have
the names that are written here.
"""

from pathlib import Path
from typing import Any

from stages.core import tokens
from stages.core.program.errors import StageError
from stages.core.program.files import remove

WEIGHTS = ("*.safetensors", "*.safetensors.index.json")


def write(folder: Path, params_path: str) -> None:
    """Writes config and weights of `folder` anew where they are not plain. Its other files stay.

    It holds all weights in memory once, in bf16. Raises StageError, which names `params_path`,
    where transformers cannot dequantise the weights or misses some.
    """
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    quantised = getattr(config, "quantization_config", None)
    has_more_than_text = _holds_more_than_text(config, params_path)
    if quantised is None and not has_more_than_text:
        return

    # Load the language model, and save it beside the files that it replaces
    dequantising = None if quantised is None else _dequantising(quantised, params_path)
    model = _loaded(folder, dequantising, params_path)
    plain_folder = folder / "plain"
    _anew(model, params_path).save_pretrained(plain_folder)
    # It has the defaults of the class. The folder's own says how to generate, and stays.
    (plain_folder / "generation_config.json").unlink(missing_ok=True)

    # All old weights go: the new ones may be in fewer files
    old_weights: list[Path] = []
    for pattern in WEIGHTS:
        old_weights.extend(folder.glob(pattern))
    for path in old_weights:
        remove(path)
    for path in plain_folder.iterdir():
        path.replace(folder / path.name)
    plain_folder.rmdir()


def _holds_more_than_text(config: Any, params_path: str) -> bool:
    """Whether AutoModelForCausalLM takes only a part of this config.

    Raises StageError where it takes none of it.
    """
    import torch
    from transformers import AutoModelForCausalLM

    if config.get_text_config() is config:
        return False
    try:
        with torch.device("meta"):  # the class alone is of interest: no memory for weights
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except ValueError as error:
        raise StageError(
            f"{params_path}: transformers has no language model for a {type(config).__name__}; "
            "choose another student"
        ) from error
    return type(model.config) is not type(config)


def _dequantising(quantised: Any, params_path: str) -> Any:
    """The quantisation config that asks transformers for bf16 weights."""
    from transformers.quantizers.auto import AutoQuantizationConfig

    try:
        config = quantised
        if isinstance(quantised, dict):
            config = AutoQuantizationConfig.from_dict(quantised)
    except ValueError as error:
        raise _refused(params_path, str(error)) from error
    if not hasattr(config, "dequantize"):
        raise _refused(params_path, type(config).__name__)
    config.dequantize = True
    return config


def _refused(params_path: str, reason: str) -> StageError:
    return StageError(
        f"{params_path}: its weights are quantised ({reason}), and transformers does not "
        "dequantise these; give a repository or a folder with weights in bf16"
    )


def _loaded(folder: Path, quantisation: Any, params_path: str) -> Any:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    try:
        model, loading = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.bfloat16,
            quantization_config=quantisation,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        raise StageError(
            f"{params_path}: no weights that transformers can load: {tokens.reason(error)}"
        ) from error
    missing = sorted(loading["missing_keys"])
    if missing:
        raise StageError(
            f"{params_path}: no weights for {missing[0]} and {len(missing) - 1} others of "
            f"{type(model).__name__}"
        )
    return model.to(torch.bfloat16)


def _anew(model: Any, params_path: str) -> Any:
    """The same weights in a new model, which is not quantised and has the names of its class.

    From `model` itself, transformers would save names and forms as it read them.
    """
    import torch

    model.config._name_or_path = ""
    with torch.device("meta"):
        fresh_model = type(model)(model.config)
    try:
        fresh_model.load_state_dict(model.state_dict(), assign=True)
    except RuntimeError as error:
        # Weights that are still quantised have tensors and shapes of their own
        raise _refused(params_path, type(model).__name__) from error
    fresh_model.tie_weights()
    return fresh_model
