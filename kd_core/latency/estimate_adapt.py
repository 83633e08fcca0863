"""Measured times move an estimate; networks unlike those that were fitted widen its band."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kd_core.latency.estimate_known import EIGHTY, Known, Tier, load_fit
from kd_core.latency.estimate_target import Evidence
from kd_core.latency.fit_bands import Band, distance, features
from kd_core.latency.fit_model import Stack
from kd_core.latency.fit_solve import Block, Group, adapt
from kd_core.latency.work import Work
from kd_core.text import Msg

MEASURED_SCALE = 0.1
"""What a network that was measured may still be off by its runtime's peculiarities."""
AFTER = {1: 0.22, 2: 0.2, 3: 0.18, 5: 0.16, 10: 0.14}
"""Standard deviation of log(actual / predicted) after so many measured networks, for runtimes of
which the published figures do not tell."""
ENOUGH_NETWORKS = 10


def unlike(work: Work, found: Known) -> float:
    """Factor on the band for a network unlike those behind the numbers; 1 for a usual one."""
    return _unlike(work, found.group) if found.group else 1.0


@functools.lru_cache(maxsize=65536)
def _unlike(work: Work, group: str) -> float:
    fitted = _features(group)
    if not len(fitted):
        return 1.0
    band = Band(**load_fit().groups[group]["band"])
    return band.widen(distance(features(work.columns), fitted))


@functools.lru_cache(maxsize=128)
def _features(group: str) -> np.ndarray:
    return np.array(load_fit().groups[group]["features"])


def ratio_spread(one: Work, other: Work, found: Known) -> float:
    """Error of the ratio of two networks (80 %), as a logarithm: less, the more alike they are."""
    apart = distance(features(one.columns), features(other.columns)[None])
    share = min(1.0, apart / 2.0)
    return found.ratio_like + share * (found.ratio_unlike - found.ratio_like)


@functools.lru_cache(maxsize=512)
def recalibrated(found: Known, evidence: tuple[Evidence, ...]) -> Known:
    """The numbers after some networks were measured, most likely ones given both (MAP).

    Ten networks or more make it tier A, fewer tier B.
    """
    block = _block(found, evidence)
    prior = Group(
        np.array(found.rates.kinds),
        np.zeros(4),
        np.array(found.spread),
        MEASURED_SCALE,
        block.sheet,
    )
    theta = adapt(block, prior, block.have, around=block.sheet)[0]
    rate, width, overhead, call = map(float, theta)
    rates = replace(found.rates, theta=(rate, width, overhead, call))
    networks = len({each.work.key for each in evidence})
    half = EIGHTY * _spread_after(found, networks)
    tier: Tier = "A" if networks >= ENOUGH_NETWORKS or found.tier == "A" else "B"
    shrink = min(1.0, half / max(found.high, -found.low))
    return replace(
        found,
        rates=rates,
        low=found.low * shrink,
        high=found.high * shrink,
        tier=tier,
        n_networks=found.n_networks + networks,
        n_rows=found.n_rows + len(evidence),
        why=(Msg("estimate.why.measured", {"n": networks}), *found.why),
    )


def _block(found: Known, evidence: Sequence[Evidence]) -> Block:
    columns = [each.work.columns.by_kind() for each in evidence]
    names = tuple(f"{place}" for place in range(len(evidence)))
    log_ms = np.log([[each.latency_ms for each in evidence]])
    sheet = np.array([found.rates.theta])
    have = np.ones((1, len(evidence)), bool)
    stack = Stack.of(columns)
    rates = found.rates
    return Block(("here",), names, stack, log_ms, have, sheet, rates.bytes_each, rates.form)


def _spread_after(found: Known, networks: int) -> float:
    published = load_fit().groups.get(found.group, {}).get("new_device", {})
    usual = max(value for count, value in AFTER.items() if count >= min(networks, 10))
    known = [float(v) / EIGHTY for count, v in published.items() if 0 < int(count) <= networks]
    return min(known) if known else usual
