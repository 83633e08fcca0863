"""What a network weighs and costs: parameters, bytes of its tensors, multiply-accumulates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Profile:
    """Three different sizes of one network.

    Attributes:
        params: Number of trainable and fixed parameters (batch-norm statistics are none).
        state_dict_bytes: Bytes of all tensors that a checkpoint holds, statistics included.
        macs: Multiply-accumulates of convolutions and matrix products for one image.
        size: Side in pixels of the image that ``macs`` is for.
    """

    params: int
    state_dict_bytes: int
    macs: int
    size: int


def profile(model: nn.Module, channels: int, size: int) -> Profile:
    """Weigh a network and count its work for one image (1, C, S, S).

    A MAC is one multiplication and one addition; torch counts both, so its figure is halved.
    Element-wise work (norms, activations) is not counted, as is usual.

    >>> profile(nn.Conv2d(3, 8, 1, bias=False), channels=3, size=10).macs  # 3 · 8 · 10 · 10
    2400
    """
    parameter = next(model.parameters())
    images = torch.zeros(1, channels, size, size, device=parameter.device, dtype=parameter.dtype)
    fused = torch.backends.mha.get_fastpath_enabled()
    training = model.training
    model.eval()
    # Fused attention is one opaque operation that the counter cannot see; plain attention is two
    # matrix products.
    torch.backends.mha.set_fastpath_enabled(False)
    plain = sdpa_kernel(SDPBackend.MATH)
    try:
        with torch.no_grad(), plain, FlopCounterMode(display=False) as counter:
            model(images)
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        model.train(training)
    return Profile(
        params=sum(p.numel() for p in model.parameters()),
        state_dict_bytes=state_dict_bytes(model),
        macs=counter.get_total_flops() // 2,
        size=size,
    )


def state_dict_bytes(model: nn.Module) -> int:
    """Bytes of all tensors in the state dict.

    >>> state_dict_bytes(nn.Linear(10, 2))  # (20 weights + 2 biases) · 4 bytes
    88
    """
    return sum(t.numel() * t.element_size() for t in model.state_dict().values())


def nonzero_params(model: nn.Module) -> int:
    """Number of parameters that are not zero.

    >>> layer = nn.Linear(2, 1, bias=False)
    >>> _ = layer.weight.data.copy_(torch.tensor([[0.0, 3.0]]))
    >>> nonzero_params(layer)
    1
    """
    return sum(int(torch.count_nonzero(p)) for p in model.parameters())
