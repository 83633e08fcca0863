"""How good the estimates are: predictions of what the fit did not see.

A network is held out from every device at once, in all its sizes and batches; then its whole
family; then a whole device, of which a few networks are given back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kd_core.latency.evidence_names import family_of
from kd_core.latency.fit_solve import Block, Group, adapt, evaluate, fit_group

FEWEST_LEFT = 2
FEWEST_CONFIGURATIONS = 3
DRAWS = 3


@dataclass(frozen=True)
class Held:
    """One prediction of something that was not fitted."""

    configuration: str
    network: str
    actual_ms: float
    predicted_ms: float

    @property
    def log_ratio(self) -> float:
        """log(actual / predicted)."""
        return float(np.log(self.actual_ms / self.predicted_ms))


def model_of(network: str) -> str:
    """A network without its size and batch."""
    return network.partition("@")[0].removeprefix("timm:")


def held_out(
    block: Block,
    fitted: Group,
    kind_spread: float,
    part_of: Callable[[str], str] = model_of,
    most: int = 30,
) -> list[Held]:
    """Predictions of each part (a network or a family) by a fit without it.

    Args:
        block: The published times.
        fitted: The fit of everything, to start from.
        kind_spread: τ of the fit.
        part_of: What is held out together.
        most: Fits at most; with more parts, several are held out at once.
    """
    part = np.array([part_of(network) for network in block.networks])
    parts = sorted(set(part))
    folds = min(most, len(parts))
    found: list[Held] = []
    for fold in range(folds):
        away = np.isin(part, parts[fold::folds])  # (N,)
        rest = block.have & ~away
        enough = rest.sum(axis=1) >= FEWEST_LEFT  # (C,)
        asked = block.have & away & enough[:, None]
        if not asked.any():
            continue
        group = fit_group(block, kind_spread, fitted, rest, rounds=2, steps=3)
        found += _asked(block, asked, evaluate(block, group.theta, group.kinds).log_ms)
    return found


def _asked(block: Block, asked: NDArray[np.bool_], log_ms: NDArray[np.float64]) -> list[Held]:
    return [
        Held(
            block.configurations[c],
            block.networks[n],
            float(np.exp(block.log_ms[c, n])),
            float(np.exp(log_ms[c, n])),
        )
        for c, n in np.argwhere(asked)
    ]


def device_of(configuration: str) -> str:
    """The device of a configuration."""
    return configuration.partition("|")[0]


def new_device(
    block: Block, fitted: Group, kind_spread: float, counts: Sequence[int], folds: int = 6
) -> dict[int, list[Held]]:
    """Predictions for devices that were held out, given back this many networks each.

    Returns:
        Predictions of the networks that were not given back, by how many were.
    """
    of = np.array([device_of(name) for name in block.configurations])
    devices = sorted(set(of))
    found: dict[int, list[Held]] = {count: [] for count in counts}
    for fold in range(min(folds, len(devices))):
        away = np.isin(of, devices[fold::folds])
        if (~away).sum() < FEWEST_CONFIGURATIONS:
            continue
        start = replace(fitted, theta=fitted.theta[~away])
        group = fit_group(block.only(~away), kind_spread, start, rounds=3, steps=3)
        large = away & (block.have.sum(axis=1) > max(counts) + 1)
        fresh = block.only(large)
        if not large.any():
            continue
        rng = np.random.default_rng(fold)
        for count in counts:
            for _ in range(DRAWS if count else 1):
                given = _draw(fresh.have, count, rng)
                theta = adapt(fresh, group, given) if count else fresh.sheet + group.mean
                log_ms = evaluate(fresh, theta, group.kinds).log_ms
                found[count] += _asked(fresh, fresh.have & ~given, log_ms)
    return found


def _draw(have: NDArray[np.bool_], count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(C, N) a random choice of so many networks of each configuration."""
    order = np.where(have, rng.random(have.shape), 2.0)
    rank = order.argsort(axis=1).argsort(axis=1)
    chosen: NDArray[np.bool_] = have & (rank < count)
    return chosen


def errors(held: Sequence[Held]) -> dict[str, float]:
    """Median error, share within ±20 % and ±30 %, and the number of predictions.

    The error is |predicted / actual − 1|.
    """
    if not held:
        return {"n": 0}
    off = np.abs(_ratio(held) - 1)
    return {
        "n": len(held),
        "median_error": float(np.median(off)),
        "within_20": float(np.mean(off <= 0.2)),
        "within_30": float(np.mean(off <= 0.3)),
    }


def _ratio(held: Sequence[Held]) -> NDArray[np.float64]:
    return np.array([each.predicted_ms / each.actual_ms for each in held])


__all__ = ["Held", "errors", "family_of", "held_out", "new_device"]
