"""The loss over completions, and the trainer that computes it without the logits of prompts."""

from typing import Any

import torch
from trl import SFTTrainer

from stages.core.program.errors import StageError
from stages.core.training.lora import autocast_dtype
from stages.core.training.settings import IGNORED

CHUNK = 64  # positions whose logits exist in fp32 at once: small enough for a CPU's cache


class CompletionLoss(torch.autograd.Function):
    """Mean cross-entropy of a linear LM head, without fp32 logits of all positions.

    The gradient of the logits, softmax minus one-hot, is made in the forward pass and kept in the
    weights' precision; as in Hsu et al., Liger Kernel (arXiv 2410.10989), section 3.2, but in
    products of all positions at once, which a CPU multiplies faster than chunks.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor, count: Any
    ) -> torch.Tensor:
        """Sum of -log p(label) / count; hidden (positions, size), weight (words, size), labels
        (positions).
        """
        kind = autocast_dtype(hidden)
        rows, matrix = hidden.to(kind), weight.to(kind)
        gradient = torch.empty(len(rows), len(matrix), dtype=kind, device=hidden.device)
        total = torch.zeros((), device=hidden.device)
        for at in range(0, len(rows), CHUNK):
            wanted = labels[at : at + CHUNK, None]
            logs = torch.log_softmax(rows[at : at + CHUNK] @ matrix.T, 1, dtype=torch.float32)
            total -= logs.gather(1, wanted).sum()
            logs.exp_().scatter_add_(1, wanted, torch.full_like(wanted, -1, dtype=torch.float32))
            gradient[at : at + CHUNK] = logs
        ctx.save_for_backward(rows, matrix, gradient)
        ctx.count, ctx.kinds, ctx.learns = count, (hidden.dtype, weight.dtype), weight.requires_grad
        return total / count

    @staticmethod
    def backward(ctx: Any, *given: Any) -> tuple[Any, ...]:
        """The gradients of hidden and weight."""
        rows, matrix, gradient = ctx.saved_tensors
        scale = (given[0] / ctx.count).to(rows.dtype)
        hidden = (gradient @ matrix).mul_(scale).to(ctx.kinds[0])
        weight = (gradient.T @ (rows * scale)).to(ctx.kinds[1]) if ctx.learns else None
        return hidden, weight, None, None


# of the loss, between CompletionLoss and the model's own: rounding to bf16 is some tenths of it
TOLERANCE = 0.02


class CompletionTrainer(SFTTrainer):
    """SFTTrainer with CompletionLoss, for one process.

    TRL's own head computes log-probabilities again in the backward pass and adds an entropy, which
    makes steps on a CPU longer. The loss is the same.
    """

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Sum of -log p over the completion tokens / their number in the whole (accumulated) batch."""
        labels = inputs.pop("labels")
        inner = self.accelerator.unwrap_model(model)
        inner = inner.get_base_model() if hasattr(inner, "get_base_model") else inner
        head = inner.get_output_embeddings()
        if not isinstance(head, torch.nn.Linear) or head.bias is not None:
            raise StageError(
                f"students.*.training.own_products: not for a {type(inner).__name__}, whose head is another"
            )
        with (
            self.accelerator.autocast()
        ):  # what it wraps is the whole model's forward, which is not called here
            outputs = inner.get_decoder()(**inputs, use_cache=False)
            wanted = labels[:, 1:] != IGNORED
            count = num_items_in_batch if num_items_in_batch is not None else wanted.sum()
            loss = CompletionLoss.apply(
                outputs.last_hidden_state[:, :-1][wanted], head.weight, labels[:, 1:][wanted], count
            )
        return (loss, outputs) if return_outputs else loss

    @torch.no_grad()
    def check_loss(self, batch: dict[str, Any]) -> None:
        """Raises StageError where the model's own loss is another: it scales or caps its logits
        after the head.
        """
        inputs = self._prepare_inputs(batch)
        self.model.eval()
        with self.accelerator.autocast():
            theirs = float(self.model(**inputs, use_cache=False).loss)
        ours = float(self.compute_loss(self.model, dict(inputs)))
        self.model.train()
        if not abs(ours - theirs) <= TOLERANCE * abs(theirs):
            raise StageError(
                f"students.*.training.own_products: the loss would be {ours:.4f}, the model's own is {theirs:.4f}; "
                "set it to false"
            )
