from kd_core.latency.devices import DEVICES
from kd_core.latency.footprint import footprint
from kd_core.latency.work import Op, Work, work_of
from tests.kd_core.latency.helpers_onnx import network


def test_weights_stay_in_flash_on_a_microcontroller_and_in_memory_elsewhere():
    work = work_of(network(width=8, size=16))
    small, board = footprint(work, "stm32h747"), footprint(work, "raspberry_pi_4")
    assert small.peak_activation_bytes == work.peak_activation  # one byte a number
    assert board.peak_activation_bytes == 4 * work.peak_activation
    assert small.ram_bytes < small.peak_activation_bytes + 100_000
    assert board.ram_bytes >= board.weights_bytes + board.peak_activation_bytes
    assert small.fits
    assert board.fits
    assert "footprint.why.int8" in [message.id for message in small.why]


def test_what_is_too_large_does_not_fit_and_says_where():
    ops = (Op("a", "conv", 10**9, 5_000_000, 10**6, 10**6),)
    work = Work(ops, weights_bytes=20_000_000, peak_activation=3_000_000)
    found = footprint(work, "stm32h747")
    assert found.fits is False
    assert {"footprint.why.ram", "footprint.why.flash"} <= {message.id for message in found.why}
    assert footprint(work, DEVICES["raspberry_pi_zero_2w"]).fits
