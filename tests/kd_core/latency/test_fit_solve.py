from dataclasses import replace

import numpy as np
import pytest

from kd_core.latency.fit_model import N_KINDS, NO_CALL, PLAIN, Form, Stack
from kd_core.latency.fit_solve import Block, Group, adapt, evaluate, fit_group, new_group
from kd_core.latency.work import KINDS, Columns

RNG = np.random.default_rng(3)


def columns():
    count = 12
    kind = np.sort(RNG.choice([KINDS.index(k) for k in ("conv1x1", "depthwise", "pool")], count))
    macs = np.where(kind < 8, RNG.uniform(1e6, 1e8, count), 0)
    moved, many = RNG.uniform(1e4, 1e6, count), RNG.integers(1, 4, count) * 1.0
    return Columns(kind, macs, moved, many, macs, moved / 3)


def block(configurations=5, networks=9):
    sheet = np.tile([np.log(10.0), np.log(10.0), np.log(20.0), NO_CALL], (configurations, 1))
    empty = np.zeros((configurations, networks))
    stack = Stack.of([columns() for _ in range(networks)])
    names = tuple(f"d{i}|ncnn|1|fp32" for i in range(configurations))
    labels = tuple(f"n{i}@1" for i in range(networks))
    return Block(names, labels, stack, empty, empty == 0, sheet, 4)


def truth(made):
    kinds = np.zeros(N_KINDS)
    kinds[KINDS.index("depthwise")] = -1.0
    shift = RNG.normal(0, 0.4, (len(made.configurations), 4)) * [1, 1, 1, 0]
    theta = made.sheet + shift
    log_ms = evaluate(made, theta, kinds).log_ms
    return theta, kinds, Block(**{**vars(made), "log_ms": log_ms})


@pytest.mark.parametrize("form", [PLAIN, Form(1, fused=True), Form(3, twice=True)])
def test_derivatives_are_those_of_finite_differences(form):
    made = replace(block(2, 3), form=form)
    kinds = RNG.normal(0, 0.2, N_KINDS)
    theta = made.sheet + np.array([[0.1, 0.2, 0.3, 0], [0, -0.1, 0.1, 0]])
    found = evaluate(made, theta, kinds)
    for place in range(3):
        step = np.zeros(4)
        step[place] = 1e-5
        numeric = (evaluate(made, theta + step, kinds).log_ms - found.log_ms) / 1e-5
        np.testing.assert_allclose(numeric, found.by_theta[:, :, place], atol=1e-4)
    for place in (KINDS.index("depthwise"), KINDS.index("pool")):
        step = np.zeros(N_KINDS)
        step[place] = 1e-5
        numeric = (evaluate(made, theta, kinds + step).log_ms - found.log_ms) / 1e-5
        np.testing.assert_allclose(numeric, found.by_kind[:, :, place], atol=1e-4)


def test_a_fit_finds_what_made_the_times_in_spite_of_a_wrong_row():
    _, kinds, made = truth(block())
    made.log_ms[0, 0] += 1.5  # a wrong row
    group = fit_group(made, 0.8)
    off = np.abs(evaluate(made, group.theta, group.kinds).log_ms - made.log_ms)
    assert np.median(off) < 0.02
    assert off[0, 0] > 0.7
    place = KINDS.index("depthwise")
    assert group.kinds[place] - group.kinds[0] == pytest.approx(kinds[place], abs=0.35)


def test_equal_times_give_equal_numbers():
    _, _, made = truth(block())
    one, two = fit_group(made, 0.3), fit_group(made, 0.3)
    np.testing.assert_array_equal(one.theta, two.theta)


def test_one_measured_network_moves_a_new_device():
    _, kinds, made = truth(block(1, 9))
    start = new_group(made)
    prior = Group(kinds, start.mean, start.spread, 0.1, made.sheet)
    given = np.zeros((1, 9), bool)
    given[0, 0] = True
    before = np.abs(evaluate(made, made.sheet, kinds).log_ms - made.log_ms)[0, 0]
    theta = adapt(made, prior, given)
    after = np.abs(evaluate(made, theta, kinds).log_ms - made.log_ms)[0, 0]
    assert after < 0.2 * before + 0.02
