import math
import random

import pytest

from kd_core.errors import ExportError
from kd_core.latency.devices import DEVICES
from kd_core.latency.estimate import Evidence, Target, estimate, layer_times, speed_up
from kd_core.latency.work import work_of
from tests.kd_core.latency.helpers_onnx import network

SMALL, LARGE = work_of(network(width=8)), work_of(network(width=64))


def refused(target):
    try:
        estimate(SMALL, target)
    except ExportError as error:
        return error.code
    return ""


@pytest.mark.parametrize("device", DEVICES.names())
def test_every_runtime_of_every_device_has_an_estimate_with_a_band(device):
    for choice in DEVICES[device].runtimes:
        for precision in choice.precisions:
            target = Target(device, choice.name, precision=precision)
            if choice.unit in ("npu", "gpu") and refused(target):  # no data sheet tells its speed
                assert refused(target) == "estimate_nothing"
                continue
            found = estimate(SMALL, target)
            assert 0 < found.low_ms < found.latency_ms < found.high_ms
            assert found.tier in "ABC"
            assert found.why
            assert found.target.threads in choice.threads


@pytest.mark.parametrize("device", ["raspberry_pi_4", "jetson_nano", "stm32h747", "coral_usb"])
def test_more_width_takes_longer_and_a_network_beside_itself_is_as_fast(device):
    target = Target(device)
    times = [estimate(work_of(network(width=w)), target).latency_ms for w in (8, 32, 128)]
    assert times[0] < times[1] < times[2]
    same = speed_up(LARGE, work_of(network(width=64)), target)
    assert (same.ratio, same.low, same.high) == (1.0, 1.0, 1.0)
    gain = speed_up(SMALL, LARGE, target)
    assert gain.low < gain.ratio < gain.high
    back = speed_up(LARGE, SMALL, target)
    assert gain.ratio * back.ratio == pytest.approx(1)


def test_layers_add_up_to_the_whole():
    target = Target("raspberry_pi_4")
    rows = layer_times(LARGE, target)
    assert [row["name"] for row in rows] == [op.name for op in LARGE.ops]
    assert sum(row["ms"] for row in rows) == pytest.approx(estimate(LARGE, target).latency_ms)
    assert sum(row["share"] for row in rows) == pytest.approx(1)


def test_zeros_change_nothing_and_are_explained():
    dense, sparse = work_of(network()), work_of(network(sparse=True))
    target = Target("raspberry_pi_4")
    assert estimate(sparse, target).latency_ms == estimate(dense, target).latency_ms
    said = [message.id for message in estimate(sparse, target).why]
    assert "estimate.why.sparse" in said
    assert "estimate.why.sparse" not in [message.id for message in estimate(dense, target).why]


@pytest.mark.parametrize(
    ("target", "code"),
    [
        (Target("toaster"), "estimate_device"),
        (Target("raspberry_pi_4", "tensorrt"), "estimate_runtime"),
        (Target("coral_usb", precision="fp32"), "estimate_precision"),
    ],
)
def test_what_does_not_exist_is_refused_with_the_choices(target, code):
    with pytest.raises(ExportError, match=code):
        estimate(SMALL, target)


def test_a_float_file_takes_the_runtimes_own_floats():
    assert estimate(SMALL, Target("jetson_nano")).target.precision == "fp16"
    assert estimate(SMALL, Target("raspberry_pi_4", "ncnn")).target.precision == "ncnn_default"
    assert estimate(SMALL, Target("coral_usb")).target.precision == "int8"


def test_measured_times_correct_the_estimate_and_narrow_its_band():
    target = Target("raspberry_pi_zero_2w")
    works = [work_of(network(width=w, size=s)) for w in (8, 16, 32) for s in (16, 32)]
    random.Random(0).shuffle(works)
    slow = [Evidence(w, target, 3 * estimate(w, target).latency_ms) for w in works]
    held = work_of(network(width=24, size=24))
    before, after = estimate(held, target), estimate(held, target, slow)
    truth = 3 * before.latency_ms
    assert abs(math.log(after.latency_ms / truth)) < 0.4 * abs(math.log(before.latency_ms / truth))
    assert after.high_ms / after.low_ms < before.high_ms / before.low_ms
    assert after.n_networks == before.n_networks + len(works)
    elsewhere = [Evidence(e.work, Target("raspberry_pi_5"), e.latency_ms) for e in slow]
    assert estimate(held, target, elsewhere) == before
