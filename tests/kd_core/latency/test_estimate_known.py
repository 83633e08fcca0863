import dataclasses
import math

import pytest

from kd_core.errors import ExportError
from kd_core.latency.devices import DEVICES
from kd_core.latency.estimate_known import known, load_fit


def ask(name, runtime, threads, precision):
    device = DEVICES[name]
    return known(name, device, device.runtime(runtime), threads, precision)


def test_a_fitted_configuration_is_tier_a_and_says_on_what():
    found = ask("raspberry_pi_4", "ncnn", 4, "ncnn_default")
    assert (found.tier, found.derived_from) == ("A", "")
    assert found.n_networks >= 10
    assert found.n_rows >= found.n_networks


def test_other_threads_and_other_runtimes_are_tier_b_and_name_their_source():
    threads = ask("raspberry_pi_4", "ncnn", 2, "ncnn_default")
    assert (threads.tier, threads.why[0].id) == ("B", "estimate.why.threads")
    assert threads.derived_from.startswith("raspberry_pi_4|ncnn|")
    runtime = ask("raspberry_pi_4", "onnxruntime", 4, "int8")
    assert runtime.tier == "B"
    assert runtime.derived_from.startswith("raspberry_pi_4|")


def test_the_same_cores_at_another_clock_are_tier_b_and_faster_by_it():
    found = ask("jetson_orin_nano_super", "ncnn", 6, "ncnn_default")
    original = ask("jetson_orin_nano", "ncnn", 6, "ncnn_default")
    assert (found.tier, original.tier) == ("B", "A")
    assert found.derived_from == "jetson_orin_nano|ncnn|6|ncnn_default"
    assert found.rates.theta[0] - original.rates.theta[0] == pytest.approx(math.log(1.7 / 1.5))
    assert found.high - found.low > original.high - original.low
    (why,) = found.why
    assert (why.id, why.params["n"]) == ("estimate.why.chip", original.n_networks)


def test_a_device_whose_sister_was_not_measured_either_is_tier_c():
    device = dataclasses.replace(DEVICES["intel_n100"], sister="esp32_s3")
    assert known("n", device, device.runtimes[0], 4, "fp32").tier == "C"


def test_a_device_without_times_is_tier_c():
    found = ask("intel_n100", "ncnn", 4, "ncnn_default")
    assert (found.tier, found.why[0].id) == ("C", "estimate.why.group")
    assert found.high - found.low > 1.3  # a factor of two either way


def test_nothing_comparable_is_refused():
    device = DEVICES["snapdragon_855"]
    from kd_core.latency.devices_spec import RuntimeChoice

    choice = RuntimeChoice("openvino", (0,), ("fp32",), "npu")
    with pytest.raises(ExportError, match="estimate_nothing"):
        known("snapdragon_855", device, choice, 0, "fp32")


def test_every_number_that_ships_is_finite():
    fit = load_fit()
    assert len(fit.configurations) > 100
    for each in fit.configurations.values():
        assert all(abs(value) < 50 for value in each["theta"])
        assert each["group"] in fit.groups
    for group in fit.groups.values():
        assert group["band"]["low"] < 0 < group["band"]["high"]
