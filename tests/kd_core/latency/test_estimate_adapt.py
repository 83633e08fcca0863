from kd_core.latency.devices import DEVICES
from kd_core.latency.estimate_adapt import ratio_spread, recalibrated, unlike
from kd_core.latency.estimate_known import known
from kd_core.latency.estimate_target import Evidence, Target
from kd_core.latency.fit_model import predict_ms
from kd_core.latency.work import Op, Work, work_of
from tests.kd_core.latency.helpers_onnx import network

DEVICE = DEVICES["raspberry_pi_4"]
FOUND = known("raspberry_pi_4", DEVICE, DEVICE.runtime("ncnn"), 4, "ncnn_default")
TARGET = Target("raspberry_pi_4", "ncnn", 4, "ncnn_default")


def test_an_odd_network_widens_the_band_and_a_like_one_less():
    odd = Work(tuple(Op("", "matmul", 10**11, 10**9, 10, 10) for _ in range(3)))
    assert unlike(odd, FOUND) > 1.2
    assert unlike(odd, FOUND) <= 2.5


def test_ratios_of_like_networks_are_surer():
    one, near, far = (work_of(network(width=w)) for w in (32, 36, 512))
    assert ratio_spread(one, near, FOUND) < ratio_spread(one, far, FOUND)


def test_one_measurement_moves_the_numbers_and_ten_make_tier_a():
    works = [work_of(network(width=8 + w)) for w in range(10)]
    slow = [Evidence(w, TARGET, 2 * predict_ms(w, FOUND.rates)) for w in works]
    one, ten = recalibrated(FOUND, tuple(slow[:1])), recalibrated(FOUND, tuple(slow))
    held = work_of(network(width=40))
    truth = 2 * predict_ms(held, FOUND.rates)
    guesses = [predict_ms(held, each.rates) for each in (FOUND, one, ten)]
    assert abs(guesses[2] - truth) < abs(guesses[1] - truth) < abs(guesses[0] - truth)
    assert ten.tier == "A"
    assert one.why[0].id == "estimate.why.measured"
