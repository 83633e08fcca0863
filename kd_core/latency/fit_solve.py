"""Fitting the model of a latency to published times: MAP, robust, with the data sheet as prior.

A group is a runtime, a precision and a unit. Its configurations (device and threads) each have four
numbers θ; how much faster or slower a kind of operator is belongs to the whole group:

    minimise  Σ w·r²/s²  +  Σ_configurations (θ − sheet − μ)ᵀ Σ⁻¹ (θ − sheet − μ)  +  |kinds|²/τ²

with r = log(published / predicted), s the scale of r, and Huber's weights w, so that a wrong row
counts little. μ and Σ, how this runtime differs from a data sheet, come from the configurations
themselves. Gauss–Newton; the configurations are eliminated by the Schur complement. Shapes: C
configurations, N networks, U operators of all networks together, K kinds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kd_core.latency.fit_model import N_COMPUTE, N_KINDS, NO_CALL, PLAIN, Form, Stack, moved
from kd_core.latency.work import KINDS

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

HUBER = 1.3
SPREAD = np.array([0.8, 1.0, 1.2, 0.8])
"""How far a configuration may be from its data sheet before anything is known of the group, as
logarithms of rate, bandwidth, overhead and constant."""
SPREAD_FLOOR = np.array([0.3, 0.8, 0.9, 0.6])
"""Bandwidth and overhead of a device show only a little in its times, so that the spread of their
estimates is smaller than that of the truth."""
SCALE_START, SCALE_FLOOR = 0.2, 0.04
LONGEST_STEP = 0.7
LOWEST = np.array([-9.0, -6.0, -6.0, -7.0])
HIGHEST = np.array([13.0, 10.0, 9.0, 4.0])
ENOUGH_CONFIGURATIONS = 4
_FREEDOM = {"conv3x3": 1.0, "stem": 1.0, "depthwise": 1.0, "grouped": 1.0, "conv1x1": 0.4}
_FREEDOM |= {"conv": 0.5, "matmul": 0.5, "linear": 0.3}
KIND_FREEDOM = np.array([_FREEDOM.get(kind, 0.2) for kind in KINDS])
"""How free a kind is beside the freest: special kernels exist for some convolutions only."""


@dataclass(frozen=True)
class Block:
    """The published times of a group.

    Attributes:
        configurations: (C) names.
        networks: (N) names, with size and batch.
        stack: Operators of all networks, sorted by network, then kind.
        log_ms: (C, N) logarithm of the published time; 0 where there is none.
        have: (C, N) whether there is one.
        sheet: (C, 4) what the data sheets say.
        bytes_each: Bytes of one number.
        form: Form of the model.
    """

    configurations: tuple[str, ...]
    networks: tuple[str, ...]
    stack: Stack
    log_ms: Array
    have: Mask
    sheet: Array
    bytes_each: int
    form: Form = PLAIN

    def only(self, chosen: Mask) -> Block:
        """Only these configurations."""
        names = tuple(name for name, keep in zip(self.configurations, chosen, strict=True) if keep)
        return replace(
            self,
            configurations=names,
            log_ms=self.log_ms[chosen],
            have=self.have[chosen],
            sheet=self.sheet[chosen],
        )


@dataclass(frozen=True)
class Group:
    """What is known of a runtime in a precision on a unit.

    Attributes:
        kinds: (K) logarithm of how much faster a kind is.
        mean: (4) how it differs from data sheets.
        spread: (4) standard deviation of that among devices.
        scale: Typical size of log(published / predicted).
        theta: (C, 4) numbers of each configuration.
    """

    kinds: Array
    mean: Array
    spread: Array
    scale: float
    theta: Array


def new_group(block: Block) -> Group:
    """A group of which nothing is known but the data sheets."""
    return Group(np.zeros(N_KINDS), np.zeros(4), SPREAD.copy(), SCALE_START, block.sheet.copy())


@dataclass(frozen=True)
class All:
    """Milliseconds of every network on every configuration, with logarithmic derivatives.

    Attributes:
        log_ms: (C, N) logarithm of the predicted time.
        by_theta: (C, N, 4) derivative of it.
        by_kind: (C, N, K) derivative of it.
    """

    log_ms: Array
    by_theta: Array
    by_kind: Array


def evaluate(block: Block, theta: Array, kinds: Array) -> All:
    """Predict everything."""
    stack = block.stack
    moves = stack.kind >= N_COMPUTE
    factor = np.exp(-kinds[stack.kind])  # (U,)
    macs = stack.effort if block.form.tiles else stack.macs
    macs = 2e-6 * macs * np.where(moves, 1.0, factor)
    data = 1e-6 * block.bytes_each * moved(stack, block.form) * np.where(moves, factor, 1.0)
    power = block.form.power
    compute = np.exp(-power * theta[:, :1]) * macs**power  # (C, U)
    whole = np.maximum(compute + np.exp(-power * theta[:, 1:2]) * data**power, 1e-300)
    spent = (np.cbrt(whole) if power == 3 else whole) * stack.count
    computing = spent * (compute / whole)
    places = _segments(stack)
    start, network, kind = places
    by_segment = np.add.reduceat(spent, start, axis=1)  # (C, segments)
    computing_by = np.add.reduceat(computing, start, axis=1)
    count = (len(theta), len(stack.start), N_KINDS)
    scaled = np.where(kind >= N_COMPUTE, by_segment - computing_by, computing_by)
    by_kind = np.zeros(count)
    by_kind[:, network, kind] = -scaled
    first = np.searchsorted(network, np.arange(count[1]))
    total = np.add.reduceat(by_segment, first, axis=1)  # (C, N)
    total_computing = np.add.reduceat(computing_by, first, axis=1)
    overhead = 1e-3 * np.exp(theta[:, 2:3]) * stack.started(block.form)
    call = np.where(theta[:, 3:] > NO_CALL, np.exp(theta[:, 3:]), 0.0) * np.ones_like(total)
    ms = total + overhead + call
    by_theta = np.stack([-total_computing, total_computing - total, overhead, call], axis=2)
    return All(np.log(ms), by_theta / ms[:, :, None], by_kind / ms[:, :, None])


def _segments(stack: Stack) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Start, network and kind of each run of operators of one network and kind."""
    lengths = np.diff(np.append(stack.start, len(stack.kind)))
    owner = np.repeat(np.arange(len(stack.start)), lengths)
    change = (np.diff(owner) != 0) | (np.diff(stack.kind) != 0)
    start = np.concatenate([[0], np.flatnonzero(change) + 1])
    return start, owner[start], stack.kind[start]


