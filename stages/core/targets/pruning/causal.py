"""Scores of tokens under a causal language model: log-probability and entropy.

The log-probability of a token given all before it is the negative of its surprisal, by which Li et
al. (Selective Context, arXiv 2310.06201) and Jiang et al. (LLMLingua, arXiv 2310.05736) prune. The
entropy is that of the distribution which the token is drawn from. Both are in nats.

Texts of like length are batched, with padding after the text. No token sees what follows it, so
padding changes no score but by rounding: products of another shape are summed in another order. In
fp32 that is below 1e-4 nats, in bf16 some hundredths.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from stages.core import tokens
from stages.core.asking.engines.options import TransformersSettings
from stages.core.asking.engines.transformers import load_weights
from stages.core.machine import hardware
from stages.core.targets.pruning import scoring_models, windows
from stages.core.targets.pruning.score_store import Scores, rounded
from stages.core.targets.pruning.scoring_models import ModelSource
from stages.core.targets.pruning.units import Span
from stages.core.targets.pruning.windows import Window

CHUNK = 64  # positions whose logits exist at once: with 150,000 words, 40 MB in fp32
# Largest difference, in nats, between the model's own log-probabilities and those of its head
# alone. Rounding to bf16 takes a tenth of it.
TOLERANCE = 0.3

LOG_PROBS, ENTROPIES = "log_probs", "entropies"


@dataclass(frozen=True)
class Text:
    """A text whose tokens are scored, and what the model reads before it."""

    context: str
    text: str


class CausalScorer:
    """A causal language model that scores texts. Its weights are loaded when they are needed."""

    def __init__(self, source: ModelSource, batch_tokens: int | None = None) -> None:
        self.source = source
        self.batch_tokens = batch_tokens or scoring_models.default_batch_tokens()
        self.dtype = scoring_models.dtype_name()
        self.fingerprint = f"{source.fingerprint()} {self.dtype}"
        self.tokenizer = tokens.load(Path(source.name), source.revision)
        self.texts_read = 0  # how many the model was run for
        self._model: Any = None
        self._has_plain_head = False

    def token_spans(self, text: str) -> list[Span]:
        """The characters of each token that has a score."""
        encoding = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        spans: list[Span] = encoding["offset_mapping"]
        return spans

    def key_parts(self, text: Text) -> tuple[str, ...]:
        """What the key of the text's scores is made of, beside the fingerprint."""
        return ("causal", text.context, text.text)

    def scores(self, texts: Sequence[Text]) -> Iterator[tuple[int, dict[str, Scores]]]:
        """Yields (index, scores) of each text, in any order. Scores are by name, of all tokens."""
        if texts:
            self._load()
        self.texts_read += len(texts)
        windows_by_text = [list(self._windows(text)) for text in texts]
        for index, text_windows in enumerate(windows_by_text):
            if not text_windows:  # a text without tokens
                yield index, _named(torch.zeros(0, 2))
        for index, result in scoring_models.run(windows_by_text, self._batch, self.batch_tokens):
            yield index, _named(result)

    def _windows(self, text: Text) -> Iterator[Window]:
        context_ids = self._start() + tokens.ids(self.tokenizer, text.context)
        text_ids = tokens.ids(self.tokenizer, text.text)
        # The first token needs one before it
        context_ids = context_ids or [self.tokenizer.eos_token_id]
        return windows.causal(context_ids, text_ids, self._window_size())

    def _window_size(self) -> int:
        return scoring_models.window_of(self._model.config)

    def _start(self) -> list[int]:
        """The BOS, where the tokenizer itself begins each text with it."""
        bos_id = self.tokenizer.bos_token_id
        added = self.tokenizer("")["input_ids"]
        return [bos_id] if bos_id is not None and added[:1] == [bos_id] else []

    def _load(self) -> None:
        """Loads the weights, once."""
        if self._model is not None:
            return
        hardware.hide_kernels()
        try:
            model = load_weights(
                self.source.name, self.source.revision, TransformersSettings(dtype=self.dtype)
            )
        except (OSError, ValueError, SafetensorError) as error:
            raise self.source.unreadable("language model", error) from error
        self._model = model.to(scoring_models.device()).eval()
        self._has_plain_head = self._checked_head()

    @torch.inference_mode()
    def _checked_head(self) -> bool:
        """Whether the logits are those of the head alone, neither scaled nor capped after it."""
        ids = torch.tensor([[0, 1, 2]], device=scoring_models.device())
        own_logits = self._model(input_ids=ids, use_cache=False).logits.float()
        head = self._model.get_output_embeddings()
        hidden = self._model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state
        by_model = own_logits.log_softmax(-1)
        by_head = head(hidden).float().log_softmax(-1)
        return bool((by_model - by_head).abs().max() <= TOLERANCE)

    @torch.inference_mode()
    def _batch(self, batch: Sequence[Window]) -> list[torch.Tensor]:
        """The scores of each window's scored tokens, (scored, 2): log-probability and entropy."""
        longest = max(len(window.ids) for window in batch)
        padded = [window.ids + window.ids[-1:] * (longest - len(window.ids)) for window in batch]
        ids = torch.tensor(padded, device=scoring_models.device())
        # Position t predicts token t + 1
        rows: list[int] = []
        positions: list[int] = []
        for row, window in enumerate(batch):
            rows += [row] * window.scored
            positions += range(window.first - 1, window.first - 1 + window.scored)
        row_index = torch.tensor(rows, device=ids.device)
        position_index = torch.tensor(positions, device=ids.device)
        next_ids = ids[row_index, position_index + 1]
        logits = self._logits(ids, row_index, position_index)
        scores = torch.cat(list(_token_scores(logits, next_ids))).cpu()
        return list(scores.split([window.scored for window in batch]))

    def _logits(
        self, ids: torch.Tensor, rows: torch.Tensor, positions: torch.Tensor
    ) -> Iterator[torch.Tensor]:
        """Yields the logits at these positions, (CHUNK, words) at a time."""
        if not self._has_plain_head:
            all_logits = self._model(input_ids=ids, use_cache=False).logits[rows, positions]
            yield from all_logits.split(CHUNK)
            return
        decoder, head = self._model.get_decoder(), self._model.get_output_embeddings()
        hidden = decoder(input_ids=ids, use_cache=False).last_hidden_state[rows, positions]
        for chunk in hidden.split(CHUNK):
            yield head(chunk)


def _token_scores(logits: Iterable[torch.Tensor], ids: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yields log-probability and entropy, (CHUNK, 2) at a time.

    H = -sum p log p; a word with p = 0 adds nothing.
    """
    start = 0
    for chunk in logits:
        log_probs = torch.log_softmax(chunk, -1, dtype=torch.float32)
        chunk_ids = ids[start : start + len(chunk), None]
        token_log_probs = log_probs.gather(1, chunk_ids)[:, 0]
        finite = log_probs.clamp_min_(math.log(torch.finfo(torch.float32).tiny))
        entropy = -(finite.exp() * finite).sum(-1)
        yield torch.stack((token_log_probs, entropy), 1)
        start += len(chunk)


def _named(scores: torch.Tensor) -> dict[str, Scores]:
    """Scores (tokens, 2) by their names."""
    values = rounded(scores.numpy())
    return {LOG_PROBS: values[:, 0], ENTROPIES: values[:, 1]}
