"""Packed rows do not see each other, and a student for which they do is found out."""

import dataclasses
from typing import Any

import pytest
import torch
from transformers import AttentionInterface, Qwen2Config

from stages.core.machine import hardware
from stages.core.program.errors import StageError
from stages.core.records import Example
from stages.core.training import adapters, packing
from stages.core.training.settings import Training
from tests.core.training.conftest import Train
from tests.core.training.test_adapters import GPT_OSS, QWEN, SMALL, made
from tests.made import FULL, LORA

PACKED = Training(attention=packing.ROWS, own_products=True, packed=True)


@pytest.fixture
def student(tiny: Any) -> Any:
    """The tiny student with the attention for packed rows."""
    return adapters.load(tiny, packing.ROWS, frozen=False)


def test_rows_attention_is_plain_attention_for_each_row(
    student: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed, rounded = packing.decide(student, PACKED)
    assert packed
    assert rounded is not None
    assert rounded < packing.TOLERANCE[torch.bfloat16] / 4
    monkeypatch.setattr(hardware, "bf16_supported", lambda: False)
    assert packing.decide(student, PACKED) == (True, pytest.approx(0, abs=1e-4))


@pytest.mark.parametrize("frozen", [False, True], ids=["fp32", "bf16"])
def test_attention_over_the_borders_of_rows_is_found_out(tiny: Any, frozen: bool) -> None:
    def leaking(module: Any, query: Any, key: Any, value: Any, mask: Any, **settings: Any) -> Any:
        all_tokens = torch.tensor([0, query.shape[2]])
        return packing.row_attention(
            module, query, key, value, mask, **settings | {"cu_seq_lens_q": all_tokens}
        )

    AttentionInterface.register("leaking", leaking)
    student = adapters.load(tiny, "leaking", frozen)
    packed, leak = packing.decide(student, dataclasses.replace(PACKED, attention="leaking"))
    assert not packed
    assert leak is not None
    assert leak > 2 * max(packing.TOLERANCE.values())


WINDOW = Qwen2Config(
    **SMALL, num_hidden_layers=2, use_sliding_window=True, sliding_window=256, max_window_layers=0
)


@pytest.mark.parametrize(
    ("config", "reads"),
    [(GPT_OSS, False), (WINDOW, False), (QWEN, True)],
    ids=["sinks", "window", "linear attention"],
)
def test_students_that_rows_attention_is_wrong_for_are_found_out(config: Any, reads: bool) -> None:
    torch.manual_seed(0)
    student = made(config)
    for name, weight in student.named_parameters():  # the initial weights hardly differ from zero
        if "norm" not in name:
            torch.nn.init.normal_(weight, std=0.3)
    student.set_attn_implementation(packing.ROWS)
    packed, leak = packing.decide(student, PACKED)
    assert not packed
    assert (leak > 2 * max(packing.TOLERANCE.values()) if leak is not None else None) == (
        True if reads else None
    )
    assert student.config._attn_implementation == "eager"


def test_student_that_fails_trains_on_padded_batches(
    train: Train, monkeypatch: pytest.MonkeyPatch, examples: list[Example]
) -> None:
    packed = train(training=PACKED)
    assert packed.student.packed
    monkeypatch.setattr(packing, "contamination", lambda model, attention: 1.0)
    padded = train(training=PACKED)
    assert (padded.student.packed, padded.student.contamination) == (False, 1.0)
    assert [row["tokens"] for row in padded.curve] == [row["tokens"] for row in packed.curve]


@pytest.mark.parametrize("method", [FULL, LORA], ids=["full", "lora"])
def test_packed_batches_teach_what_padded_ones_do(train: Train, method: Any) -> None:
    packed, padded = train(method, training=PACKED), train(method)
    for packed_row, padded_row in zip(packed.curve, padded.curve, strict=True):
        assert packed_row["loss"] == pytest.approx(padded_row["loss"], abs=0.02)


def test_rows_attention_needs_packed_batches(student: Any) -> None:
    with pytest.raises(StageError, match="rows is for packed rows alone; set packed: true"):
        packing.decide(student, dataclasses.replace(PACKED, packed=False))
