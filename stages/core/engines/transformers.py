"""Generation with transformers, in batches of prompts of like length."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, GenerationConfig

from stages.core.engines import Inference, Output, Request, Sampling
from stages.core.errors import StageError


class TransformersEngine:
    """Holds the model on the GPU where there is one."""

    def __init__(self, folder: Path, eos_token_id: int, config: Inference, revision: str | None) -> None:
        self.eos, self.batch_size = eos_token_id, config.batch_size
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            self.model: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=getattr(torch, config.dtype),
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
            yield from zip(places, self._batch([requests[place] for place in places]), strict=True)

    def _settings(self, sampling: Sampling) -> dict[str, Any]:
        drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
        return {
            "max_new_tokens": sampling.max_new_tokens,
            "do_sample": sampling.temperature > 0,
            "eos_token_id": self.eos,
            "pad_token_id": self.eos,
            "use_cache": True,
        } | (drawn if sampling.temperature > 0 else {})

    def _batch(self, requests: list[Request]) -> Iterator[Output]:
        width = max(len(request.prompt) for request in requests)
        ids = torch.full((len(requests), width), self.eos)
        mask = torch.zeros_like(ids)
        for row, request in enumerate(requests):  # padding goes to the left, where it is masked
            ids[row, width - len(request.prompt) :] = torch.tensor(list(request.prompt))
            mask[row, width - len(request.prompt) :] = 1
        # A batch draws from one generator: its draws follow from its first request's seed.
        torch.manual_seed(requests[0].seed)
        with torch.inference_mode():
            found = self.model.generate(input_ids=ids.to(self.device), attention_mask=mask.to(self.device))
        for row in found[:, width:].tolist():
            stopped = self.eos in row
            yield Output(row[: row.index(self.eos)] if stopped else row, "stop" if stopped else "length")
