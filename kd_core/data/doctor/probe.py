"""A small classifier on simple features: how far do brightness, colour and coarse layout go?

It is a forest of 100 trees on a coarse picture and a histogram of each channel, learnt on the
training part and scored on the others. Shown only the outer frame of the images, it finds
shortcuts: what tells the classes apart there (the scanner, the hospital, the way of cutting out)
is not the disease.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import adaptive_avg_pool2d

from kd_core.data.loaded import Part

FRAME_SHARE = 1 / 16  # of the side, on each side
FRAME_MIN_PX = 4
MIN_CASES = 10  # with and without the class; an AUC of fewer says nothing
_BINS = 16
_CHUNK = 256


@dataclass(frozen=True)
class ProbeResult:
    """What a probe reached on the images that it was not shown.

    Attributes:
        auc: One-against-rest AUC of each class by the forest, (K,); NaN where undefined.
        linear_auc: The same by a linear model.
        linear_accuracy: Balanced accuracy of the linear model over the classes that occur.
        accuracy: Balanced accuracy of the forest.
        images: Images that it was scored on.
    """

    auc: NDArray[np.float64]
    linear_auc: NDArray[np.float64]
    accuracy: float
    linear_accuracy: float
    images: int


def probe(
    train: NDArray[np.float32],
    train_labels: NDArray[np.float32],
    held_out: NDArray[np.float32],
    labels: NDArray[np.float32],
    seed: int = 0,
) -> ProbeResult:
    """Learn on one set of features, score on another.

    Trees that regress 0/1 columns split by the same rule as Gini trees, and give probabilities
    for one class or several labels alike.

    Args:
        train: (N, F).
        train_labels: (N, K) in {0, 1}; NaN (unknown) counts as 0 in learning only.
        held_out: (M, F).
        labels: (M, K) in {0, 1, NaN}.
        seed: Of the forest.
    """
    known = np.nan_to_num(train_labels)
    known = known[:, 0] if known.shape[1] == 1 else known  # scikit-learn's rule for one column
    forest = RandomForestRegressor(
        100, min_samples_leaf=3, max_features="sqrt", random_state=seed, n_jobs=1
    )
    linear = make_pipeline(StandardScaler(), Ridge(alpha=len(train)))
    scores = [
        model.fit(train, known).predict(held_out).reshape(len(held_out), -1)
        for model in (forest, linear)
    ]
    return ProbeResult(
        auc=class_aucs(labels, scores[0]),
        linear_auc=class_aucs(labels, scores[1]),
        accuracy=_balanced_accuracy(labels, scores[0]),
        linear_accuracy=_balanced_accuracy(labels, scores[1]),
        images=len(held_out),
    )


def class_aucs(labels: NDArray[np.float32], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """One-against-rest AUC of each column, (K,); NaN with fewer than ``MIN_CASES`` on a side."""
    aucs = np.full(labels.shape[1], np.nan)
    for k in range(labels.shape[1]):
        known = ~np.isnan(labels[:, k])
        truth = labels[known, k]
        if min(truth.sum(), len(truth) - truth.sum()) >= MIN_CASES:
            aucs[k] = roc_auc_score(truth, scores[known, k])
    return aucs


def _balanced_accuracy(labels: NDArray[np.float32], scores: NDArray[np.float64]) -> float:
    """Mean share of hits over the classes that occur; NaN unless each row has one class."""
    if np.isnan(labels).any() or (labels.sum(1) != 1).any():
        return float("nan")
    truth, guess = labels.argmax(1), scores.argmax(1)
    return float(np.mean([(guess[truth == k] == k).mean() for k in np.unique(truth)]))


def frame_width(size: int) -> int:
    """Pixels of the frame on each side.

    >>> frame_width(256), frame_width(64), frame_width(28)
    (16, 4, 4)
    """
    return max(FRAME_MIN_PX, round(size * FRAME_SHARE))


def frame_features(part: Part, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Features of the four outer strips alone, (N, F)."""
    width = frame_width(part.images.shape[-1])
    return _in_chunks(part, rows, lambda images: _describe(_strips(images, width), (2, 16)))


def whole_features(part: Part, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Features of whole images, (N, F)."""
    return _in_chunks(part, rows, lambda images: _describe(images[:, None], (16, 16)))


def _in_chunks(
    part: Part,
    rows: NDArray[np.int64],
    describe: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    starts = range(0, len(rows), _CHUNK)
    return np.concatenate([describe(part.images[rows[i : i + _CHUNK]]) for i in starts])


def _strips(images: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Top, bottom, left and right strip, (N, 4, C, width, S); the last two lie on their side."""
    on_side = images.swapaxes(2, 3)
    return np.stack(
        [
            images[:, :, :width],
            images[:, :, -width:],
            on_side[:, :, :width],
            on_side[:, :, -width:],
        ],
        axis=1,
    )


def _describe(regions: NDArray[np.uint8], grid: tuple[int, int]) -> NDArray[np.float32]:
    """Coarse picture of each region, and a histogram over all of them, from (N, R, C, H, W)."""
    n, r, c, h, w = regions.shape
    pixels = torch.from_numpy(regions.reshape(n, r * c, h, w).astype(np.float32))
    coarse = adaptive_avg_pool2d(pixels, grid).flatten(1).numpy() / 255  # (N, R·C·grid)
    return np.hstack([coarse, _histogram(regions)]).astype(np.float32)


def _histogram(regions: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Shares of ``_BINS`` equal ranges of grey levels in each channel, (N, C · bins)."""
    n, _, c, _, _ = regions.shape
    flat = regions.swapaxes(1, 2).reshape(n * c, -1).astype(np.int64)  # (N · C, pixels)
    bins = flat * _BINS // 256 + np.arange(n * c)[:, None] * _BINS
    counts = np.bincount(bins.ravel(), minlength=n * c * _BINS)
    return counts.reshape(n, c * _BINS) / flat.shape[1]
