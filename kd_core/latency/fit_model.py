"""The model of a latency, with a handful of numbers that mean something.

    t = Σ over operators [ (2·MAC / (P·e_kind))^p + (bytes / (W·e_kind))^p ]^(1/p) + c·operators + d

``P`` is the rate of a direct convolution in GFLOPS, ``W`` the bandwidth in GB/s, ``c`` the overhead
of an operator in µs and ``d`` the constant of a call in ms (accelerators only). ``e_kind`` scales
``P`` for kinds that compute and ``W`` for kinds that only move data; it belongs to a runtime.
With p = 3 an operator costs about the larger of its two times (roofline: Williams et al. 2009),
with p = 1 their sum; where a runtime convolves in tiles, MAC counts what they do over the edge
of a map; and where it makes what only moves data part of the operator before, only operators that
compute are counted for ``c``. All three are chosen for each runtime by what predicts better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kd_core.latency.work import BYTES, COMPUTE, KINDS, Columns, Work

N_COMPUTE, N_KINDS = len(COMPUTE), len(KINDS)
N_CONV = COMPUTE.index("linear")
NO_KINDS: tuple[float, ...] = (0.0,) * N_KINDS
NAMES = ("rate_gflops", "bandwidth_gbs", "overhead_us", "call_ms")
NO_CALL = -20.0
"""Logarithm of a constant per call that is none."""


@dataclass(frozen=True)
class Form:
    """The form of the model for a runtime.

    Attributes:
        power: p, 1 or 3.
        tiles: 3 × 3 convolutions are done in tiles.
        fused: Operators that only move data are part of the one before and start nothing.
        twice: Weights of convolutions are read and written anew at every call, in the runtime's
            order.
    """

    power: int = 3
    tiles: bool = False
    fused: bool = False
    twice: bool = False


PLAIN = Form()


@dataclass(frozen=True)
class Rates:
    """The numbers of one configuration.

    Attributes:
        theta: Natural logarithms of P in GFLOPS, W in GB/s, c in µs and d in ms.
        kinds: (kinds,) natural logarithms of ``e_kind``.
        bytes_each: Bytes of one number.
        form: How the times of computing and moving are put together.
    """

    theta: tuple[float, float, float, float]
    kinds: tuple[float, ...] = NO_KINDS
    bytes_each: int = 4
    form: Form = PLAIN

    def scaled(self, factor: float) -> Rates:
        """The same device, this many times slower at everything."""
        step = float(np.log(factor))
        rate, width, overhead, call = self.theta
        return Rates(
            (rate - step, width - step, overhead + step, max(NO_CALL, call + step)),
            self.kinds,
            self.bytes_each,
            self.form,
        )


@dataclass(frozen=True)
class Stack:
    """Operators of several works in one row of arrays.

    Attributes:
        kind: (ops,) place in ``KINDS``.
        macs: (ops,) multiplications.
        elements: (ops,) numbers moved.
        count: (ops,) how often.
        start: (works,) first operator of each work.
        effort: (ops,) multiplications in tiles.
        weights: (ops,) numbers of the network among those moved.
    """

    kind: NDArray[np.intp]
    macs: NDArray[np.float64]
    elements: NDArray[np.float64]
    count: NDArray[np.float64]
    effort: NDArray[np.float64]
    weights: NDArray[np.float64]
    start: NDArray[np.intp]

    @classmethod
    def of(cls, columns: list[Columns]) -> Stack:
        """Columns of several works, one behind the other; each has an operator at least."""
        lengths = [len(part.kind) for part in columns]
        return cls(
            np.concatenate([part.kind for part in columns]),
            np.concatenate([part.macs for part in columns]),
            np.concatenate([part.elements for part in columns]),
            np.concatenate([part.count for part in columns]),
            np.concatenate([part.effort for part in columns]),
            np.concatenate([part.weights for part in columns]),
            np.cumsum([0, *lengths[:-1]]),
        )

    def started(self, form: Form) -> NDArray[np.float64]:
        """(works,) operators of each work that cost their overhead."""
        result: NDArray[np.float64] = np.add.reduceat(starts(self, form), self.start)
        return result


def starts(ops: Columns | Stack, form: Form) -> NDArray[np.float64]:
    """(ops,) how many of each operator cost their overhead."""
    return np.where(ops.kind < N_COMPUTE, ops.count, 0.0) if form.fused else ops.count


def moved(ops: Columns | Stack, form: Form) -> NDArray[np.float64]:
    """(ops,) numbers that one of each operator moves."""
    if not form.twice:
        return ops.elements
    result: NDArray[np.float64] = ops.elements + np.where(ops.kind < N_CONV, ops.weights, 0.0)
    return result


def op_times(columns: Columns, rates: Rates) -> NDArray[np.float64]:
    """(ops,) milliseconds of one of each operator, without its overhead."""
    rate, width, _, _ = rates.theta
    kinds = np.asarray(rates.kinds)[columns.kind]  # (ops,)
    moves = columns.kind >= N_COMPUTE
    macs = columns.effort if rates.form.tiles else columns.macs
    compute = 2e-6 * macs * np.exp(-rate - np.where(moves, 0.0, kinds))
    numbers = rates.bytes_each * moved(columns, rates.form)
    move = 1e-6 * numbers * np.exp(-width - np.where(moves, kinds, 0.0))
    whole = compute**rates.form.power + move**rates.form.power
    one: NDArray[np.float64] = np.cbrt(whole) if rates.form.power == 3 else whole
    return one


def overhead_ms(columns: Columns, rates: Rates) -> NDArray[np.float64]:
    """(ops,) milliseconds that starting all of each operator takes."""
    result: NDArray[np.float64] = 1e-3 * np.exp(rates.theta[2]) * starts(columns, rates.form)
    return result


def predict_ms(work: Work, rates: Rates) -> float:
    """Latency of one call in ms."""
    return columns_ms(work.columns, rates)


def columns_ms(columns: Columns, rates: Rates) -> float:
    """The same from the operators alone."""
    one = op_times(columns, rates)
    overhead = float(overhead_ms(columns, rates).sum())
    call = float(np.exp(rates.theta[3])) if rates.theta[3] > NO_CALL else 0.0
    return float((one * columns.count).sum()) + overhead + call


def bytes_of(precision: str) -> int:
    """Bytes of one number at run time."""
    return BYTES.get(precision, 1)
