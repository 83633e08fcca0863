"""From stored pixels to batches: which images, in which order, seen how.

The order of epoch e follows from (seed, e) alone, and the pixels of an image from (view seed,
index, view), so every arm of a study sees the same images in the same order, and a run can go
on in the middle of an epoch as if it had never stopped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kd_core.config import DataSettings, RunSettings
from kd_core.data.augment import augment_batch
from kd_core.data.loaded import LoadedData, Part
from kd_core.errors import TrainError
from kd_core.tasks import TaskSpec
from kd_core.train.batch import Batch

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Channel statistics of ImageNet in [0, 1]; torchvision's weights expect them."""

READ_AHEAD = 2
"""Batches prepared while a GPU works on the present one."""

T = TypeVar("T")


def normalisation(
    data: LoadedData, settings: DataSettings
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel in [0, 1], as the settings choose them.

    Grey images take the average of ImageNet's three channels.
    """
    if settings.normalise == "dataset":
        return data.mean, data.std
    if data.channels == 3:
        return IMAGENET_MEAN, IMAGENET_STD
    return (sum(IMAGENET_MEAN) / 3,), (sum(IMAGENET_STD) / 3,)


def view_seed(run: RunSettings) -> int:
    """Seed of the augmentation draws.

    K stored views belong to the study, like its data: every seed sees the same ones, so that the
    teacher's outputs are computed K times in all and not K times a seed. Seeds then differ in
    initial weights and batch order. Fresh views cost nothing to vary, so they follow the run's
    seed.
    """
    return run.seed if run.views is None else 0


def view_of(epoch: int, views: int | None) -> int:
    """View of an epoch (from 0): ``epoch mod K``, or a fresh one each epoch.

    >>> [view_of(epoch, 3) for epoch in range(5)], view_of(4, None)
    ([0, 1, 2, 0, 1], 4)
    """
    return epoch if views is None else epoch % views


def epoch_order(
    n: int, seed: int, epoch: int, weights: NDArray[np.float64] | None = None
) -> NDArray[np.int64]:
    """Order of the images in an epoch: a permutation, or n weighted draws with replacement.

    Args:
        n: Number of images.
        seed: The run's seed.
        epoch: Number of the epoch, from 0.
        weights: Drawing weight of each image, (n,); they need not sum to 1.

    >>> sorted(epoch_order(4, seed=0, epoch=1).tolist())
    [0, 1, 2, 3]
    """
    rng = np.random.default_rng([seed, epoch])
    if weights is None:
        return rng.permutation(n)
    return rng.choice(n, size=n, p=weights / weights.sum())


@dataclass(frozen=True)
class Pixels:
    """Stored images to what a network sees.

    Attributes:
        part: The images.
        mean: Channel means in [0, 1].
        std: Channel standard deviations in [0, 1].
        device: Where the pixels end.
        augment: Entry of ``AUGMENTATIONS``.
        seed: Seed of the augmentation draws.
    """

    part: Part
    mean: tuple[float, ...]
    std: tuple[float, ...]
    device: torch.device
    augment: str = "none"
    seed: int = 0

    def __call__(self, index: NDArray[np.int64], view: int | None) -> Tensor:
        """Normalised images, float32 (N, C, S, S); ``view=None`` is the image as it is."""
        images = torch.from_numpy(np.ascontiguousarray(self.part.images[index])).to(self.device)
        if view is not None:
            images = augment_batch(images, self.augment, self.seed, index, view)
        mean, std = (self._per_channel(values) for values in (self.mean, self.std))
        return (images.float() / 255 - mean) / std

    def _per_channel(self, values: tuple[float, ...]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.device).view(-1, 1, 1)


class Loader:
    """The training images of one run, epoch by epoch.

    The last batch of an epoch is dropped when it is not full, since a batch norm cannot learn
    from one image and a short batch would weigh its images more; as the order changes, so do the
    images left out. A set smaller than one batch is a single batch.

    Raises:
        TrainError: ``too_few_images`` for fewer than two.
    """

    def __init__(self, run: RunSettings, data: LoadedData, task: TaskSpec, device: torch.device):
        part = data.parts["train"]
        if len(part) < 2:
            raise TrainError("too_few_images", n=len(part), need=2)
        mean, std = normalisation(data, run.data)
        augment = data.augment if run.data.augment == "auto" else run.data.augment
        self.pixels = Pixels(part, mean, std, device, augment, view_seed(run))
        self.targets = task.collate(part.targets)  # (N, …)
        self.batch_size = min(run.train.batch_size, len(part))
        self.steps = len(part) // self.batch_size
        self.seed, self.views, self.device = run.seed, run.views, device
        balanced = run.train.imbalance == "sampler"
        self.weights = task.sample_weights(self.targets).numpy() if balanced else None

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from batch ``first`` on."""
        order = epoch_order(len(self.targets), self.seed, epoch, self.weights)
        view = view_of(epoch, self.views)

        def batch(number: int) -> Batch:
            index = order[number * self.batch_size : (number + 1) * self.batch_size]
            targets = self.targets[index].to(self.device)
            return Batch(self.pixels(index, view), targets, torch.from_numpy(index), view)

        numbers = range(first, self.steps)
        if self.device.type == "cpu":  # a second thread would only compete for the same cores
            return map(batch, numbers)
        return read_ahead(batch, numbers)


def read_ahead(make: Callable[[int], T], numbers: range, depth: int = READ_AHEAD) -> Iterator[T]:
    """``make`` of each number, computed by one thread up to ``depth`` ahead of the reader.

    >>> list(read_ahead(lambda n: n * n, range(4)))
    [0, 1, 4, 9]
    """
    with ThreadPoolExecutor(1) as thread:
        waiting = deque(thread.submit(make, number) for number in numbers[:depth])
        for number in [*numbers[depth:], *[None] * len(waiting)]:
            result = waiting.popleft().result()
            if number is not None:
                waiting.append(thread.submit(make, number))
            yield result
