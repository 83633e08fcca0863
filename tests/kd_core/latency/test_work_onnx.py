from kd_core.latency.work import work_of
from tests.kd_core.latency.helpers_onnx import network, quantised


def test_int8_is_recognised_and_its_nodes_are_folded(tmp_path):
    model = network()
    floats, ints = work_of(model), work_of(quantised(model, tmp_path))
    assert (floats.precision, ints.precision) == ("fp32", "int8")
    assert ints.macs == floats.macs
    assert ints.n_ops <= floats.n_ops + 1  # the conversion of the input
    assert ints.weights_bytes < floats.weights_bytes
    assert all(op.int8 for op in ints.ops if op.kind in ("depthwise", "conv1x1"))
