"""How much better than it is the best of many looks, on the images that it was chosen on.

Simulated, with nothing but chance: all models are equally good, and models err on the same hard
images, as real ones do. An image is answered rightly with a probability that is its own, drawn from
a beta distribution; so two models' answers to one image are correlated (Cawley & Talbot 2010 for
the effect).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from kd_core.errors import ConfigError

CHUNK = 2_000_000
"""Counts drawn at once: 16 MB."""


MOST = 60_000_000
"""Answers drawn in all, about half a second; many models on many images are simulated less often,
and the error says so."""


@dataclass(frozen=True)
class WinnersCurse:
    """What choosing among equals does.

    Attributes:
        optimism: Accuracy of the best on the images it was chosen on, less its true accuracy; mean.
        error: Standard error of that mean, from the number of repeats.
        high: In one of twenty cases it is more than this.
        n_models: Models to choose from.
        n_images: Images that they are chosen and shown on.
        accuracy: True accuracy of each model.
        correlation: Of two models' answers to an image being right.
    """

    optimism: float
    error: float
    high: float
    n_models: int
    n_images: int
    accuracy: float
    correlation: float


@functools.lru_cache(maxsize=64)
def winners_curse(
    n_models: int,
    n_images: int,
    accuracy: float = 0.9,
    correlation: float = 0.5,
    repeats: int = 2000,
    seed: int = 0,
) -> WinnersCurse:
    """Simulate the best of equally good models.

    Args:
        n_models: At least 1.
        n_images: Independent images, at least 1.
        accuracy: In (0, 1).
        correlation: Of two models' right answers to one image, in [0, 1).
        repeats: Simulated studies; fewer, but 100 or more, where these would take long.
        seed: Of the draws.

    Raises:
        ConfigError: ``winners_curse``.

    >>> found = winners_curse(1, 300, repeats=500)
    >>> abs(found.optimism) < 4 * found.error  # nothing to choose
    True
    """
    fits = n_models >= 1 and n_images >= 1 and repeats >= 2
    if not fits or not 0 < accuracy < 1 or not 0 <= correlation < 1:
        raise ConfigError("winners_curse", models=n_models, images=n_images)
    repeats = min(repeats, max(100, MOST // (n_images * n_models)))
    rng = np.random.default_rng(seed)
    step = max(1, CHUNK // (n_images * n_models))
    gains = np.concatenate(
        [
            _gains(rng, min(step, repeats - start), n_models, n_images, accuracy, correlation)
            for start in range(0, repeats, step)
        ]
    )
    return WinnersCurse(
        optimism=float(gains.mean()),
        error=float(gains.std(ddof=1)) / math.sqrt(repeats),
        high=float(np.percentile(gains, 95)),
        n_models=n_models,
        n_images=n_images,
        accuracy=accuracy,
        correlation=correlation,
    )


def _gains(
    rng: np.random.Generator,
    repeats: int,
    n_models: int,
    n_images: int,
    accuracy: float,
    correlation: float,
) -> np.ndarray:
    """Best observed accuracy less the true one, (repeats,)."""
    if correlation:
        size = 1 / correlation - 1  # a + b of the beta distribution with this correlation
        easy = rng.beta(accuracy * size, (1 - accuracy) * size, (repeats, n_images, 1))
    else:
        easy = np.full((repeats, n_images, 1), accuracy)
    right = rng.random((repeats, n_images, n_models), np.float32) < easy  # (r, N, M)
    best = right.mean(1).max(1)
    return np.asarray(best - accuracy)
