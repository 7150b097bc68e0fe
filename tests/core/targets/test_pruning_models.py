"""Pruning by what a model says: real scorers, real stores, and what their scores leave."""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

from stages.core import tokens
from stages.core.program.errors import StageError
from stages.core.records import Trace
from stages.core.targets.pruning import causal, classifier, model_criteria, scoring_models
from stages.core.targets.pruning.causal import ENTROPIES, LOG_PROBS, CausalScorer, Text
from stages.core.targets.pruning.classifier import KEEP, TokenClassifier
from stages.core.targets.pruning.pruner import Pruner
from stages.core.targets.pruning.score_store import ScoreStore
from stages.core.targets.pruning.scoring_models import ModelSource
from stages.core.targets.pruning.settings import Criterion, Prune, Unit
from tests.made import load, trace

APPLES = """Let me count the apples. There are 4 bags.
Each bag has 6, so 4 * 6 = 24.
Hmm, 3 of them are bad. That leaves 24 - 3 = 21.
So 21 apples are good."""
QUESTION = "4 bags have 6 apples each, and 3 apples are bad. How many are good?"
ROW = trace(question=QUESTION, reasoning=APPLES, stated="21")
TEXTS = [Text("Why?\n\n", "Because of " + "that and " * count) for count in range(1, 30, 4)]


def source(folder: Path) -> ModelSource:
    return ModelSource(str(folder), None, "shorteners.x.scorer")


def pruner(
    folder: Path,
    store: Path,
    unit: Unit,
    criterion: Criterion,
    scorer: Any = "student",
    **entries: Any,
) -> Pruner:
    """A pruner whose student and scorer are the model in `folder`."""
    config = Prune(unit=unit, criterion=criterion, ratio=0.5, scorer=scorer, **entries)
    return Pruner(config, tokens.load(folder), folder, store)


def half(folder: Path, text: str = APPLES) -> int:
    """Half the tokens of a text."""
    return tokens.count(tokens.load(folder), text) // 2


def by_index(scorer: Any, texts: Sequence[Any]) -> list[dict[str, Any]]:
    """The scores of the texts, in their order."""
    scores = dict(scorer.scores(texts))
    return [scores[index] for index in range(len(texts))]


# ---- Log-probabilities and entropies ----


def test_scores_are_those_of_the_models_own_logits(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring_models, "dtype_name", lambda: "float32")
    text = Text("Why?\n\n", "It is 漢.")
    [scores] = by_index(CausalScorer(source(tiny)), [text])
    tokenizer = tokens.load(tiny)
    context, ids = tokens.ids(tokenizer, text.context), tokens.ids(tokenizer, text.text)
    with torch.inference_mode():
        logits = load(tiny)(input_ids=torch.tensor([context + ids])).logits[0]
    log_probs = logits.log_softmax(-1)[len(context) - 1 : -1]
    own = log_probs.gather(1, torch.tensor(ids)[:, None])[:, 0]
    entropies = -(log_probs.exp() * log_probs).sum(-1)
    assert scores[LOG_PROBS] == pytest.approx(own.numpy(), abs=0.01)  # kept as float16
    assert scores[ENTROPIES] == pytest.approx(entropies.numpy(), abs=0.01)


@pytest.mark.parametrize(("dtype", "rounding"), [("float32", 0.005), ("bfloat16", 0.1)])
def test_batches_change_scores_by_rounding_alone(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, rounding: float
) -> None:
    monkeypatch.setattr(scoring_models, "dtype_name", lambda: dtype)
    alone = by_index(CausalScorer(source(tiny), batch_tokens=1), TEXTS)
    together = by_index(CausalScorer(source(tiny), batch_tokens=10**6), TEXTS)
    for first, second in zip(alone, together, strict=True):
        for name in (LOG_PROBS, ENTROPIES):
            assert len(first[name]) == len(second[name]) > 0
            assert first[name] == pytest.approx(second[name], abs=rounding)


