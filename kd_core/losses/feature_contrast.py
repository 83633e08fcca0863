"""Feature knowledge by contrast: the same image in both networks against other images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.errors import ConfigError
from kd_core.losses.shapes import layout, pooled
from kd_core.losses.spec import LOSSES, Inputs, LossSpec, Shapes
from kd_core.registry import Param

EPS = 1e-7
"""Keeps the logarithms finite."""
MOST_BYTES = 2_000_000_000
"""The largest memory of images; it also stands in every checkpoint, twice while one is written."""


def memory_bytes(images: int, width: int) -> int:
    """Size of the memory: one float32 vector an image and network.

    >>> memory_bytes(50_000, 128)  # CIFAR-100 with the paper's width
    51200000
    """
    return 2 * images * width * 4


def contrast(scores: Tensor, images: int) -> Tensor:
    """Noise-contrastive estimation of a joint against a product, in nats; a mean over images.

    Formula: ``−log(P₀ / (P₀ + m/M)) − Σ_{k=1..m} log((m/M) / (P_k + m/M))`` with P₀ the score of
    the pair that belongs together and P_k those of m pairs that do not (Tian et al. 2020).

    Args:
        scores: P, (N, 1 + m), the pair that belongs together first.
        images: M, the number of images in the memory.

    >>> round(contrast(torch.tensor([[0.5, 0.5]]), 2).item(), 4)  # 2 · log 2
    1.3863
    """
    noise = (scores.shape[1] - 1) / images
    together = scores[:, 0] / (scores[:, 0] + noise + EPS)
    apart = noise / (scores[:, 1:] + noise + EPS)
    return -(together.log() + apart.log().sum(1)).mean()


class Memory(nn.Module):
    """What both networks gave for every training image, and how other images are drawn.

    Everything that changes is a buffer, and draws depend on the number of draws before them, so a
    run that is resumed goes on with the same images.

    Args:
        mine: Width of the student's vectors.
        theirs: Width of the teacher's vectors.
        classes: Class of each training image, (M,).
        params: ``width``, ``negatives``, ``momentum`` and ``temperature``.

    Raises:
        ConfigError: ``contrast_one_class``, or ``contrast_memory`` above ``MOST_BYTES``.
    """

    student_bank: Tensor  # (M, D), length 1
    teacher_bank: Tensor  # (M, D), length 1
    scale: Tensor  # (2,), the mean score times M, of either side
    seed: Tensor
    drawn: Tensor  # how many batches were drawn for
    classes: Tensor  # (M,)
    order: Tensor  # (M,), images by class
    counts: Tensor  # images of each class
    starts: Tensor  # where each class begins in the order

    def __init__(self, mine: int, theirs: int, classes: Tensor, params: Mapping[str, Any]) -> None:
        super().__init__()
        images, width = len(classes), params["width"]
        if memory_bytes(images, width) > MOST_BYTES:
            size = memory_bytes(images, width)
            raise ConfigError("contrast_memory", size=size, most=MOST_BYTES, n=images, width=width)
        self.negatives, self.momentum = params["negatives"], params["momentum"]
        self.temperature = params["temperature"]
        self.student, self.teacher = nn.Linear(mine, width), nn.Linear(theirs, width)
        for name in ("student_bank", "teacher_bank"):
            self.register_buffer(name, F.normalize(torch.randn(images, width), dim=1))
        self.register_buffer("scale", torch.zeros(2))  # 0 until the first batch sets it
        self.register_buffer("seed", torch.randint(2**31, ()))
        self.register_buffer("drawn", torch.zeros((), dtype=torch.int64))
        classes = classes.unique(return_inverse=True)[1]
        counts = classes.bincount()
        if int(counts.max()) == images:
            raise ConfigError("contrast_one_class")
        self.register_buffer("classes", classes, persistent=False)
        self.register_buffer("order", classes.argsort(stable=True), persistent=False)
        self.register_buffer("counts", counts, persistent=False)
        self.register_buffer("starts", counts.cumsum(0) - counts, persistent=False)

    def others(self, index: Tensor) -> Tensor:
        """Images of other classes for each of these, (N, m), drawn evenly and with repetition.

        Args:
            index: Positions in the training part, (N,).
        """
        generator = torch.Generator().manual_seed(int(self.seed + self.drawn))
        share = torch.rand(len(index), self.negatives, generator=generator).to(index.device)
        own = self.classes[index]  # (N,)
        count, start = self.counts[own][:, None], self.starts[own][:, None]
        rest = len(self.order) - count
        place = (share * rest).long().minimum(rest - 1)  # (N, m), among all others by class
        return self.order[place + count * (place >= start)]

    def forward(self, mine: Tensor, theirs: Tensor, index: Tensor) -> Tensor:
        """Contrast of these images' vectors with the memory of the other network.

        Args:
            mine: The student's vectors, (N, D).
            theirs: The teacher's vectors, (N, D').
            index: Positions in the training part, (N,).
        """
        s, t = F.normalize(self.student(mine), dim=1), F.normalize(self.teacher(theirs), dim=1)
        drawn = torch.cat([index[:, None], self.others(index)], 1)  # (N, 1 + m)
        total = s.new_zeros(())
        for side, (one, bank) in enumerate(((s, self.teacher_bank), (t, self.student_bank))):
            near = torch.einsum("nmd,nd->nm", bank[drawn], one)
            score = (near / self.temperature).exp()
            self._set_scale(side, score)
            total = total + contrast(score / self.scale[side].clone(), len(self.order))
        if self.training:
            self._remember(index, s.detach(), t.detach())
        return total

    @torch.no_grad()
    def _set_scale(self, side: int, score: Tensor) -> None:
        if not self.scale[side]:
            self.scale[side] = score.mean() * len(self.order)

    @torch.no_grad()
    def _remember(self, index: Tensor, s: Tensor, t: Tensor) -> None:
        for bank, now in ((self.student_bank, s), (self.teacher_bank, t)):
            mixed = self.momentum * bank[index] + (1 - self.momentum) * now
            bank[index] = F.normalize(mixed, dim=1).to(bank.dtype)
        self.drawn += 1


def _helper(shapes: Shapes, params: Mapping[str, Any]) -> nn.Module:
    targets = shapes.targets
    # where an image has several labels it has no class, so every other image is different
    classes = targets.long() if targets.ndim == 1 else torch.arange(len(targets))
    mine, theirs = layout(shapes.student[-1])[0], layout(shapes.teacher[-1])[0]
    return Memory(mine, theirs, classes.cpu(), params)


def _crd(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    if inputs.index is None or inputs.targets is None:
        raise ConfigError("loss_needs_labels", loss="crd")
    memory = cast(Memory, inputs.helper)
    vectors = [pooled(x[-1]) for x in (inputs.student_features, inputs.teacher_features)]
    loss: Tensor = memory(*vectors, inputs.index.to(memory.order.device))
    return loss


LOSSES.add(
    "crd",
    LossSpec(
        family="feature",
        forms={"classification": _crd, "multilabel": _crd},
        source="Tian et al. 2020",
        params=(
            Param("negatives", "int", 1024, low=1, high=65_536),
            Param("temperature", "float", 0.07, low=0.01, high=10.0),
            Param("width", "int", 128, low=2, high=2048, advanced=True),
            Param("momentum", "float", 0.5, low=0.0, high=0.999, advanced=True),
        ),
        needs="features",
        pooled=True,
        helper=_helper,
        range=(0.8, 0.8),
    ),
)
