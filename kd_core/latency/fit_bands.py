"""How wide a band must be: from predictions of what was held out (conformal prediction).

A held-out error is divided by the scale of its configuration, which is estimated from the other
networks of that configuration; the 10 % and 90 % quantiles of these numbers over a whole group are
its band (Vovk et al. 2005; normalised as in Papadopoulos et al. 2002). Networks that are unlike all
that were fitted have larger errors; by how much shows when whole families are held out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kd_core.latency.evidence import columns
from kd_core.latency.fit_check import Held, family_of, model_of
from kd_core.latency.fit_model import N_COMPUTE, N_KINDS
from kd_core.latency.work import Columns

Array = NDArray[np.float64]
PRIOR_COUNT = 8
"""How many networks the group's scale counts for, beside a configuration's own."""
LARGEST_Z = 3.0
KIND_WEIGHT, SIZE_WEIGHT = 2.0, 0.35
WIDEST = 2.5
LOW, HIGH = 0.1, 0.9
TURNS = 3


@dataclass(frozen=True)
class Band:
    """The band of a group.

    Attributes:
        low: 10 % quantile of the scaled errors.
        high: 90 % quantile.
        scale: The group's scale.
        near: Distance to the nearest fitted network up to which nothing changes.
        slope: Growth of the band with further distance.
        ratio_near: 80 % quantile of the error of a ratio of two like networks.
        ratio_far: The same for unlike ones.
    """

    low: float
    high: float
    scale: float
    near: float
    slope: float
    ratio_near: float
    ratio_far: float

    def widen(self, distance: float) -> float:
        """Factor on the band at this distance."""
        return float(np.clip(1 + self.slope * max(0.0, distance - self.near), 1.0, WIDEST))


def features(found: Columns) -> Array:
    """What a network is like: how its work is spread over kinds, and how large it is."""
    macs = found.macs * found.count
    moved = found.elements * found.count
    share = np.zeros(N_KINDS)
    np.add.at(share, found.kind, np.where(found.kind < N_COMPUTE, macs, 0) / max(macs.sum(), 1))
    memory = np.where(found.kind >= N_COMPUTE, moved, 0)
    np.add.at(share, found.kind, memory / max(moved.sum(), 1))
    per_op = found.count.sum()
    sizes = np.log([max(macs.sum(), 1), moved.sum(), per_op])
    result: Array = np.concatenate([KIND_WEIGHT * share, SIZE_WEIGHT * sizes])
    return result


@lru_cache(maxsize=4096)
def features_of(network: str) -> tuple[float, ...]:
    """Features of a network of the tables."""
    name, _, batch = network.partition("*")
    return tuple(features(columns(name, int(batch or 1))))


def distance(one: Array, others: Array) -> float:
    """Distance to the nearest of others."""
    if not len(others):
        return float("inf")
    return float(np.sqrt(((others - one) ** 2).sum(axis=1)).min())


def scales(held: Sequence[Held]) -> tuple[float, dict[str, float]]:
    """Scale of the group and of each configuration."""
    all_of = np.array([each.log_ratio for each in held])
    group = max(0.03, 1.4826 * float(np.median(np.abs(all_of))))
    by_name: dict[str, list[float]] = defaultdict(list)
    for each in held:
        by_name[each.configuration].append(each.log_ratio)
    return group, {name: _shrunk(np.array(values), group) for name, values in by_name.items()}


def _shrunk(residuals: Array, group: float) -> float:
    kept = np.clip(residuals, -LARGEST_Z * group, LARGEST_Z * group)
    return float(np.sqrt((PRIOR_COUNT * group**2 + (kept**2).sum()) / (PRIOR_COUNT + len(kept))))


def scaled_errors(held: Sequence[Held], group: float) -> Array:
    """(held,) errors over the scale of their configuration, which has not seen them."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, each in enumerate(held):
        places[each.configuration].append(place)
    errors = np.array([each.log_ratio for each in held])
    result = np.zeros(len(held))
    for members in places.values():
        own = errors[members]
        for i, place in enumerate(members):
            result[place] = own[i] / _shrunk(np.delete(own, i), group)
    return result


