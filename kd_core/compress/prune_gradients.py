"""What pruning learns from training images: gradients, and batch-norm statistics afterwards."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from kd_core.compress.spec import Workshop
from kd_core.models import TaskModel
from kd_core.tasks import TASKS, Weighting

BATCH = 64
"""Images of one pass; only memory depends on it."""


def drawn_rows(shop: Workshop, part: str, n: int) -> np.ndarray:
    """Up to ``n`` rows of a part in ascending order, drawn by the run's seed.

    The rows of a larger n contain those of a smaller one.
    """
    return np.sort(np.random.default_rng(shop.seed).permutation(len(shop.data.parts[part]))[:n])


def labelled_images(shop: Workshop, part: str, n: int) -> tuple[Tensor, Tensor]:
    """Up to ``n`` normalised images of a part, (n, C, S, S), with their collated targets."""
    rows, chosen = shop.data.parts[part], drawn_rows(shop, part, n)
    mean, std = (np.asarray(v, np.float32)[:, None, None] for v in (shop.mean, shop.std))
    images = (np.asarray(rows.images[chosen], np.float32) / np.float32(255) - mean) / std
    targets = TASKS[shop.data.task].collate(rows.targets[chosen])
    return torch.from_numpy(images), targets


def mean_gradients(model: TaskModel, shop: Workshop, n: int) -> dict[str, Tensor]:
    """``∂L/∂w`` of the mean loss over ``n`` training images, by parameter name.

    The network is in evaluation mode: its batch norms use what they learned.
    """
    return _gradients(model, shop, n, BATCH, lambda g, share: g * share)


def squared_gradients(model: TaskModel, shop: Workshop, n: int) -> dict[str, Tensor]:
    """``E[(∂L/∂w)²]`` over ``n`` training images, each by itself, by parameter name."""
    return _gradients(model, shop, n, 1, lambda g, share: g.square() * share)


def _gradients(
    model: TaskModel, shop: Workshop, n: int, batch: int, add: Callable[[Tensor, float], Tensor]
) -> dict[str, Tensor]:
    images, targets = labelled_images(shop, "train", n)
    device = torch.device(shop.device)
    network = model.to(device).eval()
    task = TASKS[shop.data.task]
    parameters = {name: p for name, p in network.network.named_parameters() if p.requires_grad}
    sums = {name: torch.zeros_like(p) for name, p in parameters.items()}
    for start in range(0, len(images), batch):
        shop.tick("compress", start, len(images))
        rows = slice(start, start + batch)
        outputs = network(images[rows].to(device))
        loss = task.loss(outputs, targets[rows].to(device), Weighting())
        found = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        share = len(images[rows]) / len(images)
        for name, gradient in zip(parameters, found, strict=True):
            if gradient is not None:
                sums[name] += add(gradient.detach(), share)
    model.cpu()
    return {name: tensor.cpu() for name, tensor in sums.items()}


@torch.no_grad()
def recalibrate(model: TaskModel, shop: Workshop, n: int) -> bool:
    """Let batch norms measure their means and variances anew on training images, in place.

    After channels are gone, the old statistics belong to sums that no longer exist. No weight
    changes.

    Returns:
        Whether there was a batch norm to recalibrate.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    if not norms:
        return False
    images, _ = labelled_images(shop, "train", n)
    device = torch.device(shop.device)
    model.to(device).eval()  # dropout stays off
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over the batches  # type: ignore[assignment]
        norm.train()
    for start in range(0, len(images) - 1, BATCH):  # a batch norm cannot learn from one image
        shop.tick("compress", start, len(images))
        model(images[start : start + BATCH].to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.cpu().eval()
    return True
