"""Whether an upload looks like the training images, with the evidence.

Two distances, fitted on training images: one of how the image looks (:mod:`.looks`), one of what
the teacher sees in it, its penultimate features. Both are Mahalanobis distances (Lee et al. 2018):
``d²(x) = min_k (x − μ_k)ᵀ Σ⁻¹ (x − μ_k)``, with one mean μ_k a class for the features, one in all
for the looks, and one shrunk covariance Σ. Validation images say what is usual: a distance becomes
the share of them that are nearer, and the limit on the larger of both shares is set so that 5 % of
the validation images are beyond it. So about one usual image in twenty is flagged, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kd_core.data.loaded import LoadedData
from kd_core.errors import DataError
from kd_core.explain.looks import looks, names, readable
from kd_core.explain.progress import Tick, tell
from kd_core.text import Msg

FLAGGED = 0.05  # share of validation images beyond the limit
TRAIN_IMAGES, VAL_IMAGES = 1000, 600  # at most; more change little
FEWEST = 20  # validation images; a limit from fewer means nothing
DIMENSIONS = 256  # of features; more are projected on their main directions first
SHRINK = 0.1  # of a covariance towards a multiple of the identity
USUAL = 0.01, 0.99  # quantiles between which a look counts as usual

Array = NDArray[np.float64]
Features = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True)
class Judgement:
    """How one image compares with the training images.

    Attributes:
        familiar: True where nothing stands out.
        looks: Share of validation images whose looks are more usual, in [0, 1].
        seen: Share of validation images in which the teacher sees something more usual.
        findings: What stands out, as sentences with their numbers.
    """

    familiar: bool
    looks: float
    seen: float
    findings: tuple[Msg, ...]


@dataclass(frozen=True, eq=False)
class Familiarity:
    """A fit; everything in it is a summary, and no image can be seen in it.

    Attributes:
        look_mean: (F,).
        look_precision: (F, F).
        look_range: Usual low and high of each look, (2, F).
        axes: Main directions of the features, (D, d).
        means: Of the features of each class, (K, d).
        precision: (d, d).
        look_usual: Sorted distances of the validation images, (n,).
        seen_usual: The same for features, (n,).
        limit: Of the larger share.
        channels: Of the images.
    """

    look_mean: Array
    look_precision: Array
    look_range: Array
    axes: Array
    means: Array
    precision: Array
    look_usual: Array
    seen_usual: Array
    limit: float
    channels: int

    def judge(self, images: NDArray[np.uint8], features: NDArray[np.float32]) -> list[Judgement]:
        """One judgement an image.

        Args:
            images: Prepared, uint8 (n, C, S, S).
            features: Of the same images, (n, D).
        """
        stats = looks(images)  # (n, F)
        look = _share(self.look_usual, _distance(stats, self.look_mean[None], self.look_precision))
        seen = _share(self.seen_usual, _distance(features @ self.axes, self.means, self.precision))
        return [
            self._judgement(*values)
            for values in zip(stats, look.tolist(), seen.tolist(), strict=True)
        ]

    def _judgement(self, stats: Array, look: float, seen: float) -> Judgement:
        findings = []
        if look > self.limit:
            findings.append(Msg("familiar.looks", {"share": look, "what": self._most(stats)}))
        if seen > self.limit:
            findings.append(Msg("familiar.seen", {"share": seen}))
        return Judgement(not findings, look, seen, tuple(findings))

    def _most(self, stats: Array) -> Msg:
        """The look that is furthest outside its usual range, with the range."""
        low, high = self.look_range
        width = np.maximum(high - low, 1e-6)
        outside = np.maximum(low - stats, stats - high) / width
        most = int(outside.argmax())
        if outside[most] <= 0:
            return Msg("familiar.combination")
        name = names(self.channels)[most]
        numbers = {
            "value": round(readable(name, stats[most]), 1),
            "low": round(readable(name, low[most]), 1),
            "high": round(readable(name, high[most]), 1),
        }
        return Msg(f"familiar.look.{name}", numbers)


def fit(data: LoadedData, features: Features, tick: Tick | None = None) -> Familiarity:
    """Fit on training images, with the limit from validation images.

    Args:
        data: At the model's size.
        features: Such as a :class:`~kd_core.explain.penultimate.Penultimate`.
        tick: Called with (images done, all).

    Raises:
        DataError: ``familiar_few`` for too few images.
        JobError: ``explain_stopped``.
    """
    train, val = (
        _spread(len(data.parts[part]) if part in data.parts else 0, most)
        for part, most in (("train", TRAIN_IMAGES), ("val", VAL_IMAGES))
    )
    if min(len(train), len(val)) < FEWEST:
        raise DataError("familiar_few", train=len(train), val=len(val), least=FEWEST)
    total = len(train) + len(val)
    seen = {}
    stats = {}
    done = 0
    for part, rows in (("train", train), ("val", val)):
        pieces, looked = [], []
        for start in range(0, len(rows), 64):
            images = np.asarray(data.parts[part].images[rows[start : start + 64]])
            pieces.append(features(images))
            looked.append(looks(images))
            done += len(images)
            tell(tick, done, total)
        seen[part] = np.concatenate(pieces).astype(np.float64)
        stats[part] = np.concatenate(looked)
    labels = data.parts["train"].targets[train] if data.task == "classification" else None
    return _fitted(stats, seen, labels, data.channels)


def _fitted(
    stats: dict[str, Array],
    seen: dict[str, Array],
    labels: NDArray[np.int64] | NDArray[np.float32] | None,
    channels: int,
) -> Familiarity:
    axes = _axes(seen["train"])
    train, val = seen["train"] @ axes, seen["val"] @ axes  # (n, d)
    of_class = np.zeros(len(train), np.int64) if labels is None else labels.astype(np.int64)
    kinds = np.unique(of_class)
    means = np.stack([train[of_class == k].mean(0) for k in kinds])  # (K, d)
    precision = _precision(train - means[np.searchsorted(kinds, of_class)], len(kinds))
    mean = stats["train"].mean(0)
    look_precision = _precision(stats["train"] - mean, 1, scaled=True)
    look_usual = np.sort(_distance(stats["val"], mean[None], look_precision))
    seen_usual = np.sort(_distance(val, means, precision))
    worst = np.maximum(
        _share(look_usual, _distance(stats["val"], mean[None], look_precision)),
        _share(seen_usual, _distance(val, means, precision)),
    )
    return Familiarity(
        look_mean=mean,
        look_precision=look_precision,
        look_range=np.quantile(stats["train"], USUAL, axis=0),
        axes=axes,
        means=means,
        precision=precision,
        look_usual=look_usual,
        seen_usual=seen_usual,
        limit=float(np.quantile(worst, 1 - FLAGGED, method="higher")),
        channels=channels,
    )


def _spread(n: int, most: int) -> NDArray[np.int64]:
    """Rows spread evenly over a part."""
    return (
        np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))
        if n
        else (np.empty(0, np.int64))
    )


def _axes(features: Array) -> Array:
    """The features' main directions, (D, d); all of them where there are few."""
    width = features.shape[1]
    keep = min(DIMENSIONS, max(1, len(features) // 3))
    if width <= keep:
        return np.eye(width)
    _, _, directions = np.linalg.svd(features - features.mean(0), full_matrices=False)
    return np.asarray(directions[:keep].T)


def _precision(residuals: Array, n_means: int, scaled: bool = False) -> Array:
    """Inverse of the shrunk covariance, (d, d).

    Args:
        residuals: (n, d), of mean 0 around each of the means.
        n_means: Means that were taken off.
        scaled: Shrink towards each column's own variance, where columns have different units.
    """
    covariance = residuals.T @ residuals / max(1, len(residuals) - n_means)
    own = np.diag(covariance).clip(1e-9)
    target = np.diag(own) if scaled else np.eye(len(own)) * own.mean()
    return np.linalg.inv((1 - SHRINK) * covariance + SHRINK * target)


def _distance(values: Array, means: Array, precision: Array) -> Array:
    """Squared Mahalanobis distance to the nearest mean, (n,)."""
    by_mean = []
    for mean in means:
        away = values - mean  # (n, d)
        by_mean.append(((away @ precision) * away).sum(1))
    return np.min(by_mean, axis=0)


def _share(usual: Array, distances: Array) -> Array:
    """Share of the usual distances that are smaller, (n,)."""
    return np.searchsorted(usual, distances, side="left") / len(usual)
