"""What published tables call things, and what they are called here."""

from __future__ import annotations

import re

from kd_core.latency.lists import PRECISIONS, RUNTIMES

RUNTIME_NAMES: tuple[tuple[str, str], ...] = (
    (r"ncnn$|Ultralytics NCNN", "ncnn"),
    (r"PyTorch .* dynamo", "torch_compile"),
    (r"(Ultralytics )?(PyTorch|TorchScript)|baseline of the Arm card", "pytorch"),
    (r"AI Hub qnn_dlc", "qnn"),
    (r"AI Hub tflite", "tflite"),
    (r"AI Hub onnx", "onnxruntime"),
    (r"OpenCV DNN", "opencv"),
    (r"Tengine", "tengine"),
    (r"Paddle-Lite", "paddle_lite"),
    (r"MNN|Ultralytics MNN", "mnn"),
    (r"TNN", "tnn"),
    (r"ExecuTorch Core ML|Core ML|TFLite Core ML", "coreml"),
    (r"ExecuTorch XNNPACK", "executorch"),
    (r"XNNPACK", "xnnpack"),
    (r"TFLite Micro", "tflite_micro"),
    (r"TFLite NNAPI", "nnapi"),
    (r"Edge TPU", "coral_edgetpu"),
    (r"(Ultralytics |Roboflow inference )?TensorRT|MNN/TensorRT", "tensorrt"),
    (r"TFLite|LiteRT|TensorFlow Lite|Ultralytics TFLite", "tflite"),
    (r"STM32Cube\.AI|STEdgeAI|NPU/GPU OpenVX", "stm32cube_ai"),
    (r"MLPerf Tiny .* STMicroelectronics", "stm32cube_ai"),
    (r"MLPerf Tiny .* (Krai|OctoML|cTuning)", "cmsis_nn"),
    (r"(Ultralytics )?OpenVINO", "openvino"),
    (r"ONNX Runtime|(Ultralytics|Roboflow inference) ONNX", "onnxruntime"),
)
"""Beginning of a published name, and the runtime it is; the first that fits counts."""
PRECISION_NAMES = {
    "fp32": "fp32",
    "fp16": "fp16",
    "fp16 (amp)": "fp16",
    "fp16 (float)": "fp16",
    "fp16 (gpu)": "fp16",
    "fp16 (Core ML default)": "fp16",
    "fp16/fp32 (ncnn default)": "ncnn_default",
    "int8": "int8",
    "int8/as submitted": "int8",
    "int8 (as submitted)": "int8",
    "int8 (quant tflite)": "int8",
    "w8a8": "int8",
    "w8a16": "w8a16",
}
"""Published precisions; the others are unstated or mixed, and their rows are left out."""
DEVICE_NAMES = {
    "rpi_zero2w": "raspberry_pi_zero_2w",
    "rpi3bplus": "raspberry_pi_3b_plus",
    "rpi4": "raspberry_pi_4",
    "rpi5": "raspberry_pi_5",
    "jetson_tx2": "jetson_tx2",
    "coral_devboard": "coral_dev_board",
    "amd_5950x": "amd_ryzen_9_5950x",
    "xeon_8573c": "intel_xeon_8573c",
    "iphone12pro": "iphone_12_pro",
    "sd835": "snapdragon_835",
    "sd855": "snapdragon_855",
    "sd865": "snapdragon_865",
    "sd888": "snapdragon_888",
    "sd8gen2": "snapdragon_8_gen2",
    "sd8gen3": "snapdragon_8_gen3",
    "sd8elite": "snapdragon_8_elite",
    "dimensity9300": "dimensity_9300",
    "esp32-s3": "esp32_s3",
    "nvidia_rtx3090": "nvidia_rtx_3090",
    "nvidia_rtx4090": "nvidia_rtx_4090",
    "nvidia_rtx5090": "nvidia_rtx_5090",
    "nvidia_pro6000maxq": "nvidia_rtx_pro_6000",
    "stm32h7": "stm32h747",
}
UNITS = {
    "cpu": "cpu",
    "nnapi": "npu",
    "vulkan-gpu": "gpu",
    "cuda-gpu": "gpu",
    "gpu": "gpu",
    "npu": "npu",
    "edgetpu": "npu",
    "ane": "npu",
    "mcu": "mcu",
}
NETWORK_NAMES = {
    "squeezenet": "squeezenet1_1",
    "squeezenet_v1.1": "squeezenet1_1",
    "squeezenet 1.1": "squeezenet1_1",
    "squeezenet 1.0": "squeezenet1_0",
    "squeezenetv1.0": "squeezenet1_0",
    "squeezenet_v1.0": "squeezenet1_0",
    "mobilenet": "mobilenet_v1_1.0",
    "mobilenetv1": "mobilenet_v1_1.0",
    "mobilenet v1": "mobilenet_v1_1.0",
    "mobilenet_v1": "mobilenet_v1_1.0",
    "mobilenet-v1-1.0": "mobilenet_v1_1.0",
    "mobilenet_1.0_224": "mobilenet_v1_1.0",
    "mobilenet v1 1.0x": "mobilenet_v1_1.0",
    "mobilenet v1 1.0 224": "mobilenet_v1_1.0",
    "mobile_v1 lite": "mobilenet_v1_1.0",
    "mobilenetv1_2022apr": "mobilenet_v1_1.0",
    "mobilenet_v1_1p0_224": "mobilenet_v1_1.0",
    "mobilenet_v1_0p5_160": "mobilenet_v1_0.5",
    "mobilenet_v1_0p25_128": "mobilenet_v1_0.25",
    "mobilenetv1-0.25 (vww)": "mobilenet_v1_0.25",
    "person_detection (mobilenetv1-0.25 vww)": "mobilenet_v1_0.25",
    "mobilenet_v2": "mobilenet_v2",
    "mobilenetv2": "mobilenet_v2",
    "mobilenet v2": "mobilenet_v2",
    "mobilenetv2_224": "mobilenet_v2",
    "mobilenet v2 1.0x": "mobilenet_v2",
    "mobile_v2 lite": "mobilenet_v2",
    "mobilenetv2_2022apr": "mobilenet_v2",
    "mobilenet_v3": "mobilenet_v3_large",
    "mobilenetv3": "mobilenet_v3_large",
    "mobilenet v3 large": "mobilenet_v3_large",
    "mobilenet v3 small": "mobilenet_v3_small",
    "mobilenetv3_large_x1_0": "mobilenet_v3_large",
    "mobilenetv3_small_x1_0": "mobilenet_v3_small",
    "shufflenet": "shufflenet",
    "shufflenet_v2": "shufflenet_v2_x1_0",
    "shufflenetv2": "shufflenet_v2_x1_0",
    "shufflenet v2": "shufflenet_v2_x1_0",
    "proxylessnasnet": "proxylessnas",
    "efficientnetv2_b0": "timm:tf_efficientnetv2_b0",
    "alexnet": "alexnet_caffe",
    "mobilenet_ssd": "mobilenet_ssd",
    "mssd": "mobilenet_ssd",
    "yolov4-tiny": "yolov4_tiny",
    "googlenet": "googlenet_bvlc",
    "resnet50 v1": "resnet50_stride_first",
    "resnet50-v1": "resnet50_stride_first",
    "resnet101-v1": "resnet101_stride_first",
    "resnet_v1_50": "resnet50_stride_first",
    "resnet_v1_101": "resnet101_stride_first",
    "resnet_v1_152": "resnet152_stride_first",
    "resnet-50 v1": "resnet50_stride_first",
    "resnet-50 v2": "timm:resnetv2_50",
    "resnet50 v2": "timm:resnetv2_50",
    "resnet-v2-50": "timm:resnetv2_50",
    "resnet_v2_50": "timm:resnetv2_50",
    "resnet_v2_101": "timm:resnetv2_101",
    "resnet_v2_152": "timm:resnetv2_152",
    "resnet-152 v2": "timm:resnetv2_152",
    "resnet50 v2 imagenet": "timm:resnetv2_50",
    "densenet": "densenet121",
    "densenet 121": "densenet121",
    "vgg_16": "vgg16",
    "inception_v1": "googlenet",
    "inception v1": "googlenet",
    "inceptionv3": "inception_v3",
    "inception v3": "inception_v3",
    "inception-v3": "inception_v3",
    "inception_v3": "inception_v3",
    "inception v4": "timm:inception_v4",
    "inception_v4": "timm:inception_v4",
    "inception_v4 lite": "timm:inception_v4",
    "inception-resnet v2": "timm:inception_resnet_v2",
    "inception_resnet_v2": "timm:inception_resnet_v2",
    "resnet-8 (cifar-10)": "resnet8_cifar",
    "resnet v1 8 (cifar10)": "resnet8_cifar",
    "resnet v1 32 (cifar100)": "resnet32_cifar",
    "ds-cnn (speech commands)": "dscnn",
    "fc-autoencoder (toyadmos)": "autoencoder",
    "resnet-50": "resnet50",
    "resnet-18": "resnet18",
    "regnet": "regnet_x_3_2gf",
    "resnext50": "resnext50_32x4d",
    "resnext101": "resnext101_32x8d",
    "wideresnet50": "wide_resnet50_2",
    "vit": "vit_b_16",
}
"""Networks whose published name is not torchvision's."""
AI_HUB = {"shufflenet_v2": "shufflenet_v2_x0_5", "googlenet": "googlenet"}
TORCHVISION_SOURCES = ("ai-hub", "torch2trt", "pytorch/tutorials", "huggingface.co/Arm")
ST_NETWORK = re.compile(r"mobilenet ?v(?P<version>[12])(?:b)?[ _][aw]?(?P<width>[\d.]+)\b", re.I)
TIMM = re.compile(
    r"^(resnet(10t|18|18d|26|34|50|50d|101)$|resnext50_32x4d$|resnetv2_50$|regnetx_0(02|08|16|32)$|"
    r"regnety_0(02|08|16|32)$|regnetz_b16$|mobilenetv1_100$|mobilenetv2_(035|050|100|140|120d)|"
    r"mobilenetv3_|mobilenetv4_conv_(small|medium)$|efficientnet_(b[0-2]|lite[0-2]|es)$|"
    r"tf_efficientnetv2_b[0-2]|efficientnetv2_rw_t|densenet(121|169)$|vgg(11|16|16_bn)$|"
    r"dla(34|46_c|60|60x)$|darknet53|cspresnet50|cspdarknet|repvgg_(a[0-2]|b0)$|ghostnet_\d|"
    r"hardcorenas_[af]|fbnetc|lcnet|spnasnet|semnasnet_1|tinynet|mixnet_[sm]$|"
    r"res2net50_14w|rexnet_1[03]|dpn68$|ese_vovnet19b_dw$|selecsls42b|gernet_[sm]|"
    r"inception_v3|xception41$|convnext_(atto|femto|nano|tiny)$|wide_resnet50|seresnet50$|"
    r"seresnet18|ecaresnet50t$|skresnet18$|hgnetv2_b[0-2])"
)
"""Convolutional networks of timm that are rebuilt: those of a size that a study may use, of as
many families as there are."""