def test_whole_logits_give_the_same_scores(tiny: Path) -> None:
    own, plain = CausalScorer(source(tiny)), CausalScorer(source(tiny))
    own._load()
    assert own._has_plain_head
    own._has_plain_head = False  # as for a model that scales its logits
    for first, second in zip(by_index(own, TEXTS), by_index(plain, TEXTS), strict=True):
        assert first[LOG_PROBS] == pytest.approx(second[LOG_PROBS], abs=0.1)


def test_text_beyond_the_window_is_scored_in_parts(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring_models, "dtype_name", lambda: "float32")
    text = Text("Why?\n\n", "All of this. " * 100)  # 1,300 bytes, and the window has 512
    [scores] = by_index(CausalScorer(source(tiny)), [text])
    assert len(scores[LOG_PROBS]) == len(text.text)
    head = Text(text.context, text.text[:400])
    [head_scores] = by_index(CausalScorer(source(tiny)), [head])
    assert scores[LOG_PROBS][:400] == pytest.approx(head_scores[LOG_PROBS], abs=0.005)


def test_texts_without_tokens_or_context_have_scores(tiny: Path) -> None:
    empty, bare = by_index(CausalScorer(source(tiny)), [Text("a", ""), Text("", "b")])
    assert (len(empty[LOG_PROBS]), len(bare[LOG_PROBS])) == (0, 1)


def test_model_that_is_not_there_is_named(tmp_path: Path, tiny: Path) -> None:
    with pytest.raises(StageError, match=r"shorteners\.x\.scorer: .*no such folder"):
        CausalScorer(source(tmp_path / "none"))
    for path in tiny.iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(StageError, match="no language model that transformers can load"):
        by_index(CausalScorer(source(tmp_path)), TEXTS)


# ---- The store ----


@pytest.mark.parametrize("criterion", ["surprisal", "answer"])
def test_another_ratio_asks_the_model_nothing(
    tiny: Path, tmp_path: Path, criterion: Criterion
) -> None:
    texts_read = []
    for budget in (90, 40):
        with pruner(tiny, tmp_path, "sentence", criterion) as by_model:
            by_model.shorten([ROW], [budget])
            texts_read.append(by_model.criterion.scorer.texts_read)
    assert texts_read == [1 if criterion == "surprisal" else 1 + 6, 0]


def test_another_unit_and_entropies_ask_the_model_nothing(tiny: Path, tmp_path: Path) -> None:
    cells: list[tuple[Unit, Criterion]] = [
        ("sentence", "surprisal"),
        ("token", "surprisal"),
        ("step", "entropy"),
    ]
    texts_read = []
    for unit, criterion in cells:
        with pruner(tiny, tmp_path, unit, criterion) as by_model:
            by_model.shorten([ROW], [50])
            texts_read.append(by_model.criterion.scorer.texts_read)
    assert texts_read == [1, 0, 0]


