"""How far images are from what the batch norms of a network remember.

    D = mean over layers of ‖μ(x) − μ̂‖₂ / ‖σ̂‖₂ + ‖σ²(x) − σ̂²‖₂ / ‖σ̂²‖₂

with μ, σ² of a batch in front of each batch norm and μ̂, σ̂² those of training. Yin et al. (2020) sum
the distances as they are; in that sum the last layers, whose numbers are largest, leave the first
ones nothing to say, and those are what tells an image from noise. Hence the division, and the mean.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

BATCH = 64
"""Images that are made together; their statistics are one batch's."""


@dataclass(frozen=True)
class Frame:
    """What an image is: shape (C, S, S), and how it is normalised."""

    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def columns(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation as (C, 1, 1)."""
        mean, std = (torch.tensor(v, device=device).view(-1, 1, 1) for v in (self.mean, self.std))
        return mean, std


def norms_of(network: nn.Module) -> list[nn.BatchNorm2d]:
    """The batch norms with running statistics, which is what images can be made from."""
    found = (module for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    return [module for module in found if module.running_mean is not None]


@contextlib.contextmanager
def distances(network: nn.Module) -> Iterator[list[Tensor]]:
    """How far a batch's statistics are from those of every batch norm, one number a layer.

    They are there after each pass until the list is cleared.
    """
    found: list[Tensor] = []

    def hook(module: nn.BatchNorm2d, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0].float()  # (N, C, H, W)
        mean, var = values.mean((0, 2, 3)), values.var((0, 2, 3), unbiased=False)
        assert module.running_mean is not None
        assert module.running_var is not None
        spread = module.running_var + module.eps  # (C,)
        far = (mean - module.running_mean).norm() / spread.sqrt().norm()
        found.append(far + (var - module.running_var).norm() / spread.norm())

    with contextlib.ExitStack() as stack:
        for module in norms_of(network):
            stack.callback(module.register_forward_pre_hook(hook).remove)
        yield found


def distance(
    network: nn.Module, frame: Frame, images: NDArray[np.uint8], device: torch.device
) -> float:
    """D of images as pixels, a mean over batches as large as those that are made.

    Real images are not at 0 either: a batch is a sample. Their D is what made ones may reach.

    Args:
        network: A network with batch norms, on the device.
        frame: Normalisation of its images.
        images: uint8 (N, C, S, S).
        device: Where to compute.
    """
    network = network.to(device).eval()
    mean, std = frame.columns(device)
    each = []
    with distances(network) as found, torch.no_grad():
        for start in range(0, len(images), BATCH):
            found.clear()
            pixels = torch.from_numpy(np.array(images[start : start + BATCH])).to(device)
            network((pixels / 255 - mean) / std)
            each.append(float(torch.stack(found).mean()))
    return float(np.mean(each))
