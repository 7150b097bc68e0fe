"""Fine-tuning a tiny random student: what is learned from, what is trained, what is saved."""

import dataclasses
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import PeftModel
from tokenizers import normalizers
from transformers import AutoModelForCausalLM
from trl import SFTTrainer

from stages.core import chat, tokens, training
from stages.core.errors import StageError
from stages.core.records import Example
from stages.core.training import IGNORED, CompletionTrainer, Method, Training

FULL = Method(
    learning_rate=3e-3,
    epochs=3,
    batch_size=4,
    accumulation=1,
    warmup=0.1,
    scheduler="cosine",
    weight_decay=0.0,
    max_grad_norm=1.0,
    optimizer="adamw_torch",
    lora=None,
)
SETTINGS = {"rank": 4, "alpha": 8, "dropout": 0.0, "target_modules": "all-linear"}
LORA = dataclasses.replace(FULL, learning_rate=3e-2, lora=SETTINGS)
PLAIN = Training(attention="eager", checkpointing=False, fused_head=False)
# In and out of q, k, v, o, gate, up and down, for rank 4 in two layers
LORA_PARAMETERS = 2 * 4 * (2 * (32 + 32) + 2 * (32 + 16) + 3 * (32 + 64))


def example(number: int, eos: str) -> Example:
    """An example of a length of its own; counts in bytes, with the EOS as one more."""
    prompt = f"Count to {number}.\n"
    said = chat.completion(" ".join(map(str, range(number))), str(number), "")
    return Example(f"q{number:02}", 0, prompt, said + eos, len(prompt), len(said) + 1, len(said) + 1)


@pytest.fixture(scope="module")
def examples(tokenizer: Any) -> list[Example]:
    """Twenty examples."""
    return [example(number, tokenizer.eos_token) for number in range(1, 21)]


Train = Callable[..., training.Result]


@pytest.fixture(scope="module")
def train(tiny: Path, tokenizer: Any, examples: list[Example]) -> Train:
    """A run over the examples."""

    def run(method: Method = FULL, how: Training = PLAIN, seed: int = 0) -> training.Result:
        return training.train(tiny, examples, tokenizer, method, how, seed)

    return run


def load(folder: Path) -> Any:
    """The model of a folder, in float32."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@torch.inference_mode()
def logits(model: Any) -> torch.Tensor:
    """What a model says about a fixed text."""
    found: torch.Tensor = model.eval()(torch.arange(1, 40)[None]).logits
    return found.clone()


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """The largest difference."""
    return float((one - other).abs().max())


def test_only_completions_have_labels_and_end_with_the_eos(tokenizer: Any, examples: list[Example]) -> None:
    rows = training.dataset(examples, tokenizer)
    assert len(rows) == len(examples)
    for row, source in zip(rows, examples, strict=True):
        labels = [label for label in row["labels"] if label != IGNORED]
        assert tokenizer.decode(row["input_ids"]) == source.prompt + source.completion
        assert tokenizer.decode(labels) == source.completion
        assert row["labels"][: source.prompt_tokens] == [IGNORED] * source.prompt_tokens
        assert len(labels) == source.completion_tokens
        assert row["input_ids"][-1] == row["labels"][-1] == tokenizer.eos_token_id


def test_targets_of_other_lengths_see_the_same_questions_in_the_same_batches(
    monkeypatch: pytest.MonkeyPatch, tiny: Path, tokenizer: Any, examples: list[Example]
) -> None:
    """A batch order that follows an arm's own lengths would give each a curriculum of its own."""
    seen: list[list[str]] = []
    plain = CompletionTrainer.compute_loss

    def watched(self: CompletionTrainer, model: Any, inputs: dict[str, Any], *rest: Any, **more: Any) -> Any:
        asked = (inputs["labels"] == IGNORED) & (inputs["attention_mask"] == 1)
        seen.append([tokenizer.decode(ids[own]) for ids, own in zip(inputs["input_ids"], asked, strict=True)])
        return plain(self, model, inputs, *rest, **more)

    monkeypatch.setattr(CompletionTrainer, "compute_loss", watched)
    other = [
        dataclasses.replace(row, completion=end.completion, completion_tokens=end.completion_tokens)
        for row, end in zip(examples, reversed(examples), strict=True)
    ]
    for rows in (examples, other):
        training.train(tiny, rows, tokenizer, dataclasses.replace(FULL, epochs=1), PLAIN, 0)
    assert len(seen) == 10
    assert seen[:5] == seen[5:]
    assert seen[:5] != [[row.prompt for row in examples[start : start + 4]] for start in range(0, 20, 4)]


