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
    LogitsProcessor,
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from stages.core import tokens
from stages.core.asking.engines import Model, Output, Request, Sampling
from stages.core.asking.engines.options import TransformersSettings
from stages.core.machine import hardware
from stages.core.program.errors import StageError

STEPS = 16  # tokens between two looks at which prompts of a batch have their answer
LIKELIEST = 1024  # tokens among which a nucleus is looked for first
SORTED = 32  # batches whose prompts are sorted by length together


class Draw(LogitsProcessor):
    """Makes the argmax of each row the token that the row's own sampling and generator draw.

    Greedy rows stay as they are. transformers itself has one sampling and one generator for a whole
    batch, so an answer would depend on the rows beside it. A draw takes one number of its
    generator, because noise on every logit took longer than the model.
    """

    def __init__(self, rows: list[tuple[Request, torch.Generator]]) -> None:
        self.generators = [generator for _, generator in rows]
        self.groups: dict[Sampling, list[int]] = {}
        for place, (request, _) in enumerate(rows):
            self.groups.setdefault(request.sampling, []).append(place)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores, (rows, vocabulary), in which each sampled row has one token left."""
        drawn = scores.float()
        for sampling, rows in self.groups.items():
            own, ids = drawn[rows], input_ids[rows]
            for processor in _processors(sampling):
                own = processor(ids, own)
            if sampling.temperature:
                own = self._drawn(rows, own)
            drawn[rows] = own
        return drawn

    def _drawn(self, rows: list[int], own: torch.Tensor) -> torch.Tensor:
        """Scores that leave one token of each row.

        It is the token at which the sum of the probabilities passes a uniform number.
        """
        upto = own.softmax(1, dtype=torch.float64).cumsum(1)
        uniform = [
            torch.rand(1, generator=self.generators[place], dtype=torch.float64) for place in rows
        ]
        at = torch.stack(uniform).to(own.device) * upto[:, -1:]
        # right: what has no probability adds nothing, so that it is never the first to pass
        return torch.full_like(own, -torch.inf).scatter_(
            1, torch.searchsorted(upto, at, right=True), 0.0
        )


class Nucleus(LogitsProcessor):
    """transformers' TopPLogitsWarper, which sorts the whole vocabulary for what the likeliest
    tokens tell.
    """

    def __init__(self, top_p: float) -> None:
        self.top_p, self.whole = top_p, TopPLogitsWarper(top_p)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores, (rows, vocabulary), of the likeliest tokens that together have `top_p`; -inf for
        the others.
        """
        shares, places = scores.softmax(1).topk(min(LIKELIEST, scores.shape[1]))
        likelier = shares.cumsum(1) - shares
        if (likelier[:, -1] < self.top_p).any():
            return self.whole(input_ids, scores)
        kept = scores.gather(1, places).masked_fill(likelier >= self.top_p, -torch.inf)
        return torch.full_like(scores, -torch.inf).scatter_(1, places, kept)


