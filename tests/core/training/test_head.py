"""The loss over completions: TRL's, transformers' and torch's own, with its gradients."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional
from trl import SFTTrainer

from stages.core.records import Example
from stages.core.training import batches, run
from stages.core.training.head import CompletionLoss, CompletionTrainer
from stages.core.training.settings import IGNORED
from tests.made import FULL, PLAIN, load


@pytest.mark.parametrize("positions", [1, 63, 64, 65, 200])
@pytest.mark.parametrize("learns", [True, False], ids=["trained", "frozen"])
@pytest.mark.parametrize("bf16", [False, True], ids=["fp32", "bf16"])
def test_loss_and_gradients_are_those_of_torch(positions: int, learns: bool, bf16: bool) -> None:
    torch.manual_seed(positions)
    hidden, weight = torch.randn(positions, 16), torch.randn(50, 16)
    labels, count, scale = torch.randint(50, (positions,)), torch.tensor(3 * positions), 0.5
    results = []
    for kind in ("ours", "torch"):
        hidden_copy = hidden.clone().requires_grad_()
        weight_copy = weight.clone().requires_grad_(learns)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            if kind == "ours":
                loss = CompletionLoss.apply(hidden_copy, weight_copy, labels, count)
            else:
                loss = (
                    functional.cross_entropy(
                        (hidden_copy @ weight_copy.T).float(), labels, reduction="sum"
                    )
                    / count
                )
            (loss * scale).backward()
        results.append((loss, hidden_copy.grad, weight_copy.grad))
    near: dict[str, Any] = {"rtol": 0.02, "atol": 0.002} if bf16 else {"rtol": 1e-4, "atol": 1e-6}
    for ours, theirs in zip(*results, strict=True):
        if theirs is None:
            assert ours is None
        else:
            assert ours.dtype == theirs.dtype == torch.float32
            torch.testing.assert_close(ours, theirs, **near)


@pytest.mark.parametrize("rows", [slice(0, 4), slice(10, 13), slice(19, 20)])
@pytest.mark.parametrize("items", [None, 50])
@pytest.mark.parametrize("packed", [False, True], ids=["padded", "packed"])
def test_loss_is_trls_and_transformers_own(
    tiny: Path,
    tokenizer: Any,
    examples: list[Example],
    tmp_path: Path,
    rows: slice,
    items: int | None,
    packed: bool,
) -> None:
    losses = []
    for kind in (CompletionTrainer, SFTTrainer):
        trainer = kind(
            load(tiny),
            args=run.arguments(FULL, PLAIN, packed, 0, tmp_path, 20),
            train_dataset=batches.dataset(examples, tokenizer, tmp_path),
            processing_class=tokenizer,
        )
        batch = trainer.data_collator(
            [trainer.train_dataset[row_index] for row_index in range(20)[rows]]
        )
        count = int((batch["labels"] != IGNORED).sum())
        assert count == sum(row.completion_tokens for row in examples[rows])
        with torch.inference_mode():
            own_loss = float(trainer.model(**batch).loss) * (count / items if items else 1)
            item_count = torch.tensor(items) if items else None
            losses.append(
                float(
                    trainer.compute_loss(trainer.model, dict(batch), num_items_in_batch=item_count)
                )
            )
        assert losses[-1] == pytest.approx(own_loss, abs=1e-4), kind
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