def test_another_question_or_model_asks_again(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pruner(tiny, tmp_path, "sentence", "surprisal") as by_model:
        by_model.shorten([ROW], [50])
        by_model.shorten([dataclasses.replace(ROW, question="Why?")], [50])
        assert by_model.criterion.scorer.texts_read == 2
    monkeypatch.setattr(ModelSource, "fingerprint", lambda _: "another")
    with pruner(tiny, tmp_path, "sentence", "surprisal") as by_model:
        by_model.shorten([ROW], [50])
        assert by_model.criterion.scorer.texts_read == 1


def test_killed_run_goes_on(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [trace(number, reasoning=APPLES) for number in range(6)]
    scorer = CausalScorer(source(tiny), batch_tokens=1)
    texts = [Text(model_criteria.context_of(row), row.reasoning) for row in rows]
    with ScoreStore(tmp_path) as store:
        for index, scores in itertools.islice(scorer.scores(texts), 4):
            key = model_criteria.key_of(scorer, texts[index])
            store.add(key, scores)
    with pruner(tiny, tmp_path, "sentence", "surprisal") as by_model:
        by_model.shorten(rows, [50] * len(rows))
        assert by_model.criterion.scorer.texts_read == 2


def test_same_texts_are_read_once(tiny: Path, tmp_path: Path) -> None:
    rows = [dataclasses.replace(ROW, sample=sample) for sample in range(3)]
    with pruner(tiny, tmp_path, "sentence", "surprisal") as by_model:
        assert len(set(by_model.shorten(rows, [50] * 3))) == 1
        assert by_model.criterion.scorer.texts_read == 1


# ---- What is left ----


@pytest.mark.parametrize(
    ("criterion", "unit", "expected"),
    [
        (
            "surprisal",
            "token",
            "Let me count apples There 4 bags.\nEach 6,.\nH 3 of bad That leaves 24 21.\nSo",
        ),
        (
            "surprisal",
            "sentence",
            "Let me count the apples. There are 4 bags.\nHmm, 3 of them are bad.",
        ),
        ("surprisal", "step", "Let me count the apples. There are 4 bags."),
        (
            "entropy",
            "sentence",
            "Let me count the apples. There are 4 bags.\nHmm, 3 of them are bad.",
        ),
        ("answer", "sentence", "Each bag has 6, so 4 * 6 = 24.\nThat leaves 24 - 3 = 21."),
    ],
)
def test_golden_by_smollm2(
    smollm2: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    criterion: Criterion,
    unit: Unit,
    expected: str,
) -> None:
    monkeypatch.setattr(scoring_models, "dtype_name", lambda: "float32")  # on every machine
    with pruner(smollm2, tmp_path, unit, criterion) as by_model:
        [left] = by_model.shorten([ROW], [half(smollm2)])
    assert left == expected


@pytest.mark.parametrize("criterion", ["surprisal", "entropy", "answer"])
def test_budget_is_kept_and_bytes_are_the_same_in_every_batch(
    tiny: Path, tmp_path: Path, criterion: Criterion
) -> None:
    rows: list[Trace] = [
        trace(number, reasoning="\n".join(APPLES.split("\n")[: 1 + number % 4]))
        for number in range(5)
    ]
    budgets = [20 + 5 * number for number in range(5)]
    with pruner(tiny, tmp_path / "one", "sentence", criterion, protect_numbers=True) as by_model:
        together = by_model.shorten(rows, budgets)
    with pruner(tiny, tmp_path / "two", "sentence", criterion, protect_numbers=True) as by_model:
        alone = [
            by_model.shorten([row], [budget])[0] for row, budget in zip(rows, budgets, strict=True)
        ]
    assert together == alone
    tokenizer = tokens.load(tiny)
    for left, budget in zip(together, budgets, strict=True):
        assert 0 < tokens.count(tokenizer, left) <= budget


def test_unit_that_the_answer_needs_stays(tiny: Path, tmp_path: Path) -> None:
    """The likelihoods of the answer are given here: they fall most without the third sentence."""
    by_model = pruner(tiny, tmp_path, "sentence", "answer")
    scorer = by_model.criterion.scorer
    spans = [(0, 2), (3, 5), (6, 8), (9, 11)]
    row = trace(reasoning="A. B. C. D.", question="Q", stated="5")
    texts = model_criteria.answer_texts(row, spans, "sentence")
    assert [text.context for text in texts] == [
        f"Q\n\n{left}\n\nAnswer:"
        for left in ("A. B. C. D.", "B. C. D.", "A. C. D.", "A. B. D.", "A. B. C.")
    ]
    assert {text.text for text in texts} == {" 5"}
    likelihoods = [-2.0, -2.5, -1.0, -9.0, -2.25]
    with ScoreStore(tmp_path) as store:
        for text, value in zip(texts, likelihoods, strict=True):
            half_of_it = np.array([value / 2, value / 2], dtype=np.float16)
            store.add(model_criteria.key_of(scorer, text), {LOG_PROBS: half_of_it})
    by_model.close()
    with pruner(tiny, tmp_path, "sentence", "answer") as by_model:
        assert by_model.shorten([row] * 3, [8, 5, 2]) == ["A. C. D.", "A. C.", "C."]


# ---- A classifier ----

VOCABULARY = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] let me count the app ##les there are bag ##s each has so . , * "
    "= - hmm of them bad that leave good 3 4 6 2 ##1 ##4"
).split()


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of random weights with a WordPiece tokenizer. Its window has 32 tokens."""
    folder = tmp_path_factory.mktemp("models") / "bert"
    words = {word: number for number, word in enumerate(dict.fromkeys(VOCABULARY))}
    built = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    built.normalizer = normalizers.BertNormalizer(lowercase=True)
    built.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    built.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=built, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        initializer_range=0.5,
        id2label={0: "drop", 1: "keep"},
        label2id={"drop": 0, "keep": 1},
    )
    BertForTokenClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("token", "me bags.\nHmm, 3 them are. That leave 24 - 3 = 21.\nSo 21 apples are good."),
        (
            "sentence",
            "Hmm, 3 of them are bad. That leaves 24 - 3 = 21.\nSo 21 apples are good.",
        ),
    ],
)
def test_golden_by_classifier(
    merged: PreTrainedTokenizerFast, bert: Path, tmp_path: Path, unit: Unit, expected: str
) -> None:
    config = Prune(unit=unit, criterion="classifier", ratio=0.5, scorer={"model": str(bert)})
    budget = tokens.count(merged, APPLES) // 2
    texts_read = []
    for count in (budget, budget + 20):
        with Pruner(config, merged, tmp_path, tmp_path) as by_model:
            left = by_model.shorten([ROW], [count])
            texts_read.append(by_model.criterion.scorer.texts_read)
            if count == budget:
                assert left == [expected]
    assert texts_read == [1, 0]


def test_classifier_scores_are_the_models_own(bert: Path) -> None:
    scorer = TokenClassifier(source(bert))
    text = "Let me count the Apples."
    [scores] = by_index(scorer, [text])
    model = BertForTokenClassification.from_pretrained(bert).eval()
    tokenizer = scorer.tokenizer
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([tokenizer(text)["input_ids"]])).logits[0, 1:-1]
    assert scores[KEEP] == pytest.approx(logits.softmax(-1)[:, 1].numpy(), abs=1e-3)
    parts = [text[start:end] for start, end in scorer.token_spans(text)]
    assert parts == ["Let", "me", "count", "the", "App", "les", "."]


def test_classifier_reads_long_texts_in_windows_and_batches(bert: Path) -> None:
    texts = [APPLES * count for count in (1, 2, 5)] + ["", " \n"]
    alone = by_index(TokenClassifier(source(bert), batch_tokens=1), texts)
    together = by_index(TokenClassifier(source(bert)), texts)
    for text, first, second in zip(texts, alone, together, strict=True):
        assert len(first[KEEP]) == len(TokenClassifier(source(bert)).token_spans(text))
        assert first[KEEP] == pytest.approx(second[KEEP], abs=2e-3)


@pytest.mark.parametrize(
    ("labels", "keep_id"),
    [
        ({0: "LABEL_0", 1: "LABEL_1"}, 1),
        ({0: "Preserve", 1: "drop"}, 0),
        ({0: "B-PER", 1: "I-PER"}, None),
        ({0: "keep", 1: "kept"}, None),
        ({0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}, None),
    ],
)
def test_label_that_keeps(labels: dict[int, str], keep_id: int | None, tmp_path: Path) -> None:
    if keep_id is None:
        with pytest.raises(StageError, match=r"its labels are .*; expected two"):
            classifier.keep_label(labels, source(tmp_path))
    else:
        assert classifier.keep_label(labels, source(tmp_path)) == keep_id


def test_language_model_is_no_classifier(tiny: Path) -> None:
    with pytest.raises(StageError, match="it is no token-classification model"):
        by_index(TokenClassifier(source(tiny)), ["a"])


def test_entropy_of_even_chances_is_the_logarithm_of_their_number() -> None:
    [scores] = causal._token_scores([torch.zeros(2, 8)], torch.tensor([0, 7]))
    assert scores.tolist() == [pytest.approx([-math.log(8), math.log(8)])] * 2


def test_impossible_words_add_no_entropy() -> None:
    logits = torch.tensor([[0.0, 0.0, -math.inf]])
    [scores] = causal._token_scores([logits], torch.tensor([1]))
    assert scores[0].tolist() == pytest.approx([-math.log(2), math.log(2)])
