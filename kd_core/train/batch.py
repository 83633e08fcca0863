"""What one step sees."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Some images of one part, on the device.

    Attributes:
        images: Normalised pixels, float32 (N, C, S, S).
        targets: As the task collates them; ``None`` for images without labels.
        index: Position of each image in its part, int64 (N,), on the CPU.
        view: Number of the augmentation view that the images were drawn from.
    """

    images: Tensor
    targets: Tensor | None
    index: Tensor
    view: int

    def __len__(self) -> int:
        return len(self.index)


Batches = dict[str, Batch]
"""The batches of one step, by what they are for; most modes have only ``train``."""
