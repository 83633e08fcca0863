import math
from dataclasses import replace

import numpy as np
import pytest

from kd_core.latency.fit_model import NO_CALL, Form, Rates, predict_ms
from kd_core.latency.work import KINDS, Op, Work


def work(*ops):
    return Work(tuple(Op("", kind, macs, weights, 0, 0) for kind, macs, weights in ops))


def rates(gflops=10.0, gbs=2.0, overhead_us=5.0, kinds=None):
    logs = [math.log(value) for value in (gflops, gbs, overhead_us)]
    filled = tuple((kinds or {}).get(kind, 0.0) for kind in KINDS)
    return Rates((logs[0], logs[1], logs[2], NO_CALL), filled)


def test_computing_moving_and_overhead_by_hand():
    # 5 MMAC at 10 GFLOPS take 1 ms; 500 000 numbers of 4 bytes at 2 GB/s take 1 ms
    assert predict_ms(work(("conv", 5_000_000, 0)), rates()) == pytest.approx(1.005)
    assert predict_ms(work(("memory", 0, 500_000)), rates()) == pytest.approx(1.005)
    both = predict_ms(work(("conv", 5_000_000, 500_000)), rates())
    assert both == pytest.approx(2 ** (1 / 3) + 0.005)


def test_operators_add_up_and_kinds_scale():
    one = predict_ms(work(("conv3x3", 10**6, 10)), rates())
    assert predict_ms(work(*[("conv3x3", 10**6, 10)] * 3), rates()) == pytest.approx(3 * one)
    fast = predict_ms(work(("conv3x3", 10**7, 10)), rates(kinds={"conv3x3": math.log(2)}))
    assert fast - 0.005 == pytest.approx(
        (predict_ms(work(("conv3x3", 10**7, 10)), rates()) - 0.005) / 2
    )


def test_a_runtime_that_fuses_starts_only_what_computes():
    ops = work(("conv", 10**6, 1000), ("activation", 0, 1000), ("elementwise", 0, 1000))
    fused = replace(rates(), form=Form(fused=True))
    assert predict_ms(ops, rates()) - predict_ms(ops, fused) == pytest.approx(2 * 0.005)


def test_weights_that_are_brought_into_another_order_move_twice():
    conv, linear = work(("conv", 1, 500_000)), work(("linear", 1, 500_000))
    twice = replace(rates(), form=Form(twice=True))
    assert predict_ms(conv, twice) - predict_ms(conv, rates()) == pytest.approx(1.0)
    assert predict_ms(linear, twice) == predict_ms(linear, rates())


def test_a_slower_device_is_slower_at_everything():
    ops = work(("conv", 10**6, 1000), ("pool", 0, 1000), ("linear", 1000, 1000))
    assert predict_ms(ops, rates().scaled(3)) == pytest.approx(3 * predict_ms(ops, rates()))
    assert np.isfinite(predict_ms(ops, rates()))
