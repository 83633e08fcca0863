"""The model of a latency, with a handful of numbers that mean something.

    t = Σ over operators [ (2·MAC / (P·e_kind))³ + (bytes / (W·e_kind))³ ]^(1/3) + c·operators + d

``P`` is the rate of a direct convolution in GFLOPS, ``W`` the bandwidth in GB/s, ``c`` the overhead
of an operator in µs and ``d`` the constant of a call in ms (accelerators only). ``e_kind`` scales
``P`` for kinds that compute and ``W`` for kinds that only move data; it belongs to a runtime.
The exponent makes an operator cost about the larger of its two times (roofline: Williams et al.
2009).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kd_core.latency.work import BYTES, COMPUTE, KINDS, Columns, Work

N_COMPUTE, N_KINDS = len(COMPUTE), len(KINDS)
NO_KINDS: tuple[float, ...] = (0.0,) * N_KINDS
NAMES = ("rate_gflops", "bandwidth_gbs", "overhead_us", "call_ms")
NO_CALL = -20.0
"""Logarithm of a constant per call that is none."""


@dataclass(frozen=True)
class Rates:
    """The numbers of one configuration.

    Attributes:
        theta: Natural logarithms of P in GFLOPS, W in GB/s, c in µs and d in ms.
        kinds: (kinds,) natural logarithms of ``e_kind``.
        bytes_each: Bytes of one number.
    """

    theta: tuple[float, float, float, float]
    kinds: tuple[float, ...] = NO_KINDS
    bytes_each: int = 4

    def scaled(self, factor: float) -> Rates:
        """The same device, this many times slower at everything."""
        step = float(np.log(factor))
        rate, width, overhead, call = self.theta
        return Rates(
            (rate - step, width - step, overhead + step, max(NO_CALL, call + step)),
            self.kinds,
            self.bytes_each,
        )


@dataclass(frozen=True)
class Times:
    """Milliseconds and how they change with the logarithms of the parameters.

    Attributes:
        ms: (works,) milliseconds.
        by_theta: (works, 4) derivative.
        by_kind: (works, kinds) derivative.
    """

    ms: NDArray[np.float64]
    by_theta: NDArray[np.float64]
    by_kind: NDArray[np.float64]


@dataclass(frozen=True)
class Stack:
    """Operators of several works in one row of arrays.

    Attributes:
        kind: (ops,) place in ``KINDS``.
        macs: (ops,) multiplications.
        elements: (ops,) numbers moved.
        count: (ops,) how often.
        start: (works,) first operator of each work.
        n_ops: (works,) operators of each work.
    """

    kind: NDArray[np.intp]
    macs: NDArray[np.float64]
    elements: NDArray[np.float64]
    count: NDArray[np.float64]
    start: NDArray[np.intp]
    n_ops: NDArray[np.float64] = field(repr=False)

    @classmethod
    def of(cls, columns: list[Columns]) -> Stack:
        """Columns of several works, one behind the other; each has an operator at least."""
        lengths = [len(part.kind) for part in columns]
        return cls(
            np.concatenate([part.kind for part in columns]),
            np.concatenate([part.macs for part in columns]),
            np.concatenate([part.elements for part in columns]),
            np.concatenate([part.count for part in columns]),
            np.cumsum([0, *lengths[:-1]]),
            np.array([part.count.sum() for part in columns]),
        )


def op_parts(
    stack: Stack, rates: Rates
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Milliseconds of one of each operator, without overhead, and the two shares of it.

    Returns:
        (ops,) milliseconds, (ops,) share of computing, (ops,) share of moving data.
    """
    rate, width, _, _ = rates.theta
    kinds = np.asarray(rates.kinds)[stack.kind]  # (ops,)
    moves = stack.kind >= N_COMPUTE
    compute = 2e-6 * stack.macs * np.exp(-rate - np.where(moves, 0.0, kinds))
    move = 1e-6 * rates.bytes_each * stack.elements * np.exp(-width - np.where(moves, kinds, 0.0))
    cubes = compute**3, move**3
    whole = np.maximum(cubes[0] + cubes[1], 1e-300)
    return np.cbrt(whole), cubes[0] / whole, cubes[1] / whole


def times(stack: Stack, rates: Rates) -> Times:
    """Latency of each work with its derivatives."""
    one, computing, moving = op_parts(stack, rates)
    spent = one * stack.count  # (ops,)
    moves = stack.kind >= N_COMPUTE
    scaled = spent * np.where(moves, moving, computing)
    by_kind = np.zeros((len(stack.start), N_KINDS))
    owner = np.repeat(np.arange(len(stack.start)), np.diff(np.append(stack.start, len(stack.kind))))
    np.add.at(by_kind, (owner, stack.kind), -scaled)
    overhead = 1e-3 * np.exp(rates.theta[2]) * stack.n_ops  # (works,)
    call = np.exp(rates.theta[3]) if rates.theta[3] > NO_CALL else 0.0
    by_theta = np.stack(
        [
            -np.add.reduceat(spent * computing, stack.start),
            -np.add.reduceat(spent * moving, stack.start),
            overhead,
            np.full(len(stack.start), call),
        ],
        axis=1,
    )  # (works, 4)
    ms = np.add.reduceat(spent, stack.start) + overhead + call
    return Times(ms, by_theta, by_kind)


def predict_ms(work: Work, rates: Rates) -> float:
    """Latency of one call in ms."""
    columns = work.columns
    stack = Stack(
        columns.kind,
        columns.macs,
        columns.elements,
        columns.count,
        np.zeros(1, np.intp),
        columns.count,
    )
    one, _, _ = op_parts(stack, rates)
    overhead = 1e-3 * float(np.exp(rates.theta[2])) * work.n_ops
    call = float(np.exp(rates.theta[3])) if rates.theta[3] > NO_CALL else 0.0
    return float((one * columns.count).sum()) + overhead + call


def bytes_of(precision: str) -> int:
    """Bytes of one number at run time."""
    return BYTES.get(precision, 1)