@given(st.lists(st.integers(1, 500), max_size=200), st.integers(1, 9), st.integers(0, 99))
def test_batch_order_is_a_shuffle_of_batches_of_like_length(lengths: list[int], batch: int, seed: int) -> None:
    order = training.batch_order(lengths, batch, seed)
    assert sorted(order) == list(range(len(lengths)))
    assert training.batch_order(lengths, batch, seed) == order


def test_batch_order_pads_little_and_runs_from_short_to_long_nowhere() -> None:
    lengths = random.Random(0).choices(range(100, 300), k=400)

    def padded(order: Sequence[int]) -> float:
        batches = [[lengths[place] for place in order[at : at + 4]] for at in range(0, 400, 4)]
        return sum(4 * max(one) for one in batches) / sum(lengths)

    order = training.batch_order(lengths, 4, 0)
    assert padded(order) < 1.05 < 1.15 < padded(range(400))
    longest = [max(lengths[place] for place in order[at : at + 4]) for at in range(0, 400, 4)]
    assert abs(scipy.stats.spearmanr(range(100), longest).statistic) < 0.25


def test_lora_refuses_weights_that_it_has_no_adapters_for(tiny: Path) -> None:
    class Fused(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(2, 3, 4))

    model = load(tiny)
    assert training.expected_trainable(model, LORA) == LORA_PARAMETERS
    model.experts = Fused()
    with pytest.raises(StageError, match="no adapter for the weights of Fused; use full fine-tuning"):
        training.expected_trainable(model, LORA)


@pytest.mark.parametrize("completion", ["4", "<|im_end|>4", "4<|im_end|>\n"])
def test_completion_without_the_eos_at_its_end_is_refused(tokenizer: Any, completion: str) -> None:
    with pytest.raises(StageError, match=r"question q1: its completion .* does not end with"):
        training.dataset([Example("q1", 0, "2 + 2?", completion, 6, 2, 2)], tokenizer)


def test_completion_that_the_tokenizer_changes_is_refused(tiny: Path) -> None:
    lower = tokens.load(tiny)
    lower.backend_tokenizer.normalizer = normalizers.Lowercase()
    with pytest.raises(StageError, match="does not come back from the tokenizer"):
        training.dataset([example(3, lower.eos_token), Example("q9", 0, "", "Four<|im_end|>", 0, 5, 5)], lower)


@pytest.mark.parametrize("rows", [slice(0, 4), slice(10, 13), slice(19, 20)])
@pytest.mark.parametrize("items", [None, 50])
def test_loss_is_trls_and_transformers_own(
    tiny: Path, tokenizer: Any, examples: list[Example], tmp_path: Path, rows: slice, items: int | None
) -> None:
    found = []
    for kind in (CompletionTrainer, SFTTrainer):
        trainer = kind(
            load(tiny),
            args=training.arguments(FULL, PLAIN, 0, str(tmp_path)),
            train_dataset=training.dataset(examples, tokenizer),
            processing_class=tokenizer,
        )
        batch = trainer.data_collator([trainer.train_dataset[place] for place in range(20)[rows]])
        count = int((batch["labels"] != IGNORED).sum())
        assert count == sum(row.completion_tokens for row in examples[rows])
        with torch.inference_mode():
            own = float(trainer.model(**batch).loss) * (count / items if items else 1)
            given = torch.tensor(items) if items else None
            found.append(float(trainer.compute_loss(trainer.model, dict(batch), num_items_in_batch=given)))
        assert found[-1] == pytest.approx(own, abs=1e-4), kind
    assert found[0] == pytest.approx(found[1], abs=1e-4)


@pytest.mark.parametrize(("method", "gain"), [(FULL, 0.3), (LORA, 0.05)], ids=["full", "lora"])
def test_training_lowers_the_loss_and_repeats_exactly(train: Train, method: Method, gain: float) -> None:
    first, again, other = train(method), train(method), train(method, seed=1)
    assert first.losses[-1][1] < first.losses[0][1] - gain
    assert first.losses == again.losses
    assert first.losses != other.losses
    assert [step for step, _ in first.losses] == [5, 10, 15]
    assert first.steps == 15  # 3 epochs of 20 examples, 4 at a time


