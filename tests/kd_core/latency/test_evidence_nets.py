import pytest

from kd_core.latency.evidence_nets import build, shape_of


def test_shapes_are_written_short():
    assert shape_of("resnet18@224") == (1, 3, 224, 224)
    assert shape_of("mobilenet_v1_0.25@96x96x1", batch=2) == (2, 1, 96, 96)


def test_what_nobody_described_is_no_network():
    with pytest.raises(KeyError):
        build("no_such_network@224")
    assert next(build("mobilenet_v1_0.25@96").parameters()).is_meta
