import pytest

from kd_core.errors import ExportError
from kd_core.figures.estimates import estimates_figure, estimates_info


def test_a_devices_predictions_are_drawn_with_the_worst_networks_apart():
    info = estimates_info("raspberry_pi_4", "ncnn")
    assert info.device == "raspberry_pi_4"
    assert 0 < info.median_error < 0.5
    assert all(p.configuration.startswith("raspberry_pi_4|ncnn|") for p in info.points)
    drawn = estimates_figure(info, lambda msg: msg.id)
    named = len(info.worst)
    assert len(drawn.data) == 4 + named
    assert sum(len(trace.x) for trace in drawn.data[3:]) == len(info.points)
    assert drawn == estimates_figure(info, lambda msg: msg.id)


def test_a_device_without_published_times_shows_the_runtime_on_others():
    assert estimates_info("intel_n100", "ncnn").device == ""


def test_nothing_to_compare_with_is_said():
    with pytest.raises(ExportError, match="estimates_none"):
        estimates_info("stm32h747", "openvino")
