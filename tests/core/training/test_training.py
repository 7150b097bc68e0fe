"""Fine-tuning a tiny random student: what is learned from, what is trained, what is saved."""

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from bitsandbytes.optim import AdamW
from peft import PeftModel
from transformers import AutoModelForCausalLM, GptOssConfig, GraniteConfig, GraniteForCausalLM
from trl import SFTConfig

from stages.core import tokens
from stages.core.program.errors import StageError
from stages.core.records import Example
from stages.core.students.origins import StudentSource, random_weights
from stages.core.training import batches, run
from stages.core.training.head import CompletionTrainer
from stages.core.training.saved import saving
from stages.core.training.settings import IGNORED, Method, Training
from tests.core.training.conftest import Train
from tests.made import FULL, LORA, LORA_PARAMETERS, PLAIN, SETTINGS, SHAPE, load

EXPERTS: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "num_local_experts": 3,
    "num_experts_per_tok": 2,
}


@torch.inference_mode()
def logits(model: Any) -> torch.Tensor:
    """What a model says about a fixed text."""
    logits_of_text: torch.Tensor = model.eval()(torch.arange(1, 40)[None]).logits
    return logits_of_text.clone()


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """The largest difference."""
    return float((one - other).abs().max())


def test_targets_of_other_lengths_see_the_same_questions_in_the_same_batches(
    monkeypatch: pytest.MonkeyPatch,
    tiny: Path,
    tokenizer: Any,
    examples: list[Example],
    tmp_path: Path,
) -> None:
    """A batch order that follows an arm's own lengths would give each a curriculum of its own."""
    prompts_by_step: list[list[str]] = []
    plain = CompletionTrainer.compute_loss

    def watched(
        self: CompletionTrainer, model: Any, inputs: dict[str, Any], *rest: Any, **more: Any
    ) -> Any:
        asked = (inputs["labels"] == IGNORED) & (inputs["attention_mask"] == 1)
        prompts_by_step.append(
            [
                tokenizer.decode(ids[is_prompt])
                for ids, is_prompt in zip(inputs["input_ids"], asked, strict=True)
            ]
        )
        return plain(self, model, inputs, *rest, **more)

    monkeypatch.setattr(CompletionTrainer, "compute_loss", watched)
    monkeypatch.setattr(
        CompletionTrainer, "check_loss", lambda *_: None
    )  # which is a look at the first batch
    other = [
        dataclasses.replace(row, completion=end.completion, completion_tokens=end.completion_tokens)
        for row, end in zip(examples, reversed(examples), strict=True)
    ]
    for number, rows in enumerate((examples, other)):
        run.train(
            tiny,
            rows,
            tokenizer,
            dataclasses.replace(FULL, epochs=1),
            PLAIN,
            0,
            tmp_path / str(number),
        )
    assert len(prompts_by_step) == 10
    assert prompts_by_step[:5] == prompts_by_step[5:]
    assert prompts_by_step[:5] != [
        [row.prompt for row in examples[start : start + 4]] for start in range(0, 20, 4)
    ]


@pytest.mark.parametrize(("method", "gain"), [(FULL, 0.3), (LORA, 0.05)], ids=["full", "lora"])
def test_training_lowers_the_loss_and_repeats_exactly(
    train: Train, method: Method, gain: float
) -> None:
    first, again, other = train(method), train(method), train(method, seed=1)
    losses = [[row["loss"] for row in result.curve] for result in (first, again, other)]
    assert sum(losses[0][-5:]) / 5 < sum(losses[0][:5]) / 5 - gain
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]
    assert [row["step"] for row in first.curve] == list(range(1, 16))
    assert first.steps == 15  # 3 epochs of 20 examples, 4 at a time


def test_papers_optimizer_keeps_its_state_in_8_bits_and_learns(
    monkeypatch: pytest.MonkeyPatch, tokenizer: Any, examples: list[Example], tmp_path: Path
) -> None:
    """The states of small tensors and of embeddings stay in 32 bits, by bitsandbytes' and
    transformers' own rules.
    """
    random_weights(
        StudentSource(kind="random", config=SHAPE | {"intermediate_size": 256}), tmp_path / "wider"
    )
    kinds: set[torch.dtype] = set()
    step = AdamW.step

    def watched(self: AdamW, *rest: Any, **more: Any) -> Any:
        result = step(self, *rest, **more)
        kinds.update(state["state1"].dtype for state in self.state.values())
        return result

    monkeypatch.setattr(AdamW, "step", watched)
    curves = []
    for name in ("adamw_8bit", "adamw_torch"):
        method = dataclasses.replace(FULL, optimizer=name)
        done = run.train(tmp_path / "wider", examples, tokenizer, method, PLAIN, 0, tmp_path / name)
        curves.append([row["loss"] for row in done.curve])
    assert kinds == {torch.uint8, torch.float32}
    assert curves[0] == pytest.approx(curves[1], abs=0.05)


@pytest.mark.parametrize("own", [True, False], ids=["ours", "trl"])
@pytest.mark.parametrize("packed", [False, True], ids=["padded", "packed"])
def test_accumulated_batches_teach_what_a_large_one_does(
    train: Train, monkeypatch: pytest.MonkeyPatch, packed: bool, own: bool
) -> None:
    """Rows are of other lengths, so that a mean of the batches' means would be another loss."""
    monkeypatch.setattr(batches, "plan", lambda rows, method, seed: [*range(10), *range(19, 9, -1)])
    training = Training(attention="rows" if packed else "eager", own_products=own, packed=packed)
    method = dataclasses.replace(FULL, epochs=1)
    large, parts = (
        train(method, training),
        train(dataclasses.replace(method, batch_size=1, accumulation=4), training),
    )
    assert [row["tokens"] for row in parts.curve] == [row["tokens"] for row in large.curve]
    for part_row, large_row in zip(parts.curve, large.curve, strict=True):
        assert part_row["loss"] == pytest.approx(large_row["loss"], abs=0.003)
    for result in (large, parts):
        result.model.set_attn_implementation("eager")
    assert distance(logits(parts.model), logits(large.model)) < 0.05


