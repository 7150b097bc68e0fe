"""LoRA's products in one autograd function.

A CPU computes them faster than peft's operations one by one.
"""

from typing import Any

import torch
from peft.tuners.lora import Linear


class LoraProduct(torch.autograd.Function):
    """x W' + scale (x A') B', where W does not learn. The last product itself adds the two terms.

    Hu et al., LoRA (arXiv 2106.09685), equation 3, with scale = alpha / rank.
    """

    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, down: Any, up: Any, scale: float) -> torch.Tensor:
        """Returns (..., out), in autocast's dtype or else in that of x.

        x (..., in), weight (out, in), down (rank, in), up (out, rank).
        """
        dtype = autocast_dtype(x)
        inputs = x.reshape(-1, x.shape[-1]).to(dtype)
        weight, down, up = weight.to(dtype), down.to(dtype), up.to(dtype)
        low_rank = inputs @ down.T  # (..., rank)
        ctx.save_for_backward(inputs, weight, down, up, low_rank)
        ctx.scale = scale
        ctx.x_shape, ctx.x_dtype = x.shape, x.dtype
        ctx.x_learns = ctx.needs_input_grad[0]
        # The second product adds to the result of the first, without a third tensor of this size
        product = (inputs @ weight.T).addmm_(low_rank, up.T, alpha=scale)
        return product.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *output_gradients: Any) -> tuple[Any, ...]:
        """Returns the gradients of x, down and up."""
        inputs, weight, down, up, low_rank = ctx.saved_tensors
        output_gradient = output_gradients[0].reshape(-1, output_gradients[0].shape[-1])
        low_rank_gradient = (output_gradient @ up).mul_(ctx.scale)
        x_gradient = None  # for an input that does not learn
        if ctx.x_learns:
            flat_gradient = (output_gradient @ weight).addmm_(low_rank_gradient, down)
            x_gradient = flat_gradient.view(ctx.x_shape).to(ctx.x_dtype)
        # Autograd wants them in the dtype of the trained weights
        down_gradient = (low_rank_gradient.T @ inputs).float()
        up_gradient = (output_gradient.T @ low_rank).mul_(ctx.scale).float()
        return x_gradient, None, down_gradient, up_gradient, None


def autocast_dtype(tensor: torch.Tensor) -> torch.dtype:
    """Returns the dtype in which products with `tensor` are computed."""
    device = tensor.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else tensor.dtype


def use_lora_product(model: torch.nn.Module) -> None:
    """Has peft's plain linear layers use LoraProduct.

    A layer with dropout, a bias or a variant of LoRA is left to peft. This is for training, which
    always has its one adapter switched on. `merge_and_unload` puts the plain layers back.
    """
    for layer in model.modules():
        if isinstance(layer, Linear) and _is_plain(layer):
            layer.forward = _forward(layer)


def _is_plain(layer: Linear) -> bool:
    """Whether `layer` computes exactly what LoraProduct does."""
    base = layer.get_base_layer()
    down, up = layer.lora_A["default"], layer.lora_B["default"]
    return (
        type(layer.lora_dropout["default"]) is torch.nn.Identity
        and all(type(module) is torch.nn.Linear for module in (down, up, base))
        and all(module.bias is None for module in (base, down, up))
        and not layer.lora_variant
        and not base.weight.requires_grad
    )


def _forward(layer: Linear) -> Any:
    """Returns the function that takes the place of the layer's forward."""
    base, down, up = layer.get_base_layer(), layer.lora_A["default"], layer.lora_B["default"]
    scale = layer.scaling["default"]
    return lambda x: LoraProduct.apply(x, base.weight, down.weight, up.weight, scale)