def fit_group(
    block: Block,
    kind_spread: float,
    start: Group | None = None,
    have: Mask | None = None,
    rounds: int = 4,
    steps: int = 5,
) -> Group:
    """Fit all configurations of a group together.

    Args:
        block: The published times.
        kind_spread: τ, how much kinds may differ; 0 for not at all.
        start: An earlier fit to start from.
        have: (C, N) the times to use, if not all.
        rounds: How often μ, Σ and s are estimated anew.
        steps: Gauss–Newton steps in between.
    """
    group = start or new_group(block)
    use = block.have if have is None else have
    for turn in range(rounds):
        for _ in range(steps):
            group = _step(block, group, use, kind_spread)
        if turn < rounds - 1:
            group = _hyper(block, group, use)
    return group


def _step(block: Block, group: Group, use: Mask, kind_spread: float) -> Group:
    """One Gauss–Newton step for all configurations and the kinds."""
    found = evaluate(block, group.theta, group.kinds)
    residual = np.where(use, block.log_ms - found.log_ms, 0.0)
    weight = _weights(residual, group.scale) * use  # (C, N)
    weighted = found.by_theta * weight[:, :, None]
    own = weighted.transpose(0, 2, 1) @ found.by_theta + np.diag(group.spread**-2.0)  # (C, 4, 4)
    away = group.theta - block.sheet - group.mean
    right = np.einsum("cnt,cn->ct", weighted, residual) - away / group.spread**2
    mixed = weighted.transpose(0, 2, 1) @ found.by_kind  # (C, 4, K)
    solved = np.linalg.solve(own, np.concatenate([right[:, :, None], mixed], axis=2))
    change = np.zeros(N_KINDS)
    if kind_spread:
        flat = (found.by_kind * weight[:, :, None]).reshape(-1, N_KINDS)
        prior = (kind_spread * KIND_FREEDOM) ** -2.0
        normal = np.diag(prior) + flat.T @ found.by_kind.reshape(-1, N_KINDS)
        normal = normal - np.einsum("ctk,ctl->kl", mixed, solved[:, :, 1:])
        target = flat.T @ residual.ravel() - group.kinds * prior
        target = target - np.einsum("ctk,ct->k", mixed, solved[:, :, 0])
        change = np.clip(np.linalg.solve(normal, target), -LONGEST_STEP, LONGEST_STEP)
    step = np.clip(solved[:, :, 0] - solved[:, :, 1:] @ change, -LONGEST_STEP, LONGEST_STEP)
    theta = _held(group.theta + step, block.sheet)
    return replace(group, kinds=group.kinds + change, theta=theta)