def runtime_of(published: str) -> str:
    """The runtime, or empty."""
    for pattern, name in RUNTIME_NAMES:
        if re.match(pattern, published):
            assert name in RUNTIMES, name
            return name
    return ""


def precision_of(published: str) -> str:
    """The precision, or empty where it is not stated."""
    name = PRECISION_NAMES.get(published, "")
    assert not name or name in PRECISIONS, name
    return name


def network_of(published: str, source: str) -> str:
    """The network's name here without its size, or empty."""
    if published.startswith(("mobileone_", "fastvit_")):
        return f"timm:{published}"
    if published.startswith("timm/"):
        name = published.removeprefix("timm/")
        return f"timm:{name}" if TIMM.match(name) else ""
    found = ST_NETWORK.match(published) if "stm32ai" in source else None
    if found and not published.startswith("mobilenetv2b"):
        width = found["width"]
        number = float(width) if "." in width else int(width) / 100
        return f"mobilenet_v{found['version']}_{number:g}" + (".0" if number == 1 else "")
    if "ncnn" in source and published == "resnet50":  # Caffe's strides
        return "resnet50_stride_first"
    name = published.lower()
    if any(part in source for part in TORCHVISION_SOURCES):
        name = AI_HUB.get(name, "" if name in NETWORK_NAMES and name == "alexnet" else name)
        return name if name in AI_HUB.values() else _plain(name or published.lower())
    return NETWORK_NAMES.get(name, _known(name))