def band_of(by_network: Sequence[Held], by_family: Sequence[Held]) -> Band:
    """The band of a group from both ways of holding out."""
    group, _ = scales(by_network)
    z = scaled_errors(by_network, group)
    near, slope = _growth(by_network, by_family, z, group)
    # unlike networks have a wider band, so their errors count as parts of it: the band of the
    # others would else be too wide; a few turns, since both depend on each other
    apart = distances(by_network, family=False)
    for _ in range(TURNS):
        far = np.where(np.isfinite(apart), apart, near + WIDEST / slope)
        within = z / np.clip(1 + slope * np.maximum(0.0, far - near), 1.0, WIDEST)  # (held,)
        near, slope = _growth(by_network, by_family, within, group)
    low, high = np.quantile(within, [LOW, HIGH])
    like, unlike = ratio_errors(by_network)
    return Band(float(low), float(high), group, near, slope, like, unlike)


def distances(held: Sequence[Held], family: bool) -> Array:
    """(held,) distance of each network to the nearest of the group that was not held out."""
    part = family_of if family else model_of
    names = sorted({each.network for each in held})
    table = np.array([features_of(name) for name in names])
    parts = np.array([part(name) for name in names])
    nearest = {name: distance(table[i], table[parts != parts[i]]) for i, name in enumerate(names)}
    return np.array([nearest[each.network] for each in held])


def _growth(
    by_network: Sequence[Held], by_family: Sequence[Held], z: Array, group: float
) -> tuple[float, float]:
    """Where the band begins to grow, and how fast, so that families are covered, too."""
    apart = distances(by_network, family=False)
    near = float(np.quantile(apart[np.isfinite(apart)], 0.75)) if np.isfinite(apart).any() else 0.0
    if not by_family:
        return near, 0.3
    half = max(1e-3, float(np.quantile(np.abs(z), 0.8)))
    z_family = np.abs(scaled_errors(by_family, group))
    far = distances(by_family, family=True)
    beyond = np.isfinite(far) & (far > near)
    if beyond.sum() < 5:
        return near, 0.3
    needed = float(np.quantile(z_family[beyond], 0.8)) / half - 1
    step = float(np.median(far[beyond] - near))
    return near, float(np.clip(needed / max(step, 1e-3), 0.1, 2.0))


def ratio_errors(held: Sequence[Held]) -> tuple[float, float]:
    """80 % quantile of the error of a ratio: of two networks of a family, and of unlike ones."""
    by_name: dict[str, list[Held]] = defaultdict(list)
    for each in held:
        by_name[each.configuration].append(each)
    like: list[float] = []
    unlike: list[float] = []
    rng = np.random.default_rng(0)
    for members in by_name.values():
        chosen = [members[i] for i in rng.permutation(len(members))[:40]]
        for i, one in enumerate(chosen):
            for two in chosen[:i]:
                off = abs(one.log_ratio - two.log_ratio)
                same = family_of(one.network) == family_of(two.network)
                (like if same else unlike).append(off)
    far = float(np.quantile(unlike, 0.8)) if unlike else 0.35
    close = float(np.quantile(like, 0.8)) if len(like) >= 10 else far
    return min(close, far), far


def covered(held: Sequence[Held], band: Band, family: bool = False) -> float:
    """Share of held-out times inside their band."""
    if not held:
        return float("nan")
    z = scaled_errors(held, band.scale)
    apart = distances(held, family)
    wide = np.array([band.widen(each) if np.isfinite(each) else WIDEST for each in apart])
    return float(np.mean((z >= band.low * wide) & (z <= band.high * wide)))


def network_features(networks: Sequence[str]) -> Mapping[str, list[float]]:
    """Rounded features, for the package's data."""
    return {name: [round(value, 3) for value in features_of(name)] for name in networks}
