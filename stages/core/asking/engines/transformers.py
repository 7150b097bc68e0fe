"""Generation with transformers, in batches of prompts of like length."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from safetensors import SafetensorError
from torch.nn import functional
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    GenerationConfig,
    LogitsProcessorList,
)

from stages.core import tokens
from stages.core.asking.engines import Model, Output, Request
from stages.core.asking.engines.options import TransformersSettings
from stages.core.asking.engines.sampling import Draw
from stages.core.machine import hardware
from stages.core.program.errors import StageError

STEPS = 16  # tokens between two looks at which prompts of a batch have their answer
SORTED = 32  # batches whose prompts are sorted by length together


def load_weights(name: str, revision: str | None, settings: TransformersSettings) -> Any:
    """The language model in a folder, or with `revision` one of the hub, still on the CPU.

    Raises OSError, ValueError or SafetensorError where transformers cannot load it.
    """
    source = {
        "revision": revision,
        "local_files_only": revision is None,
        "trust_remote_code": False,
    }
    config = AutoConfig.from_pretrained(name, **source)
    dtype = getattr(torch, settings.dtype)
    model_class: Any = AutoModelForCausalLM
    if type(config) not in AutoModelForCausalLM._model_mapping:
        model_class = AutoModelForImageTextToText  # Ministral 3 has no class of text alone
    loaded = model_class.from_pretrained(
        name, dtype=dtype, attn_implementation=settings.attention, **source
    )
    # Weights in FP8 or MXFP4 become bf16, whatever is asked, where the machine has no kernels for
    # them
    if dtype == torch.float32 and not getattr(loaded, "is_quantized", False):
        loaded = loaded.float()
    return loaded


class TransformersEngine:
    """Holds the model, on a GPU where there is one."""

    def __init__(self, model: Model, settings: TransformersSettings) -> None:
        self.tokenizer = model.tokenizer
        self.eos_id = model.tokenizer.eos_token_id
        self.special = model.special
        self.settings = settings
        self.batch_size = settings.batch_size
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        hardware.hide_kernels()
        self.swap(model)

    def swap(self, model: Model) -> None:
        """Takes the weights of `model` in place of those that it holds."""
        self.model: Any = None  # two would not fit on a GPU that one fills
        try:
            self.model = load_weights(model.name, model.revision, self.settings)
        except (OSError, ValueError, SafetensorError) as error:
            raise StageError(
                f"{model.name}: no weights that transformers can load: {tokens.reason(error)}"
            ) from error
        self.model.to(self.device).eval()
        # One id, or several for models that end turns in other ways too
        model_ends = self.model.generation_config.eos_token_id
        end_ids = {self.eos_id}
        if isinstance(model_ends, list):
            end_ids.update(model_ends)
        elif model_ends is not None:
            end_ids.add(model_ends)
        self.end_ids = sorted(end_ids)

    def generate(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Output]]:
        """Yields (request, output), batch by batch.

        The prompts of SORTED batches are sorted together, the shortest first, so that the prompts
        of a batch are of like length and need little padding.
        """
        # The model's own generation config must not fill in what we leave out
        self.model.generation_config = GenerationConfig(
            do_sample=False,  # draws are ours
            eos_token_id=self.end_ids,
            pad_token_id=self.eos_id,
            use_cache=True,
            return_dict_in_generate=True,
        )
        waiting = iter(requests)
        while chunk := list(itertools.islice(waiting, SORTED * self.batch_size)):
            chunk.sort(key=lambda request: len(request.prompt))
            for start in range(0, len(chunk), self.batch_size):
                yield from self._batch(chunk[start : start + self.batch_size])

    def _batch(self, requests: list[Request]) -> Iterator[tuple[Request, Output]]:
        """Yields (request, output) when a prompt has its answer; the others go on without it."""
        ids, mask = self._padded(requests)  # both (rows, tokens)
        prompt_width = ids.shape[1]
        cache = None
        rows = [(request, torch.Generator().manual_seed(request.seed)) for request in requests]
        end_ids = torch.tensor(self.end_ids, device=self.device)
        while rows:
            written_before = ids.shape[1] - prompt_width
            room = [request.sampling.max_new_tokens - written_before for request, _ in rows]
            with torch.inference_mode():
                step = self.model.generate(
                    input_ids=ids,
                    attention_mask=mask,
                    past_key_values=cache,
                    max_new_tokens=min(STEPS, min(room)),
                    logits_processor=LogitsProcessorList([Draw(rows)]),
                )
            written = step.sequences.shape[1] - ids.shape[1]
            ids = step.sequences
            cache = step.past_key_values

            # A row has ended where it has an EOS, or no room for another token
            is_full = torch.tensor([tokens_left <= written for tokens_left in room])
            has_end = torch.isin(ids[:, prompt_width:], end_ids).any(1)
            ended = has_end | is_full.to(self.device)
            for row_index in ended.nonzero().flatten().tolist():
                request = rows[row_index][0]
                yield request, self._output(request, ids[row_index, prompt_width:].tolist())

            # The others go on, with their part of the cache
            going_on = (~ended).nonzero().flatten()
            # batch_select_indices would leave out the states of linear attention
            cache.reorder_cache(going_on)
            rows = [rows[row_index] for row_index in going_on.tolist()]
            ids = ids[going_on]
            mask = functional.pad(mask[going_on], (0, ids.shape[1] - mask.shape[1]), value=1)

    def _output(self, request: Request, token_ids: list[int]) -> Output:
        """What comes before the first EOS; without one, the answer was cut."""
        answer_ids = list(
            itertools.takewhile(lambda token_id: token_id not in self.end_ids, token_ids)
        )
        has_end = len(answer_ids) < len(token_ids)
        return Output(
            text=self.tokenizer.decode(answer_ids, skip_special_tokens=not self.special),
            finish_reason="stop" if has_end else "length",
            prompt_tokens=len(request.prompt),
            completion_tokens=len(answer_ids) + has_end,
        )

    def _padded(self, requests: list[Request]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and attention mask, both (requests, longest prompt).

        Padding goes to the left, where it is masked: the prompt's own first token, so that a
        repetition penalty, which knows no mask, meets no token that is not there.
        """
        longest = max(len(request.prompt) for request in requests)
        ids = []
        mask = []
        for request in requests:
            prompt = [int(token_id) for token_id in request.prompt]
            padding = longest - len(prompt)
            ids.append(prompt[:1] * padding + prompt)
            mask.append([0] * padding + [1] * len(prompt))
        return torch.tensor(ids, device=self.device), torch.tensor(mask, device=self.device)
