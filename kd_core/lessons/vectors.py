"""What models see in a batch of validation images: one vector an image, from the file itself."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kd_core.explain.penultimate import Penultimate
from kd_core.lessons.material import Material, Voice
from kd_core.losses.relation import angles, distances, rkd_angle, rkd_distance

BATCH = 24
"""Images of the batch that the lesson on relations looks at."""

MOST_KEPT = 64
"""Models whose vectors are remembered; a batch takes some 30 kB."""

Vectors = NDArray[np.float64]

SIDES = ((0, 1), (0, 2), (1, 2))
"""AB, AC and BC."""
ANGLES = ((0, 1, 2), (1, 0, 2), (2, 0, 1))
"""At A between B and C, at B between A and C, at C between A and B."""

_KEPT: OrderedDict[tuple[Path, tuple[int, ...]], Vectors] = OrderedDict()
_LOCK = threading.Lock()


def batch_of(material: Material) -> NDArray[np.int64]:
    """Places of the batch's images in the validation part, sorted by class.

    They are drawn by the study's first seed, as evenly over the classes as there are images.
    """
    rng = np.random.default_rng(material.settings.seeds[0])
    order = rng.permutation(len(material.targets))
    turn = np.empty(len(order), np.int64)  # the how-manieth image of its class each one is
    for k in range(len(material.classes)):
        of_class = np.flatnonzero(material.targets[order] == k)
        turn[of_class] = np.arange(len(of_class))
    chosen = order[np.argsort(turn, kind="stable")[:BATCH]]
    return chosen[np.lexsort((chosen, material.targets[chosen]))]


def vectors(material: Material, voice: Voice, rows: NDArray[np.int64]) -> Vectors:
    """The numbers that go into a model's last layer, (n, D); computed once, then remembered.

    Raises:
        ExportError: As :class:`kd_core.explain.penultimate.Penultimate`.
    """
    key = (voice.result.file, tuple(rows.tolist()))
    with _LOCK:
        if key not in _KEPT:
            images = np.asarray(material.part.images[rows])  # (n, C, S, S)
            _KEPT[key] = np.asarray(Penultimate(voice.result.file)(images), np.float64)
            while len(_KEPT) > MOST_KEPT:
                _KEPT.popitem(last=False)
        _KEPT.move_to_end(key)
        return _KEPT[key]


def cosines(found: Vectors) -> Vectors:
    """Similarity of every image with every other, the cosine between their vectors, (n, n).

    >>> cosines(np.array([[1.0, 0.0], [3.0, 3.0]])).round(4).tolist()
    [[1.0, 0.7071], [0.7071, 1.0]]
    """
    length = np.linalg.norm(found, axis=1, keepdims=True)
    unit = found / np.where(length > 0, length, 1.0)
    return np.asarray(unit @ unit.T)


def kinds(similar: Vectors, targets: NDArray[np.int64]) -> tuple[float, float]:
    """Mean similarity of two different images of one class, and of two of different classes.

    >>> kinds(np.array([[1.0, 0.8, 0.2], [0.8, 1.0, 0.4], [0.2, 0.4, 1.0]]), np.array([0, 0, 1]))
    (0.8, 0.3)
    """
    same = targets[:, None] == targets[None, :]
    other = ~np.eye(len(targets), dtype=bool)
    return (
        round(float(similar[same & other].mean()), 12) if (same & other).any() else float("nan"),
        round(float(similar[~same].mean()), 12) if (~same).any() else float("nan"),
    )


@dataclass(frozen=True)
class Relations:
    """Three images as teacher and student see them.

    Attributes:
        distances: Of each model AB, AC and BC in units of their mean, (2, 3); the teacher first.
        cosines: Of each model the cosines of the angles at A, B and C, (2, 3).
        rkd_distance: RKD-D of these three images.
        rkd_angle: RKD-A of them.
    """

    distances: Vectors
    cosines: Vectors
    rkd_distance: float
    rkd_angle: float


def relations(teacher: Vectors, student: Vectors) -> Relations:
    """What RKD compares on three images.

    Args:
        teacher: Vectors, (3, D).
        student: Vectors, (3, D').
    """
    both = [torch.tensor(one) for one in (teacher, student)]
    apart = [distances(one) for one in both]  # (3, 3) each
    turned = [angles(one) for one in both]  # (3, 3, 3) each
    return Relations(
        np.array([[float(one[i, j]) for i, j in SIDES] for one in apart]),
        np.array([[float(one[i, j, k]) for i, j, k in ANGLES] for one in turned]),
        float(rkd_distance(both[1], both[0])),
        float(rkd_angle(both[1], both[0])),
    )


def huber(difference: Vectors) -> Vectors:
    """Huber's loss with δ = 1: ``½ Δ²`` for ``|Δ| < 1``, else ``|Δ| − ½``.

    >>> huber(np.array([0.4, -2.0])).round(4).tolist()
    [0.08, 1.5]
    """
    size = np.abs(difference)
    return np.where(size < 1, size**2 / 2, size - 0.5)
