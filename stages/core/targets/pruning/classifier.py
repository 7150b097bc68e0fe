"""Scores of tokens under a token-classification model: the probability of the label `keep`.

Pan et al. (LLMLingua-2, arXiv 2403.12968) train such models on compressions that a large model
wrote. The model reads the text alone, without the question, in windows. Windows overlap by half,
and a token's score is from the window in which it is farther from the edges. Their model reads
chunks that do not overlap.

Texts are padded and masked, which changes scores by rounding alone: below 1e-5 in fp32.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from safetensors import SafetensorError

from stages.core import tokens
from stages.core.program.errors import StageError
from stages.core.targets.pruning import scoring_models
from stages.core.targets.pruning.score_store import Scores, rounded
from stages.core.targets.pruning.scoring_models import ModelSource
from stages.core.targets.pruning.units import Span
from stages.core.targets.pruning.windows import Window, overlapping

KEEP = "keep"
# How models call the label; those of LLMLingua-2 have transformers' default names
KEEP_LABELS = ("keep", "kept", "preserve", "preserved", "label_1")
# Tokens of a window, special ones included: what models like BERT are trained on
LONGEST_WINDOW = 512
# Position embeddings of these begin after the id of the padding: so many are not to be used
POSITION_OFFSET = 2
OFFSET_FAMILIES = ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert")


class TokenClassifier:
    """A token-classification model. Its weights are loaded when they are needed."""

    def __init__(self, source: ModelSource, batch_tokens: int | None = None) -> None:
        self.source = source
        self.batch_tokens = batch_tokens or scoring_models.default_batch_tokens()
        self.fingerprint = source.fingerprint()
        self.config, self.tokenizer = _loaded_config(source)
        self.keep_id = keep_label(self.config.id2label, source)
        # The special tokens around a text, such as BERT's [CLS] and [SEP]
        self.before, self.after = _special_ids(self.tokenizer)
        self.texts_read = 0  # how many the model was run for
        self._model: Any = None

    def token_spans(self, text: str) -> list[Span]:
        """The characters of each token that has a score."""
        encoding = self.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        spans: list[Span] = encoding["offset_mapping"]
        return spans

    def key_parts(self, text: str) -> tuple[str, ...]:
        """What the key of the text's scores is made of, beside the fingerprint."""
        return ("classifier", text)

    def scores(self, texts: Sequence[str]) -> Iterator[tuple[int, dict[str, Scores]]]:
        """Yields (index, scores) of each text, in any order: the probability of `keep`."""
        if texts:
            self._load()
        self.texts_read += len(texts)
        windows_by_text = [self._windows(text) for text in texts]
        for index, text_windows in enumerate(windows_by_text):
            if not text_windows:  # a text without tokens
                yield index, {KEEP: rounded([])}
        for index, result in scoring_models.run(windows_by_text, self._batch, self.batch_tokens):
            yield index, {KEEP: rounded(result.numpy())}

    def _windows(self, text: str) -> list[Window]:
        """The windows of a text, without special tokens."""
        encoding = self.tokenizer(text, add_special_tokens=False, verbose=False)
        room = self._window_size() - len(self.before) - len(self.after)
        return list(overlapping(encoding["input_ids"], room))

    def _window_size(self) -> int:
        positions = scoring_models.window_of(self.config)
        if self.config.model_type in OFFSET_FAMILIES:
            positions -= POSITION_OFFSET
        return min(positions, self.tokenizer.model_max_length, LONGEST_WINDOW)

    def _load(self) -> None:
        """Loads the weights, once. They stay in fp32: such models are small."""
        from transformers import AutoModelForTokenClassification

        if self._model is not None:
            return
        try:
            model, loading = AutoModelForTokenClassification.from_pretrained(
                self.source.name,
                **self.source.options,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except (OSError, ValueError, SafetensorError) as error:
            raise self.source.unreadable("token-classification weights", error) from error
        if missing := sorted(loading["missing_keys"]):
            raise StageError(
                f"{self.source.params_path}: {self.source.name}: no weights for {missing[0]}: it is "
                "no token-classification model; name one such as LLMLingua-2's"
            )
        self._model = model.to(scoring_models.device()).eval()

    @torch.inference_mode()
    def _batch(self, batch: Sequence[Window]) -> list[torch.Tensor]:
        """The probabilities of `keep` of each window's scored tokens."""
        rows = [[*self.before, *window.ids, *self.after] for window in batch]
        longest = max(map(len, rows))
        padding = self.tokenizer.pad_token_id or 0
        ids = [row + [padding] * (longest - len(row)) for row in rows]
        mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
        device = scoring_models.device()
        logits = self._model(
            input_ids=torch.tensor(ids, device=device),
            attention_mask=torch.tensor(mask, device=device),
        ).logits  # (rows, tokens, labels)
        keep = logits.float().softmax(-1)[..., self.keep_id].cpu()
        scores = []
        for row, window in enumerate(batch):
            first = len(self.before) + window.first
            scores.append(keep[row, first : first + window.scored])
        return scores


def _special_ids(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The ids that the tokenizer puts before and after each text."""
    text_ids = tokens.ids(tokenizer, "a")
    all_ids: list[int] = tokenizer("a")["input_ids"]
    for first in range(len(all_ids)):
        last = first + len(text_ids)
        if all_ids[first:last] == text_ids:
            return all_ids[:first], all_ids[last:]
    return [], []


def _loaded_config(source: ModelSource) -> tuple[Any, Any]:
    """Config and fast tokenizer. Raises StageError where transformers cannot load them."""
    from transformers import AutoConfig, AutoTokenizer

    try:
        config = AutoConfig.from_pretrained(source.name, **source.options)
        tokenizer = AutoTokenizer.from_pretrained(source.name, **source.options)
    except (OSError, ValueError, KeyError) as error:
        raise source.unreadable("tokenizer and config", error) from error
    if not tokenizer.is_fast:
        raise StageError(
            f"{source.params_path}: {source.name}: its tokenizer is not a fast one; put a "
            "tokenizer.json there"
        )
    return config, tokenizer


def keep_label(id2label: dict[int, str], source: ModelSource) -> int:
    """The id of the label `keep`. Raises StageError where no label, or more than one, is it."""
    ids = [label_id for label_id, name in id2label.items() if name.lower() in KEEP_LABELS]
    if len(ids) != 1 or len(id2label) != 2:
        names = ", ".join(id2label.values())
        raise StageError(
            f"{source.params_path}: {source.name}: its labels are {names}; expected two, one of "
            "them keep, preserve or LABEL_1; choose a model like LLMLingua-2's"
        )
    return int(ids[0])
