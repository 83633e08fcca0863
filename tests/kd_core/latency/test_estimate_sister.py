import math

import pytest

from kd_core.latency.devices import DEVICES
from kd_core.latency.estimate_known import load_fit
from kd_core.latency.estimate_sheet import sheet_rates
from kd_core.latency.estimate_sister import other_runtime, rates_of, to_clock
from kd_core.latency.fit_model import NO_CALL, Form, Rates

NONE = (0.0,) * 13


def test_the_constant_of_a_call_does_not_follow_the_clock():
    sheet, slower = Rates((2.0, 2.0, 1.0, 3.0), NONE), Rates((1.0, 1.5, 2.0, 1.0), NONE)
    moved = to_clock(Rates((5.0, 4.0, 3.0, -1.0), NONE), sheet, slower)
    assert moved.theta == pytest.approx((6.0, 4.5, 2.0, -1.0))


def test_what_a_data_sheet_does_not_say_moves_nothing():
    unknown = Rates((math.nan, 2.0, 1.0, NO_CALL), NONE)
    moved = to_clock(Rates((5.0, 4.0, 3.0, NO_CALL), NONE), unknown, unknown)
    assert moved.theta == (5.0, 4.0, 3.0, NO_CALL)


def test_an_older_fit_without_the_newer_fields_is_read():
    found = rates_of((1, 2, 3, 4), {"kinds": NONE, "power": 1}, "int8")
    assert (found.form, found.bytes_each) == (Form(power=1), 1)


def test_the_runtime_with_most_networks_speaks_for_a_device():
    device = DEVICES["raspberry_pi_4"]
    key, own, sheet = other_runtime(load_fit(), "raspberry_pi_4", device, "cpu", 4)
    assert key.startswith("raspberry_pi_4|ncnn|4|")
    assert own["n_networks"] >= 10
    assert sheet == sheet_rates(device, device.runtime("ncnn"), 4, "ncnn_default")
    assert other_runtime(load_fit(), "esp32_s3", DEVICES["esp32_s3"], "mcu", 0) is None
