"""A model as the params describe it: what it is, how it is served and how it is spoken to."""

from dataclasses import dataclass, field
from typing import Any

from stages.core import chat
from stages.core.asking import engines
from stages.core.asking.engines import Sampling
from stages.core.program import params
from stages.core.program.errors import StageError
from stages.core.program.params import NotEmpty, Options


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """A model, how it is served (`inference`, see engines) and how it is spoken to."""

    inference: dict[str, Any]
    # A Hugging Face folder, the id of a model on the hub (then with `revision`), or a server's name
    # for the model
    model: str = ""
    revision: str | None = None
    # The folder or the hub id of a tokenizer, where `model` is a server's name
    tokenizer: str | None = None
    # None: the tokenizer's own chat template, with `template_arguments`
    prompt_template: str | None = None
    template_arguments: Options = field(default_factory=dict)  # only its template knows their names
    # The day that a template gets which writes today's date, as "2026-01-31"
    date: str | None = None
    # The system message. None: what its template or its server writes by itself
    system: NotEmpty | None = None
    # How it sets its reasoning apart: think (tags), or harmony (the channels of gpt-oss)
    output: str = "think"
    # Whether its prompt opens the think block where a server renders the prompt and does not show it
    opened: bool = False
    sampling: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.output not in chat.FORMATS:
            known = ", ".join(chat.FORMATS)
            raise StageError(f"output: {self.output!r} is unknown; known: {known}")
        chat.check_template(self.prompt_template, self.date)


def model_settings(config: LanguageModel, params_path: str) -> tuple[Any, Sampling]:
    """The settings of the model's engine, and its sampling.

    `params_path` says where `config` is in the params, for errors. Nothing is loaded. Raises
    StageError for settings that are wrong or do not go together.
    """
    engine_name, engine_settings = engines.settings(config.inference, f"{params_path}.inference")
    is_script = engine_name == "scripted"
    default_sampling = {"max_new_tokens": 1} if is_script else {}  # the script knows no limit
    sampling = params.section(
        Sampling, config.sampling or default_sampling, f"{params_path}.sampling"
    )
    replica_engine = config.inference.get("run", {}).get("engine")
    if not config.model and not is_script and replica_engine != "scripted":
        raise StageError(
            f"params.yaml: {params_path}.model: missing; name a folder, a model of the hub or a "
            "server's"
        )
    if engine_settings.renders:
        _check_server_can_render(config, params_path)
    elif config.system and config.prompt_template:
        raise StageError(
            f"params.yaml: {params_path}.system: prompt_template is all of the prompt; write it "
            "there"
        )
    return engine_settings, sampling


def _check_server_can_render(config: LanguageModel, params_path: str) -> None:
    """Raises StageError for entries about rendering, where the server renders prompts itself."""
    if config.template_arguments:
        raise StageError(
            f"params.yaml: {params_path}.template_arguments: the server renders its template "
            "itself; send them to it as inference.extra.chat_template_kwargs"
        )
    if config.date:
        raise StageError(
            f"params.yaml: {params_path}.date: the server renders its template itself, by its own "
            "clock; fix it there, or set inference.api: completions, which sends prompts that are "
            "rendered here"
        )
