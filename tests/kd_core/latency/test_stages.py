import math

import pytest

from kd_core.errors import ExportError
from kd_core.latency.devices import DEVICES
from kd_core.latency.estimate import Target, estimate
from kd_core.latency.records import Measurement
from kd_core.latency.stages import STAGES, cost_ms, stages, whole
from kd_core.latency.work import work_of
from tests.kd_core.latency.helpers_onnx import network

WORK = work_of(network())
MEASURED = Measurement(
    runtime_version="1", precision="fp32", threads=1, batch=1, channels=3, size=64, warmup=1,
    repeats=5, latency_ms_p50=2.0, latency_ms_p95=2.5, images_per_s=500, load_ms=1,
    preprocess_ms_p50=0.9, preprocess_ms_p95=1.8, preprocess_source_px=128, decode_ms_p50=0.6,
    answer_ms_p50=0.01, model_sha256="0" * 64, model_size_bytes=1, cpu="x", cpu_cores=1, os="x",
    measured_at=0.0,
)  # fmt: skip


def of(device, source_px=500, **more):
    return stages(estimate(WORK, Target(device)), device, source_px, 64, 3, **more)


def test_parts_are_in_order_and_add_up():
    found = of("raspberry_pi_4")
    assert tuple(part.name for part in found) == STAGES
    total = whole(found)
    assert total[0] == pytest.approx(sum(part.latency_ms for part in found))
    assert total[1] < total[0] < total[2]
    assert found[2].latency_ms == estimate(WORK, Target("raspberry_pi_4")).latency_ms


@pytest.mark.parametrize("device", DEVICES.names())
def test_bands_hold_the_time_or_the_device_is_refused(device):
    if DEVICES[device].kind == "microcontroller":
        with pytest.raises(ExportError, match="stages_microcontroller"):
            stages(MEASURED, device, 500, 64, 3)
        return
    for part in stages(MEASURED, device, 500, 64, 3, image_format="jpeg"):
        assert 0 < part.low_ms <= part.latency_ms <= part.high_ms


def test_decoding_grows_with_the_pixels_and_the_network_does_not():
    small, large = of("raspberry_pi_4", 500), of("raspberry_pi_4", 2000)
    assert 10 < large[0].latency_ms / small[0].latency_ms < 17
    assert large[1].latency_ms > small[1].latency_ms
    assert large[2:] == small[2:]


def test_a_slower_core_takes_longer():
    zero, four, server = (of(d)[0] for d in ("raspberry_pi_zero_2w", "raspberry_pi_4", "apple_m3"))
    assert zero.latency_ms > four.latency_ms > server.latency_ms
    assert zero.why.id == "stages.why.scaled"


def test_what_was_measured_passes_through_unchanged():
    decode, resize, middle, post = stages(MEASURED, None, 128, 64, 3)
    assert {part.source for part in (decode, resize, middle, post)} == {"measured"}
    assert decode.latency_ms == pytest.approx(0.6)
    assert resize.latency_ms == pytest.approx(0.3)
    assert (middle.latency_ms, middle.high_ms) == (2.0, 2.5)
    assert post.latency_ms == 0.01


def test_older_figures_have_the_sum_and_another_image_is_scaled():
    old = MEASURED.model_copy(update={"decode_ms_p50": None})
    decode, resize, *_ = stages(old, None, 128, 64, 3)
    assert decode.latency_ms + resize.latency_ms == pytest.approx(0.9)
    assert decode.why.id == "stages.why.together"
    other = stages(MEASURED, None, 1280, 64, 3)[0]
    assert other.source == "estimated"
    ratio = cost_ms("decode", "png", 3, 1280) / cost_ms("decode", "png", 3, 128)
    assert other.latency_ms == pytest.approx(0.6 * ratio)


def test_a_device_without_a_known_processor_has_a_wide_band():
    decode = of("nvidia_t4")[0]
    assert decode.why.id == "stages.why.host"
    assert math.log(decode.high_ms / decode.low_ms) > math.log(9)
    with pytest.raises(ExportError, match="estimate_device"):
        stages(MEASURED, "toaster", 100, 64, 3)
