import io
import warnings

import pytest
import torch

from kd_core.latency.evidence_nets import build, build_real, shape_of
from kd_core.latency.evidence_trace import trace
from kd_core.latency.work import work_of

GOLDEN_MACS = {
    "resnet18@224": 1.814e9,
    "resnet50@224": 4.089e9,
    "mobilenet_v2@224": 0.301e9,
    "densenet121@224": 2.834e9,
    "proxylessnas@224": 0.320e9,
    "mobilenet_v1_1.0@224": 0.569e9,
    "googlenet_bvlc@224": 1.583e9,
    "resnet8_cifar@32": 12.5e6,
}


@pytest.mark.parametrize("network", GOLDEN_MACS)
def test_multiplications_are_the_published_ones(network):
    work = trace(build(network), shape_of(network))
    assert work.macs == pytest.approx(GOLDEN_MACS[network], rel=0.005)


@pytest.mark.parametrize("network", ["resnet8_cifar@32", "mobilenet_v3_small@64"])
def test_a_traced_network_and_its_file_have_the_same_operators(network):
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        images = (torch.zeros(shape_of(network)),)
        torch.onnx.export(build_real(network), images, stream, dynamo=False, opset_version=18)
    file, traced = work_of(stream.getvalue()), trace(build(network), shape_of(network))
    assert [op.kind for op in file.ops] == [op.kind for op in traced.ops]
    assert [op.macs for op in file.ops] == [op.macs for op in traced.ops]
