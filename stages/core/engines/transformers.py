"""Generation with transformers, in batches of prompts of like length."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM, GenerationConfig

from stages.core.engines import Inference, Output, Request, Sampling
from stages.core.errors import StageError

STEPS = 16  # tokens between two looks at which prompts of a batch have their answer


class TransformersEngine:
    """Holds the model on the GPU where there is one."""

    def __init__(self, folder: Path, eos_token_id: int, config: Inference, revision: str | None) -> None:
        self.eos, self.batch_size = eos_token_id, config.batch_size
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = getattr(torch, config.dtype, None)
        if not isinstance(dtype, torch.dtype):
            raise StageError(f"inference.dtype: {config.dtype!r} is unknown; expected bfloat16, float16 or float32")
        try:
            self.model: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=dtype,
                attn_implementation=config.attention,
                revision=revision,
                local_files_only=revision is None,
            )
        except (OSError, ValueError, SafetensorError) as error:
            raise StageError(f"{folder}: no weights that transformers can load: {error}") from error
        self.model.to(self.device).eval()

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[tuple[int, Output]]:
        """Yields (place, output), batch by batch, shortest prompts first."""
        # The model's own generation config must not fill in what we leave out.
        self.model.generation_config = GenerationConfig(**self._settings(sampling))
        order = sorted(range(len(requests)), key=lambda place: (len(requests[place].prompt), place))
        for start in range(0, len(order), self.batch_size):
            places = order[start : start + self.batch_size]
            for place, output in self._batch([requests[place] for place in places], sampling):
                yield places[place], output

    def _settings(self, sampling: Sampling) -> dict[str, Any]:
        drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
        return {
            "do_sample": sampling.temperature > 0,
            "eos_token_id": self.eos,
            "pad_token_id": self.eos,
            "use_cache": True,
            "return_dict_in_generate": True,
        } | (drawn if sampling.temperature > 0 else {})

    def _batch(self, requests: list[Request], sampling: Sampling) -> Iterator[tuple[int, Output]]:
        """Yields (place in `requests`, output) when a prompt has its answer; the others go on without it."""
        ids, mask = self._padded(requests)
        width, cache, places = ids.shape[1], None, torch.arange(len(requests), device=self.device)
        # A batch draws from one generator: its draws follow from its first request's seed.
        torch.manual_seed(requests[0].seed)
        while len(places):
            steps = min(STEPS, width + sampling.max_new_tokens - ids.shape[1])
            with torch.inference_mode():
                found = self.model.generate(
                    input_ids=ids, attention_mask=mask, past_key_values=cache, max_new_tokens=steps
                )
            ids, cache = found.sequences, found.past_key_values
            ended = (ids[:, width:] == self.eos).any(1) | (ids.shape[1] == width + sampling.max_new_tokens)
            yield from zip(places[ended].tolist(), map(self._output, ids[ended, width:].tolist()), strict=True)
            going = (~ended).nonzero().flatten()
            cache.batch_select_indices(going)
            places, ids = places[going], ids[going]
            mask = functional.pad(mask[going], (0, ids.shape[1] - mask.shape[1]), value=1)

    def _output(self, tokens: list[int]) -> Output:
        """What comes before the first EOS; without one, the answer was cut."""
        stopped = self.eos in tokens
        return Output(tokens[: tokens.index(self.eos)] if stopped else tokens, "stop" if stopped else "length")

    def _padded(self, requests: list[Request]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and attention mask, both (requests, longest prompt); padding goes to the left, where it is masked."""
        prompts = [torch.tensor(list(request.prompt)) for request in requests]
        ids = pad_sequence(prompts, batch_first=True, padding_value=self.eos, padding_side="left")
        mask = pad_sequence([torch.ones_like(prompt) for prompt in prompts], batch_first=True, padding_side="left")
        return ids.to(self.device), mask.to(self.device)
