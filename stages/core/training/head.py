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

    The gradient of the logits is softmax minus one-hot. It is computed in the forward pass and kept
    in the weights' precision, as in Hsu et al., Liger Kernel (arXiv 2410.10989), section 3.2. But
    here the gradients' products are of all positions at once, which a CPU multiplies faster than
    chunks.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor, count: Any
    ) -> torch.Tensor:
        """Returns the sum of -log p(label), divided by `count`.

        hidden (positions, size), weight (words, size), labels (positions).
        """
        dtype = autocast_dtype(hidden)
        inputs, matrix = hidden.to(dtype), weight.to(dtype)
        gradient = torch.empty(len(inputs), len(matrix), dtype=dtype, device=hidden.device)
        total = torch.zeros((), device=hidden.device)
        for start in range(0, len(inputs), CHUNK):
            chunk = slice(start, start + CHUNK)
            targets = labels[chunk, None]
            log_probs = torch.log_softmax(inputs[chunk] @ matrix.T, 1, dtype=torch.float32)
            total -= log_probs.gather(1, targets).sum()
            # softmax minus one-hot, in place
            minus_one = torch.full_like(targets, -1, dtype=torch.float32)
            log_probs.exp_().scatter_add_(1, targets, minus_one)
            gradient[chunk] = log_probs
        ctx.save_for_backward(inputs, matrix, gradient)
        ctx.count = count
        ctx.hidden_dtype, ctx.weight_dtype = hidden.dtype, weight.dtype
        ctx.weight_learns = weight.requires_grad
        return total / count

    @staticmethod
    def backward(ctx: Any, *output_gradients: Any) -> tuple[Any, ...]:
        """Returns the gradients of hidden and weight."""
        inputs, matrix, gradient = ctx.saved_tensors
        scale = (output_gradients[0] / ctx.count).to(inputs.dtype)
        hidden_gradient = (gradient @ matrix).mul_(scale).to(ctx.hidden_dtype)
        weight_gradient = None
        if ctx.weight_learns:
            weight_gradient = (gradient.T @ (inputs * scale)).to(ctx.weight_dtype)
        return hidden_gradient, weight_gradient, None, None


# Largest difference between CompletionLoss and the model's own loss, as a share of the latter.
# Rounding to bf16 takes some tenths of it.
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
        """Returns the sum of -log p over the completion tokens, divided by their number in the
        whole (accumulated) batch.
        """
        labels = inputs.pop("labels")
        student = self.accelerator.unwrap_model(model)
        student = student.get_base_model() if hasattr(student, "get_base_model") else student
        head = _linear_head(student)
        # What the trainer wraps in autocast is the whole model's forward, which is not called here
        with self.accelerator.autocast():
            outputs = student.get_decoder()(**inputs, use_cache=False)
            # Position t predicts label t + 1: the last position and the first label have no partner
            next_labels = labels[:, 1:]
            is_completion = next_labels != IGNORED
            count = num_items_in_batch if num_items_in_batch is not None else is_completion.sum()
            hidden = outputs.last_hidden_state[:, :-1][is_completion]
            loss = CompletionLoss.apply(hidden, head.weight, next_labels[is_completion], count)
        return (loss, outputs) if return_outputs else loss

    @torch.no_grad()
    def check_loss(self, batch: dict[str, Any]) -> None:
        """Raises StageError if the model's own loss is another one.

        Such a model scales or caps its logits after the head.
        """
        inputs = self._prepare_inputs(batch)
        self.model.eval()
        with self.accelerator.autocast():
            own_loss = float(self.model(**inputs, use_cache=False).loss)
        our_loss = float(self.compute_loss(self.model, dict(inputs)))
        self.model.train()
        if not abs(our_loss - own_loss) <= TOLERANCE * abs(own_loss):
            raise StageError(
                f"students.*.training.own_products: the loss would be {our_loss:.4f}, "
                f"the model's own is {own_loss:.4f}; set it to false"
            )


def _linear_head(student: Any) -> torch.nn.Linear:
    """Returns the LM head. Raises StageError for a head that CompletionLoss does not compute."""
    head = student.get_output_embeddings()
    if not isinstance(head, torch.nn.Linear) or head.bias is not None:
        raise StageError(
            f"students.*.training.own_products: not for a {type(student).__name__}, "
            "whose head is another"
        )
    return head