def _plain(name: str) -> str:
    renamed = {"googlenet": "googlenet", "alexnet": "alexnet", "shufflenet": ""}
    return renamed.get(name, NETWORK_NAMES.get(name, _known(name)))


def _known(name: str) -> str:
    """A name of torchvision's that needs no change."""
    families = (
        r"(resnet|vgg|densenet|mobilenet_v|shufflenet_v2_x|squeezenet1_|googlenet|inception_v3"
    )
    families += r"|efficientnet_|convnext_|resnext|wide_resnet|fcn_resnet50|mnasnet|alexnet)"
    return name if re.match(families + r"[\w.]*$", name) and "wd4" not in name else ""


def family_of(network: str) -> str:
    """The family that is held out together.

    >>> family_of("resnet50_stride_first@224"), family_of("timm:resnetv2_50@299")
    ('resnet', 'resnet')
    """
    name = network.partition("@")[0].removeprefix("timm:").removeprefix("tf_")
    for start, family in FAMILIES:
        if name.startswith(start):
            return family
    return re.split(r"[_\d]", name)[0]


FAMILIES: tuple[tuple[str, str], ...] = (
    ("resnext", "resnet"),
    ("wide_resnet", "resnet"),
    ("seresnet", "resnet"),
    ("ecaresnet", "resnet"),
    ("skresnet", "resnet"),
    ("fcn_resnet", "resnet"),
    ("resnet", "resnet"),
    ("mobilenet_v1", "mobilenet_v1"),
    ("mobilenetv1", "mobilenet_v1"),
    ("mobilenet_v2", "mobilenet_v2"),
    ("mobilenetv2", "mobilenet_v2"),
    ("mobilenet_v3", "mobilenet_v3"),
    ("mobilenetv3", "mobilenet_v3"),
    ("mobilenetv4", "mobilenet_v4"),
    ("efficientnet_v2", "efficientnetv2"),
    ("alexnet", "vgg"),
    ("inception", "inception"),
    ("googlenet", "inception"),
    ("yolo", "yolo"),
    ("mobilenet_ssd", "mobilenet_v1"),
)
