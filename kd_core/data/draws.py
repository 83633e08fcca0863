"""Random numbers that belong to an image and a view, not to a position in a batch.

A counter-based generator (the idea of Salmon et al. 2011): number k of image i at view v is a hash
of (seed, i, v, k), here by the finaliser of SplitMix64 (Steele et al. 2014). So any batch, in any
order, in any process, gives image i the same draw, and the next epoch needs no stored state.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ / golden ratio, odd: SplitMix64's increment


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser: a bijection of 64 bits in which every bit affects all."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


class Draws:
    """The random numbers of some images at one view; each call takes the next number.

    Args:
        seed: Seed of the run.
        index: Number of each image in its part, (n,).
        view: Number of the view, one for all images or one each, (n,).

    >>> one, two = Draws(0, np.array([7]), 3), Draws(0, np.array([5, 7]), 3)
    >>> bool(one.uniform(-1, 1)[0] == two.uniform(-1, 1)[1])
    True
    """

    def __init__(self, seed: int, index: NDArray[np.integer], view: int | NDArray[np.integer]):
        key = np.full(len(index), seed, np.int64).view(np.uint64)
        for part in (index, np.broadcast_to(view, len(index))):
            key = _mix(key + _GOLDEN) ^ np.asarray(part).astype(np.int64).view(np.uint64)
        self._key = _mix(key + _GOLDEN)  # (n,)
        self._count = 0

    def __len__(self) -> int:
        return len(self._key)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> NDArray[np.float64]:
        """Numbers in [low, high), one an image, (n,)."""
        self._count += 1
        step = np.array([self._count], np.uint64) * _GOLDEN  # wraps silently, a scalar warns
        bits = _mix(self._key + step) >> np.uint64(11)
        unit = bits.astype(np.float64) * 2.0**-53  # 53 bits: what a double holds
        result: NDArray[np.float64] = low + (high - low) * unit
        return result

    def sign(self) -> NDArray[np.float64]:
        """−1 or 1 with equal chance, (n,)."""
        return np.where(self.uniform() < 0.5, -1.0, 1.0)

    def below(self, n: int) -> NDArray[np.float64]:
        """Whole numbers from 0 to n − 1, (n,)."""
        return np.floor(self.uniform() * n)
