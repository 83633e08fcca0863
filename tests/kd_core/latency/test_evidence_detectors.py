import pytest

from kd_core.latency.evidence_nets import build, shape_of
from kd_core.latency.evidence_trace import trace


@pytest.mark.parametrize(
    ("network", "giga_macs"), [("mobilenet_ssd@300", 1.15), ("yolov4_tiny@416", 3.45)]
)
def test_detectors_have_the_published_multiplications(network, giga_macs):
    work = trace(build(network), shape_of(network))
    assert work.macs / 1e9 == pytest.approx(giga_macs, rel=0.01)
