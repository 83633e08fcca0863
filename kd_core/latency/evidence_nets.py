"""The networks of the published tables, rebuilt.

From torchvision and timm where the definition is the same, described here where it is in neither or
differs. A network is ``name@shape``: ``resnet18@224``, ``mobilenet_v1_0.25@96x96x1``,
``timm:regnetz_b16@224``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from kd_core.latency.evidence_detectors import MobileNetSsd, YoloV4Tiny

BRANCHED = ("timm:mobileone", "timm:fastvit")
"""Trained with branches that are merged before they are deployed."""
SUFFIX = re.compile(r"^(?P<name>.+?)@(?P<shape>[\dx]+)$")


def shape_of(network: str, batch: int = 1) -> tuple[int, ...]:
    """Shape of one call.

    >>> shape_of("resnet18@224"), shape_of("dscnn@49x10x1"), shape_of("autoencoder@640x0")
    ((1, 3, 224, 224), (1, 1, 49, 10), (1, 640))
    """
    match = SUFFIX.match(network)
    if match is None:
        raise ValueError(network)
    numbers = [int(part) for part in match["shape"].split("x")]
    if len(numbers) == 2 and numbers[1] == 0:
        return (batch, numbers[0])
    height, width, channels = [*(numbers * 2)[:2], 3] if len(numbers) < 3 else numbers
    return (batch, channels, height, width)


def build(network: str) -> nn.Module:
    """The network, on meta tensors without weights where its definition allows that.

    Raises:
        KeyError: Nobody described it.
    """
    try:
        with torch.device("meta"):
            return _build(network)
    except NotImplementedError:  # it looks at values while it is built
        return _build(network)


def build_real(network: str) -> nn.Module:
    """The network with random weights, to be exported and timed."""
    return _build(network).eval()


def _build(network: str) -> nn.Module:
    name = network.partition("@")[0]
    channels = shape_of(network)[1]
    if name.startswith("timm:"):
        import timm
        from timm.utils.model import reparameterize_model

        made: nn.Module = timm.create_model(name.removeprefix("timm:"))
        return reparameterize_model(made) if name.startswith(BRANCHED) else made
    described, _, amount = name.rpartition("_")
    if name in OWN:
        return OWN[name](channels)
    if described in SCALED:
        return SCALED[described](float(amount), channels)
    import torchvision.models as zoo

    places: tuple[Any, ...] = (zoo, zoo.segmentation)
    for place in places:
        if hasattr(place, name):
            more: dict[str, Any] = {"weights_backbone": None} if place is zoo.segmentation else {}
            more |= {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
            more |= {"aux_logits": False} if name in ("googlenet", "inception_v3") else {}
            built: nn.Module = getattr(place, name)(weights=None, **more)
            return built
    raise KeyError(name)


def _conv(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1, act: bool = True
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([nn.ReLU()] if act else []))


def mobilenet_v1(alpha: float, channels: int, classes: int = 1000) -> nn.Module:
    """MobileNetV1 of a width (Howard et al. 2017)."""
    plan = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5)
    width = max(8, int(32 * alpha))
    layers: list[nn.Module] = [_conv(channels, width, 3, 2)]
    for outputs, stride in (*plan, (1024, 2), (1024, 1)):
        wide = max(8, int(outputs * alpha))
        layers += [_conv(width, width, 3, stride, width), _conv(width, wide, 1)]
        width = wide
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))
    return nn.Sequential(*layers, *head)


class Sum(nn.Module):
    """A block with a way around it."""

    def __init__(self, block: nn.Module, around: nn.Module | None = None) -> None:
        super().__init__()
        self.block, self.around = block, around or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """ReLU of both ways together."""
        return torch.relu(self.block(x) + self.around(x))


def resnet_cifar(blocks: int) -> Callable[[int], nn.Module]:
    """The ResNet of CIFAR with 6·blocks + 2 layers (He et al. 2016), as in MLPerf Tiny."""

    def make(channels: int) -> nn.Module:
        layers: list[nn.Module] = [_conv(channels, 16)]
        width = 16
        for wide in (16, 32, 64):
            for place in range(blocks):
                stride = 2 if wide > width and not place else 1
                around = _conv(width, wide, 1, stride, act=False) if stride > 1 else None
                body = nn.Sequential(_conv(width, wide, 3, stride), _conv(wide, wide, act=False))
                layers.append(Sum(body, around))
                width = wide
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))

    return make


def dscnn(channels: int) -> nn.Module:
    """The keyword spotter of MLPerf Tiny (Zhang et al. 2017)."""
    first = nn.Conv2d(channels, 64, (10, 4), (2, 2), (5, 1))
    layers: list[nn.Module] = [first, nn.BatchNorm2d(64), nn.ReLU()]
    for _ in range(4):
        layers += [_conv(64, 64, 3, 1, 64), _conv(64, 64, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 12))


def autoencoder(channels: int) -> nn.Module:
    """The anomaly detector of MLPerf Tiny: only matrices."""
    widths = (640, *[128] * 4, 8, *[128] * 4, 640)
    pairs = itertools.pairwise(widths)
    return nn.Sequential(*(nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in pairs))


def alexnet_caffe(channels: int) -> nn.Module:
    """AlexNet with its two groups (Krizhevsky et al. 2012), as Caffe and ncnn have it."""
    pool = nn.MaxPool2d(3, 2)
    return nn.Sequential(
        nn.Conv2d(channels, 96, 11, 4),
        nn.ReLU(),
        nn.LocalResponseNorm(5),
        pool,
        nn.Conv2d(96, 256, 5, padding=2, groups=2),
        nn.ReLU(),
        nn.LocalResponseNorm(5),
        pool,
        nn.Conv2d(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1, groups=2),
        nn.ReLU(),
        pool,
        nn.Flatten(),
        nn.Linear(9216, 4096),
        nn.ReLU(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Linear(4096, 1000),
    )


def mobilenet_v2(width: float, channels: int) -> nn.Module:
    """Torchvision's MobileNetV2 of a width."""
    from torchvision.models import mobilenet_v2 as make

    network: nn.Module = make(weights=None, width_mult=width)
    return network