class TransformersEngine:
    """Holds the model."""

    def __init__(self, model: Model, settings: TransformersSettings) -> None:
        self.tokenizer, self.eos, self.special = (
            model.tokenizer,
            model.tokenizer.eos_token_id,
            model.special,
        )
        self.settings, self.batch_size = settings, settings.batch_size
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        hardware.hide_kernels()
        self.swap(model)

    def swap(self, model: Model) -> None:
        """Takes the weights of `model` in place of those that it holds."""
        self.model: Any = None  # two would not fit on a GPU that one fills
        try:
            self.model = self._loaded(model)
        except (OSError, ValueError, SafetensorError) as error:
            raise StageError(
                f"{model.name}: no weights that transformers can load: {tokens.reason(error)}"
            ) from error
        self.model.to(self.device).eval()
        own = (
            self.model.generation_config.eos_token_id
        )  # one, or several for models that end turns in other ways too
        self.ends = sorted(
            {self.eos} | set(own if isinstance(own, list) else [own] if own is not None else [])
        )

    def _loaded(self, model: Model) -> Any:
        where = {
            "revision": model.revision,
            "local_files_only": model.revision is None,
            "trust_remote_code": False,
        }
        config, dtype = (
            AutoConfig.from_pretrained(model.name, **where),
            getattr(torch, self.settings.dtype),
        )
        # Ministral 3 has no class of text alone
        kind = (
            AutoModelForCausalLM
            if type(config) in AutoModelForCausalLM._model_mapping
            else AutoModelForImageTextToText
        )
        loaded = kind.from_pretrained(
            model.name, dtype=dtype, attn_implementation=self.settings.attention, **where
        )
        # Weights in FP8 or MXFP4 become bf16, whatever is asked, where the machine has no kernels
        # for them
        return (
            loaded.float()
            if dtype == torch.float32 and not getattr(loaded, "is_quantized", False)
            else loaded
        )

    def generate(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Output]]:
        """Yields (request, output), batch by batch, of some batches that are sorted together
        shortest prompts first.
        """
        # The model's own generation config must not fill in what we leave out.
        self.model.generation_config = GenerationConfig(
            do_sample=False,  # draws are ours
            eos_token_id=self.ends,
            pad_token_id=self.eos,
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
        ids, mask = self._padded(requests)
        width, cache = ids.shape[1], None
        going = [(request, torch.Generator().manual_seed(request.seed)) for request in requests]
        while going:
            room = [width + request.sampling.max_new_tokens - ids.shape[1] for request, _ in going]
            with torch.inference_mode():
                found = self.model.generate(
                    input_ids=ids,
                    attention_mask=mask,
                    past_key_values=cache,
                    max_new_tokens=min(STEPS, *room),
                    logits_processor=LogitsProcessorList([Draw(going)]),
                )
            written = found.sequences.shape[1] - ids.shape[1]
            ids, cache = found.sequences, found.past_key_values
            full = torch.tensor([left <= written for left in room], device=self.device)
            ended = (
                torch.isin(ids[:, width:], torch.tensor(self.ends, device=self.device)).any(1)
                | full
            )
            for place in ended.nonzero().flatten().tolist():
                yield going[place][0], self._output(going[place][0], ids[place, width:].tolist())
            left = (~ended).nonzero().flatten()
            cache.reorder_cache(
                left
            )  # batch_select_indices would leave out the states of linear attention
            going, ids = [going[place] for place in left.tolist()], ids[left]
            mask = functional.pad(mask[left], (0, ids.shape[1] - mask.shape[1]), value=1)

    def _output(self, request: Request, found: list[int]) -> Output:
        """What comes before the first EOS; without one, the answer was cut."""
        written = list(itertools.takewhile(lambda token: token not in self.ends, found))
        stopped = len(written) < len(found)
        text = self.tokenizer.decode(written, skip_special_tokens=not self.special)
        return Output(
            text, "stop" if stopped else "length", len(request.prompt), len(written) + stopped
        )

    def _padded(self, requests: list[Request]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and attention mask, both (requests, longest prompt).

        Padding goes to the left, where it is masked: the prompt's own first token, so that a
        repetition penalty, which knows no mask, meets no token that is not there.
        """
        longest = max(len(request.prompt) for request in requests)
        ids, mask = [], []
        for request in requests:
            prompt = [int(token) for token in request.prompt]
            left = longest - len(prompt)
            ids.append(prompt[:1] * left + prompt)
            mask.append([0] * left + [1] * len(prompt))
        return torch.tensor(ids, device=self.device), torch.tensor(mask, device=self.device)


def _processors(sampling: Sampling) -> list[LogitsProcessor]:
    """What `sampling` asks for, in transformers' own order."""
    if sampling.presence_penalty or sampling.frequency_penalty:
        raise StageError(
            "sampling: transformers has no presence_penalty and no frequency_penalty; set them to 0"
        )
    wanted: list[LogitsProcessor] = []
    if sampling.repetition_penalty != 1:
        wanted.append(RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty))
    if sampling.temperature:
        wanted.append(TemperatureLogitsWarper(float(sampling.temperature)))
        kinds = (
            ("top_k", TopKLogitsWarper, 0),
            ("top_p", Nucleus, 1.0),
            ("min_p", MinPLogitsWarper, 0.0),
        )
        wanted += [
            kind(getattr(sampling, name))
            for name, kind, off in kinds
            if getattr(sampling, name) != off
        ]
    return wanted
