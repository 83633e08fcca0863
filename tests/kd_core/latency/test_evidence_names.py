import pytest

from kd_core.latency.evidence_names import family_of, network_of, precision_of, runtime_of


@pytest.mark.parametrize(
    ("published", "ours"),
    [
        ("PyTorch 2.4.0 dynamo", "torch_compile"),
        ("PyTorch 2.4.0", "pytorch"),
        ("TensorRT (torch2trt)", "tensorrt"),
        ("AI Hub qnn_dlc", "qnn"),
        ("MLPerf Tiny v1.1 STMicroelectronics", "stm32cube_ai"),
        ("MLPerf Tiny v1.1 bosch", ""),
    ],
)
def test_runtimes(published, ours):
    assert runtime_of(published) == ours


def test_precisions_that_are_not_stated_are_none():
    assert precision_of("fp16/fp32 (ncnn default)") == "ncnn_default"
    assert precision_of("see repo scripts") == ""


@pytest.mark.parametrize(
    ("published", "source", "ours"),
    [
        ("resnet50", "github:Tencent/ncnn", "resnet50_stride_first"),
        ("resnet50", "github:NVIDIA-AI-IOT/torch2trt", "resnet50"),
        ("googlenet", "github:quic/ai-hub-models", "googlenet"),
        ("googlenet", "github:Tencent/ncnn", "googlenet_bvlc"),
        ("MobileNet v2 0.35 ImageNet", "github:STMicroelectronics/stm32ai", "mobilenet_v2_0.35"),
        ("timm/vit_base_patch16_224", "github:timm", ""),
    ],
)
def test_networks(published, source, ours):
    assert network_of(published, source) == ours


def test_relatives_share_a_family():
    assert family_of("resnext50_32x4d@224") == family_of("timm:resnetv2_50@299") == "resnet"
    assert family_of("mobilenet_v2_0.35@128") != family_of("mobilenet_v1_0.25@96")