def googlenet_bvlc(channels: int) -> nn.Module:
    """GoogLeNet with its 5 × 5 convolutions (Szegedy et al. 2015); torchvision's has 3 × 3."""
    from torchvision.models import googlenet

    network: nn.Module = googlenet(weights=None, init_weights=False, aux_logits=False)
    for name, module in network.named_modules():
        if name.endswith("branch3.1.conv"):
            module.kernel_size, module.padding = (5, 5), (2, 2)  # type: ignore[assignment]
            shape = (module.out_channels, module.in_channels, 5, 5)
            module.weight = nn.Parameter(torch.empty(shape))  # type: ignore[arg-type]
    return network


def stride_first(name: str) -> Callable[[int], nn.Module]:
    """A ResNet whose blocks stride in their first 1 × 1 convolution, as the paper's and Keras'."""

    def make(channels: int) -> nn.Module:
        import torchvision.models as zoo

        network: nn.Module = getattr(zoo, name)(weights=None)
        for module in network.modules():
            if isinstance(module, zoo.resnet.Bottleneck):
                module.conv1.stride, module.conv2.stride = module.conv2.stride, (1, 1)
        return network

    return make


class ShuffleUnit(nn.Module):
    """A unit of ShuffleNet with three groups (Zhang et al. 2018)."""

    def __init__(self, inputs: int, outputs: int, stride: int, groups: int) -> None:
        super().__init__()
        own = outputs - inputs if stride == 2 else outputs
        middle = outputs // 4
        self.stride = stride
        self.first = _conv(inputs, middle, 1, groups=groups)
        self.middle = _conv(middle, middle, 3, stride, middle, act=False)
        self.last = _conv(middle, own, 1, groups=3, act=False)

    def forward(self, x: Tensor) -> Tensor:
        """Shuffle the channels between the convolutions."""
        y = self.first(x)
        n, c, h, w = y.shape
        y = y.view(n, 3, c // 3, h, w).transpose(1, 2).contiguous().view(n, c, h, w)
        y = self.last(self.middle(y))
        if self.stride == 2:
            around = nn.functional.avg_pool2d(x, 3, 2, 1)
            return torch.relu(torch.cat([around, y], 1))
        return torch.relu(x + y)


def shufflenet(channels: int) -> nn.Module:
    """ShuffleNet ×1 with three groups."""
    layers: list[nn.Module] = [_conv(channels, 24, 3, 2), nn.MaxPool2d(3, 2, 1)]
    width = 24
    for wide, units in ((240, 4), (480, 8), (960, 4)):
        for place in range(units):
            groups = 1 if width == 24 else 3
            layers.append(ShuffleUnit(width, wide, 1 if place else 2, groups))
            width = wide
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(960, 1000))


PROXYLESS = (
    (32, ((5, 3, 2), (3, 3, 1))),
    (40, ((7, 3, 2), (3, 3, 1), (5, 3, 1), (5, 3, 1))),
    (80, ((7, 6, 2), (5, 3, 1), (5, 3, 1), (5, 3, 1))),
    (96, ((5, 6, 1), (5, 3, 1), (5, 3, 1), (5, 3, 1))),
    (192, ((7, 6, 2), (7, 6, 1), (7, 3, 1), (7, 3, 1))),
    (320, ((7, 6, 1),)),
)
"""Channels, and kernel, expansion and stride of each block of ProxylessNAS-Mobile."""


class Plus(Sum):
    """A block with a way around it and no ReLU behind."""

    def forward(self, x: Tensor) -> Tensor:
        """Both ways together."""
        return self.block(x) + x


def proxylessnas(channels: int) -> nn.Module:
    """ProxylessNAS for phones (Cai et al. 2019)."""
    layers: list[nn.Module] = [_conv(channels, 32, 3, 2), _conv(32, 32, 3, 1, 32)]
    layers.append(_conv(32, 16, 1, act=False))
    width = 16
    for wide, blocks in PROXYLESS:
        for kernel, expansion, stride in blocks:
            inner = width * expansion
            parts = (_conv(width, inner, 1), _conv(inner, inner, kernel, stride, inner))
            block = nn.Sequential(*parts, _conv(inner, wide, 1, act=False))
            layers.append(Plus(block) if stride == 1 and width == wide else block)
            width = wide
    head = (_conv(320, 1280, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000))
    return nn.Sequential(*layers, *head)


OWN: dict[str, Callable[[int], nn.Module]] = {
    "alexnet_caffe": alexnet_caffe,
    "autoencoder": autoencoder,
    "dscnn": dscnn,
    "googlenet_bvlc": googlenet_bvlc,
    "mobilenet_ssd": MobileNetSsd,
    "proxylessnas": proxylessnas,
    "resnet8_cifar": resnet_cifar(1),
    "resnet32_cifar": resnet_cifar(5),
    "resnet50_stride_first": stride_first("resnet50"),
    "resnet101_stride_first": stride_first("resnet101"),
    "resnet152_stride_first": stride_first("resnet152"),
    "shufflenet": shufflenet,
    "yolov4_tiny": YoloV4Tiny,
}
SCALED: dict[str, Callable[[float, int], nn.Module]] = {
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v2": mobilenet_v2,
}