def test_trls_head_trains_as_ours_does(train: Train) -> None:
    ours, theirs = train(), train(how=dataclasses.replace(PLAIN, fused_head=True))
    for (_, mine), (_, own) in zip(ours.losses, theirs.losses, strict=True):
        assert mine == pytest.approx(own, abs=0.02)


def test_full_trains_every_parameter_and_saves_plain_weights(
    train: Train, tiny: Path, tokenizer: Any, tmp_path: Path
) -> None:
    result = train()
    assert result.trainable == sum(parameter.numel() for parameter in load(tiny).parameters())
    assert {parameter.dtype for parameter in result.model.parameters()} == {torch.float32}
    trained = logits(result.model)
    training.save(result, tokenizer, tmp_path / "out")
    assert distance(logits(load(tmp_path / "out")), trained) < 0.02 < distance(logits(load(tiny)), trained)
    assert tokens.load(tmp_path / "out").eos_token_id == tokenizer.eos_token_id
    assert not (tmp_path / "out/adapter").exists()
    assert str(tiny) not in (tmp_path / "out/config.json").read_text()


def test_lora_trains_its_matrices_and_saves_them_merged_and_apart(
    train: Train, tiny: Path, tokenizer: Any, tmp_path: Path
) -> None:
    result = train(LORA)
    assert result.trainable == LORA_PARAMETERS
    trained = logits(result.model)
    training.save(result, tokenizer, tmp_path / "out")
    merged, apart = load(tmp_path / "out"), PeftModel.from_pretrained(load(tiny), tmp_path / "out/adapter")
    modules = json.loads((tmp_path / "out/adapter/adapter_config.json").read_text())["target_modules"]
    assert modules == sorted(modules)  # or its bytes, and with them the evaluation, would change from run to run
    learned = distance(logits(load(tiny)), trained)
    assert learned > 0.5
    # the trainer multiplies in bf16 and merged weights are kept in it, which is small beside what was learned
    assert distance(logits(apart), trained) < 0.02 * learned
    assert distance(logits(merged), logits(apart)) < 0.02 * learned
    assert not isinstance(merged, PeftModel)
    by_hand = apart.merge_and_unload().to(torch.bfloat16).state_dict()
    saved = merged.to(torch.bfloat16).state_dict()
    assert all(torch.equal(saved[name], by_hand[name]) for name in by_hand)


@pytest.mark.parametrize(
    "modules", [["q_proj"], ["no_such_layer"], ["q_proj", "k_proj", "v_proj", "o_proj", "gate", "up", "down"]]
)
def test_target_modules_that_miss_layers_are_refused(train: Train, modules: Sequence[str]) -> None:
    with pytest.raises(StageError, match=r"[Tt]arget.modules"):
        train(dataclasses.replace(LORA, lora=SETTINGS | {"target_modules": modules}))


@pytest.mark.parametrize("settings", [{"rank": 4}, SETTINGS | {"bias": "all"}])
def test_lora_settings_are_complete_and_no_others(train: Train, settings: dict[str, Any]) -> None:
    with pytest.raises(StageError, match="expected rank, alpha, dropout, target_modules"):
        train(dataclasses.replace(LORA, lora=settings))


@pytest.mark.parametrize("wrong", [{"scheduler": "zigzag"}, {"optimizer": "sgdd"}])
def test_setting_that_trl_does_not_know_is_named(train: Train, wrong: dict[str, Any]) -> None:
    with pytest.raises(StageError, match=next(iter(wrong.values()))):
        train(dataclasses.replace(FULL, **wrong))


@pytest.mark.parametrize("weights", [None, b"torn"])
def test_student_without_readable_weights_is_named(
    tiny: Path, tokenizer: Any, examples: list[Example], tmp_path: Path, weights: bytes | None
) -> None:
    (tmp_path / "config.json").write_bytes((tiny / "config.json").read_bytes())
    if weights:
        (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(StageError, match="no weights that transformers can load"):
        training.train(tmp_path, examples, tokenizer, FULL, PLAIN, 0)
