"""LoRA's products in one autograd function, which a CPU is done with sooner than with peft's
operations one by one.
"""

from typing import Any

import torch
from peft.tuners.lora import Linear


class LoraProduct(torch.autograd.Function):
    """x W' + scale (x A') B', where W does not learn; the sum is made by the last product itself.

    Hu et al., LoRA (arXiv 2106.09685), equation 3, with scale = alpha / rank.
    """

    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, down: Any, up: Any, scale: float) -> torch.Tensor:
        """x (..., in), weight (out, in), down (rank, in), up (out, rank) -> (..., out), in
        autocast's or x's dtype.
        """
        kind = autocast_dtype(x)
        rows = x.reshape(-1, x.shape[-1]).to(kind)
        weight, down, up = weight.to(kind), down.to(kind), up.to(kind)
        low = rows @ down.T
        ctx.save_for_backward(rows, weight, down, up, low)
        ctx.scale, ctx.shape, ctx.dtype, ctx.needs_x = (
            scale,
            x.shape,
            x.dtype,
            ctx.needs_input_grad[0],
        )
        return (rows @ weight.T).addmm_(low, up.T, alpha=scale).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *given: Any) -> tuple[Any, ...]:
        """The gradients of x, down and up."""
        rows, weight, down, up, low = ctx.saved_tensors
        out = given[0].reshape(-1, given[0].shape[-1])
        inner = (out @ up).mul_(ctx.scale)
        x = (
            (out @ weight).addmm_(inner, down).view(ctx.shape).to(ctx.dtype)
            if ctx.needs_x
            else None
        )
        return x, None, (inner.T @ rows).float(), (out.T @ low).mul_(ctx.scale).float(), None


def autocast_dtype(tensor: torch.Tensor) -> torch.dtype:
    """What products with `tensor` are made in."""
    kind = tensor.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else tensor.dtype


def hasten(model: torch.nn.Module) -> None:
    """Have peft's plain linear layers use LoraProduct; dropout, a bias or a variant of LoRA is left
    to peft.

    For training, which always has its one adapter switched on; `merge_and_unload` puts the plain
    layers back.
    """
    for layer in model.modules():
        if isinstance(layer, Linear) and _plain(layer):
            layer.forward = _forward(layer)


def _plain(layer: Linear) -> bool:
    base = layer.get_base_layer()
    parts = [layer.lora_dropout["default"], layer.lora_A["default"], layer.lora_B["default"]]
    kinds = [torch.nn.Identity, torch.nn.Linear, torch.nn.Linear]
    return (
        [type(part) for part in parts] == kinds
        and type(base) is torch.nn.Linear
        and all(one.bias is None for one in (base, *parts[1:]))
        and not layer.lora_variant
        and not base.weight.requires_grad
    )


def _forward(layer: Linear) -> Any:
    base, down, up = layer.get_base_layer(), layer.lora_A["default"], layer.lora_B["default"]
    scale = layer.scaling["default"]
    return lambda x: LoraProduct.apply(x, base.weight, down.weight, up.weight, scale)