def test_one_process_takes_one_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SFTConfig, "n_gpu", property(lambda _: 8))
    assert run.arguments(FULL, PLAIN, False, 0, tmp_path, 20)._n_gpu == 1


@pytest.mark.parametrize("own", [True, False], ids=["ours", "trl"])
def test_mixtures_of_experts_learn_the_completion_alone(
    tokenizer: Any, examples: list[Example], tmp_path: Path, own: bool
) -> None:
    config = GptOssConfig(
        **EXPERTS, vocab_size=len(tokenizer), router_aux_loss_coef=100.0, output_router_logits=True
    )
    config.eos_token_id = config.pad_token_id = tokenizer.eos_token_id
    torch.manual_seed(0)
    student = AutoModelForCausalLM.from_config(config)
    student.save_pretrained(tmp_path / "experts")
    method = dataclasses.replace(FULL, epochs=1)
    done = run.train(
        tmp_path / "experts",
        examples,
        tokenizer,
        method,
        dataclasses.replace(PLAIN, own_products=own),
        0,
        tmp_path,
    )
    assert done.curve[0]["loss"] == pytest.approx(math.log(len(tokenizer)), abs=0.3)
    # in two layers one expert of three is left out
    assert done.student.active == done.student.parameters - 2 * 1 * (32 * 96 + 48 * 32)


def test_students_that_scale_their_logits_are_left_to_trl(
    tokenizer: Any, examples: list[Example], tmp_path: Path
) -> None:
    shape = {
        name: value
        for name, value in EXPERTS.items()
        if "expert" not in name and name != "head_dim"
    }
    config = GraniteConfig(
        **shape, vocab_size=len(tokenizer), logits_scaling=0.05, tie_word_embeddings=True
    )
    config.eos_token_id = config.pad_token_id = tokenizer.eos_token_id
    torch.manual_seed(0)
    GraniteForCausalLM(config).save_pretrained(tmp_path / "granite")
    known = (tmp_path / "granite", examples, tokenizer, FULL)
    with pytest.raises(
        StageError,
        match=r"own_products: the loss would be .*, the model's own is .*; set it to false",
    ):
        run.train(*known, PLAIN, 0, tmp_path / "one")
    run.train(*known, dataclasses.replace(PLAIN, own_products=False), 0, tmp_path / "two")


def test_trls_head_trains_as_ours_does(train: Train) -> None:
    ours, theirs = train(), train(training=dataclasses.replace(PLAIN, own_products=False))
    for our_row, their_row in zip(ours.curve, theirs.curve, strict=True):
        assert our_row["loss"] == pytest.approx(their_row["loss"], abs=0.02)
        assert our_row["tokens"] == their_row["tokens"]


def test_full_trains_every_parameter_and_saves_plain_weights(
    train: Train, tiny: Path, tokenizer: Any, tmp_path: Path
) -> None:
    result = train()
    assert result.student.trainable == sum(
        parameter.numel() for parameter in load(tiny).parameters()
    )
    assert {parameter.dtype for parameter in result.model.parameters()} == {torch.float32}
    trained = logits(result.model)
    saving.save(result.model, result.reference, tokenizer, tiny, tmp_path / "out")
    assert (
        distance(logits(load(tmp_path / "out")), trained)
        < 0.02
        < distance(logits(load(tiny)), trained)
    )
    assert tokens.load(tmp_path / "out").eos_token_id == tokenizer.eos_token_id
    assert not (tmp_path / "out/adapter").exists()
    assert str(tiny) not in (tmp_path / "out/config.json").read_text()


def test_lora_trains_its_matrices_and_saves_them_merged_and_apart(
    train: Train, tiny: Path, tokenizer: Any, tmp_path: Path
) -> None:
    result = train(LORA)
    assert result.student.trainable == LORA_PARAMETERS
    trained = logits(result.model)
    saving.save(result.model, result.reference, tokenizer, tiny, tmp_path / "out")
    merged, apart = (
        load(tmp_path / "out"),
        PeftModel.from_pretrained(load(tiny), tmp_path / "out/adapter"),
    )
    modules = json.loads((tmp_path / "out/adapter/adapter_config.json").read_text())[
        "target_modules"
    ]
    assert modules == sorted(
        modules
    )  # or its bytes, and with them the evaluation, would change from run to run
    learned = distance(logits(load(tiny)), trained)
    assert learned > 0.5
    # the trainer multiplies in bf16 and merged weights are kept in it, which is small beside what
    # was learned
    assert distance(logits(apart), trained) < 0.02 * learned
    assert distance(logits(merged), logits(apart)) < 0.02 * learned
    assert not isinstance(merged, PeftModel)
    by_hand = apart.merge_and_unload().to(torch.bfloat16).state_dict()
    saved = merged.to(torch.bfloat16).state_dict()
    assert all(torch.equal(saved[name], by_hand[name]) for name in by_hand)


@pytest.mark.parametrize(
    "modules",
    [["q_proj"], ["no_such_layer"], ["q_proj", "k_proj", "v_proj", "o_proj", "gate", "up", "down"]],
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
        run.train(tmp_path, examples, tokenizer, FULL, PLAIN, 0, tmp_path / "scratch")
