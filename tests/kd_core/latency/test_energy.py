import pytest

from kd_core.latency.energy import energy
from kd_core.latency.estimate import Target, estimate
from kd_core.latency.work import work_of
from tests.kd_core.latency.helpers_onnx import network

WORK = work_of(network())


def test_energy_is_power_times_time():
    found = estimate(WORK, Target("raspberry_pi_4"))
    spent = energy(found, "raspberry_pi_4")
    assert spent.low_mj == pytest.approx(3.0 * found.latency_ms)
    assert spent.high_mj == pytest.approx(7.2 * found.latency_ms)
    assert spent.source


def test_phones_have_none():
    assert energy(estimate(WORK, Target("snapdragon_855")), "snapdragon_855") is None
