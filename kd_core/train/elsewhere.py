"""Distillation on other images than those of the training part.

The student takes as many steps as the baseline, whatever the number of images, and its checkpoint
is chosen on the same validation part. Only where training images come from is different.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from kd_core.config import TrainSettings
from kd_core.data.loaded import Part
from kd_core.train.batch import Batches
from kd_core.train.modes import Setup, budget
from kd_core.train.offline import Offline

CHUNK = 256
"""Images that are read or compared at a time."""


class JoinedImages:
    """Rows of several arrays as one, gathered when they are asked for; nothing is copied before.

    >>> zeros, ones = np.zeros((3, 1, 2, 2), np.uint8), np.ones((2, 1, 2, 2), np.uint8)
    >>> joined = JoinedImages([(zeros, np.array([2])), (ones, np.array([0, 1]))])
    >>> len(joined), joined[np.array([2, 0])].mean((1, 2, 3)).tolist()
    (3, [1.0, 0.0])
    """

    def __init__(self, sources: Sequence[tuple[NDArray[np.uint8], NDArray[np.int64]]]) -> None:
        self._arrays = [array for array, _ in sources]
        counts = [len(rows) for _, rows in sources]
        self._source = np.repeat(np.arange(len(sources)), counts)  # (N,)
        self._row = np.concatenate([rows for _, rows in sources])  # (N,)
        self.shape = (len(self._row), *self._arrays[0].shape[1:])

    def __len__(self) -> int:
        return len(self._row)

    def __getitem__(self, index: Any) -> NDArray[np.uint8]:
        source, row = self._source[index], self._row[index]
        found = np.empty((*source.shape, *self.shape[1:]), np.uint8)
        for number, array in enumerate(self._arrays):
            mine = source == number
            found[mine] = array[row[mine]]
        return found


def joined_part(images: JoinedImages, targets: NDArray[Any], ids: Sequence[str]) -> Part:
    """A part of images from several places; patients and groups play no role in training."""
    return Part(cast("NDArray[np.uint8]", images), targets, tuple(ids))


class Elsewhere(Offline):
    """Offline distillation on images of a part that takes the training part's place.

    Args:
        setup: What the mode is made from.
        part: The images; targets that nobody gave are the teacher's.
        labels: Whether the targets are learned from; else only the teacher's answers are.
    """

    def __init__(self, setup: Setup, part: Part, labels: bool) -> None:
        train = setup.run.train
        own = train.change(steps=budget(train, steps_per_epoch(train, setup.data.parts["train"])))
        parts = {**setup.data.parts, "train": part}
        split = f"{setup.data.fold} images {content(part)}".strip()  # names stored outputs
        data = replace(setup.data, parts=parts, fold=split)
        super().__init__(replace(setup, run=setup.run.change(train=own), data=data))
        self.labels = labels

    def batches(self, epoch: int, first: int) -> Iterator[Batches]:
        """As offline; without targets where there are no labels to learn from."""
        for batches in super().batches(epoch, first):
            train = batches["train"]
            yield {"train": train if self.labels else replace(train, targets=None)}


def steps_per_epoch(train: TrainSettings, part: Part) -> int:
    """Steps of the baseline in an epoch; only the number of its images is looked at."""
    return len(part) // min(train.batch_size, len(part))


def content(part: Part) -> str:
    """Names the images and targets of a part, so that stored teacher outputs are told apart.

    Pixels count, since another data set may come again under its name with other images.
    """
    digest = hashlib.sha256("\n".join(part.ids).encode())
    digest.update(np.ascontiguousarray(part.targets).tobytes())
    for start in range(0, len(part), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(part)))
        digest.update(np.ascontiguousarray(part.images[rows]).tobytes())
    return digest.hexdigest()[:24]
