"""The criteria that a model is asked for. Its scores are kept in the store of scores."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from stages.core.records import Trace
from stages.core.targets.pruning import score_store
from stages.core.targets.pruning.causal import ENTROPIES, LOG_PROBS, CausalScorer, Text
from stages.core.targets.pruning.classifier import KEEP, TokenClassifier
from stages.core.targets.pruning.order import unit_means
from stages.core.targets.pruning.score_store import Scores, ScoreStore
from stages.core.targets.pruning.scoring_models import ModelSource
from stages.core.targets.pruning.settings import Prune, Unit
from stages.core.targets.pruning.units import Span, joined

ANSWER_GROUP = 16  # traces whose texts for criterion answer are held at once

Request = TypeVar("Request", contravariant=True)
Model = TypeVar("Model")


class Scorer(Protocol[Request]):
    """A model that scores the tokens of texts."""

    fingerprint: str

    def key_parts(self, text: Request, /) -> tuple[str, ...]:
        """What the key of the text's scores is made of, beside the fingerprint."""

    def scores(self, texts: Sequence[Request], /) -> Iterator[tuple[int, dict[str, Scores]]]:
        """Yields (index, scores) of each text, in any order."""


def key_of(scorer: Scorer[Request], text: Request) -> str:
    """The key under which the scores of a text are kept."""
    return score_store.key(scorer.fingerprint, *scorer.key_parts(text))


def stored(scorer: Scorer[Any], store: ScoreStore, texts: Sequence[Any]) -> list[dict[str, Scores]]:
    """The scores of each text, from the store where they are there.

    What the model computes is stored as it comes, so that a run which is killed goes on.
    """
    keys = [key_of(scorer, text) for text in texts]
    by_key: dict[str, dict[str, Scores]] = {}
    missing: dict[str, Any] = {}  # texts by their keys, each once
    for key, text in zip(keys, texts, strict=True):
        scores = store.find(key)
        if scores is None:
            missing[key] = text
        else:
            by_key[key] = scores
    missing_keys = list(missing)
    for index, scores in scorer.scores(list(missing.values())):
        store.add(missing_keys[index], scores)
        by_key[missing_keys[index]] = scores
    return [by_key[key] for key in keys]


def context_of(trace: Trace) -> str:
    """What the scoring model reads before the reasoning: the question, as text."""
    return f"{trace.question}\n\n"


class ModelCriterion(Generic[Model]):
    """A criterion with its scoring model and the store of its scores."""

    def __init__(self, scorer: Model, store: ScoreStore) -> None:
        self.scorer = scorer
        self.store = store

    def close(self) -> None:
        """Makes the scores durable."""
        self.store.close()


class TokenMeans(ModelCriterion[CausalScorer]):
    """The mean over a unit's tokens of a score that a causal model gives each token.

    `name` and `sign` say which: the surprisal is -log_probs. Units of low surprisal or low entropy
    go first, because they tell the model least.
    """

    def __init__(self, scorer: CausalScorer, store: ScoreStore, name: str, sign: int) -> None:
        super().__init__(scorer, store)
        self.name = name
        self.sign = sign

    def scores(self, traces: Sequence[Trace], spans: Sequence[Sequence[Span]]) -> list[list[float]]:
        """For each trace the scores of its units."""
        texts = [Text(context_of(trace), trace.reasoning) for trace in traces]
        all_scores = stored(self.scorer, self.store, texts)
        unit_scores = []
        for trace, trace_spans, by_name in zip(traces, spans, all_scores, strict=True):
            token_scores = self.sign * by_name[self.name].astype(float)
            token_spans = self.scorer.token_spans(trace.reasoning)
            unit_scores.append(unit_means(trace_spans, token_spans, token_scores.tolist()))
        return unit_scores


class Keep(ModelCriterion[TokenClassifier]):
    """The mean over a unit's tokens of the probability that a classifier keeps them."""

    def scores(self, traces: Sequence[Trace], spans: Sequence[Sequence[Span]]) -> list[list[float]]:
        """For each trace the scores of its units."""
        all_scores = stored(self.scorer, self.store, [trace.reasoning for trace in traces])
        unit_scores = []
        for trace, trace_spans, by_name in zip(traces, spans, all_scores, strict=True):
            token_spans = self.scorer.token_spans(trace.reasoning)
            token_scores = by_name[KEEP].astype(float).tolist()
            unit_scores.append(unit_means(trace_spans, token_spans, token_scores))
        return unit_scores


class AnswerDrop(ModelCriterion[CausalScorer]):
    """How much the log-likelihood of the answer falls when the unit alone is left out.

    Each unit takes one pass. The answer is the final one as the trace states it, after question and
    reasoning. A unit that the answer does without goes first; its score may be negative.
    """

    def __init__(self, scorer: CausalScorer, store: ScoreStore, unit: Unit) -> None:
        super().__init__(scorer, store)
        self.unit = unit

    def scores(self, traces: Sequence[Trace], spans: Sequence[Sequence[Span]]) -> list[list[float]]:
        """For each trace the scores of its units."""
        unit_scores: list[list[float]] = []
        for first in range(0, len(traces), ANSWER_GROUP):
            group = slice(first, first + ANSWER_GROUP)
            texts: list[Text] = []
            for trace, trace_spans in zip(traces[group], spans[group], strict=True):
                texts += answer_texts(trace, trace_spans, self.unit)
            likelihoods = []
            for by_name in stored(self.scorer, self.store, texts):
                likelihoods.append(float(by_name[LOG_PROBS].astype(float).sum()))
            remaining = iter(likelihoods)
            for trace_spans in spans[group]:
                complete_trace = next(remaining)
                unit_scores.append([complete_trace - next(remaining) for _ in trace_spans])
        return unit_scores


def answer_texts(trace: Trace, spans: Sequence[Span], unit: Unit) -> list[Text]:
    """The answer after the reasoning, then after the reasoning without each unit (1 + units)."""
    indices = range(len(spans))
    texts = []
    for left_out in (None, *indices):
        kept = [index for index in indices if index != left_out]
        reasoning = joined(trace.reasoning, spans, kept, unit)
        context = f"{context_of(trace)}{reasoning}\n\nAnswer:"
        texts.append(Text(context, f" {trace.stated or trace.answer}"))
    return texts


def of(config: Prune, source: ModelSource, store_folder: Path) -> TokenMeans | Keep | AnswerDrop:
    """The criterion that `config` names, with the model at `source`."""
    if config.criterion == "classifier":
        return Keep(TokenClassifier(source), ScoreStore(store_folder))
    scorer = CausalScorer(source)
    store = ScoreStore(store_folder)
    match config.criterion:
        case "surprisal":
            return TokenMeans(scorer, store, LOG_PROBS, -1)
        case "entropy":
            return TokenMeans(scorer, store, ENTROPIES, 1)
    return AnswerDrop(scorer, store, config.unit)
