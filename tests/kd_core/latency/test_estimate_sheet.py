import math

import pytest

from kd_core.latency.devices import DEVICES
from kd_core.latency.estimate_sheet import sheet_rates


def rate(name, threads, precision="fp32"):
    device = DEVICES[name]
    return math.exp(sheet_rates(device, device.runtimes[0], threads, precision).theta[0])


def test_the_rate_is_a_share_of_cores_times_clock():
    assert rate("raspberry_pi_4", 4) == pytest.approx(0.58 * 4 * 1.8 * 8)
    assert rate("raspberry_pi_4", 1) == pytest.approx(rate("raspberry_pi_4", 4) / 4)
    assert rate("amd_epyc_7742", 64) == rate("amd_epyc_7742", 8)  # no more than eight help
    fp16 = rate("raspberry_pi_5", 4, "ncnn_default")
    assert fp16 == pytest.approx(2 * rate("raspberry_pi_5", 4))


def test_what_the_sheet_does_not_tell_is_no_number():
    phone = DEVICES["snapdragon_8_gen3"]
    assert math.isnan(sheet_rates(phone, phone.runtimes[0], 0, "fp16").theta[0])