def _held(theta: Array, sheet: Array) -> Array:
    """Within limits; a unit without a constant keeps none."""
    held = np.clip(theta, LOWEST, HIGHEST)
    held[:, 3] = np.where(sheet[:, 3] <= NO_CALL, NO_CALL, held[:, 3])
    return held


def _weights(residual: Array, scale: float) -> Array:
    """Huber's weights over the squared scale."""
    weights: Array = 1 / np.maximum(np.abs(residual) / (HUBER * scale), 1.0) / scale**2
    return weights


def _hyper(block: Block, group: Group, use: Mask) -> Group:
    """μ, Σ and the scale from the configurations."""
    residual = block.log_ms - evaluate(block, group.theta, group.kinds).log_ms
    scale = max(SCALE_FLOOR, 1.25 * float(np.median(np.abs(residual[use]))))
    away = group.theta - block.sheet
    count = len(away)
    if count >= ENOUGH_CONFIGURATIONS:
        mean = np.median(away, axis=0)
        spread = 1.4826 * np.median(np.abs(away - mean), axis=0)
        # as if four more configurations had the usual spread
        spread = np.sqrt((count * spread**2 + 4 * (SPREAD / 2) ** 2) / (count + 4))
    else:
        mean = away.mean(axis=0) * count / (count + 2)
        spread = SPREAD
    return replace(group, scale=scale, mean=mean, spread=np.maximum(spread, SPREAD_FLOOR))


def adapt(
    block: Block, group: Group, have: Mask, around: Array | None = None, steps: int = 8
) -> Array:
    """(C, 4) numbers by MAP with the group as prior: for devices of which little was measured.

    Args:
        block: Their times.
        group: The prior.
        have: (C, N) the times to use.
        around: (C, 4) what is expected; the data sheet and the group's mean when left out.
        steps: Gauss–Newton steps.
    """
    expected = block.sheet + group.mean if around is None else around
    theta = expected
    for _ in range(steps):
        found = evaluate(block, theta, group.kinds)
        residual = np.where(have, block.log_ms - found.log_ms, 0.0)
        weighted = found.by_theta * (_weights(residual, group.scale) * have)[:, :, None]
        own = weighted.transpose(0, 2, 1) @ found.by_theta + np.diag(group.spread**-2.0)
        right = np.einsum("cnt,cn->ct", weighted, residual) - (theta - expected) / group.spread**2
        step = np.linalg.solve(own, right[:, :, None])[:, :, 0]
        theta = _held(theta + np.clip(step, -LONGEST_STEP, LONGEST_STEP), block.sheet)
    return theta
