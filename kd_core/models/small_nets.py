"""Networks that no library brings: a narrow ResNet and a CNN of microcontroller size."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from kd_core.models.spec import MODELS, BuildRequest, ModelSpec
from kd_core.registry import Param


class NarrowResNet(nn.Module):
    """ResNet of basic blocks with any width; 64 channels and 2 blocks a stage are ResNet-18.

    Module names are those of torchvision's ResNet.

    Args:
        request: Channels, outputs and how many halvings to leave out.
        width: Channels of the first stage, w; the stages have w, 2w, 4w and 8w.
        blocks: Basic blocks in each of the four stages.
    """

    def __init__(self, request: BuildRequest, width: int, blocks: int) -> None:
        super().__init__()
        fine = request.skip == 2
        kernel, stride = (3, 1) if fine else (7, 2)
        self.conv1 = nn.Conv2d(
            request.channels, width, kernel, stride=stride, padding=kernel // 2, bias=False
        )
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.Identity() if request.skip else nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(width, width, 1, blocks)
        self.layer2 = _stage(width, 2 * width, 2, blocks)
        self.layer3 = _stage(2 * width, 4 * width, 2, blocks)
        self.layer4 = _stage(4 * width, 8 * width, 2, blocks)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(request.dropout or 0.0)
        self.fc = nn.Linear(8 * width, request.n_outputs)
        _initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, C, S, S)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))  # (N, w, S/2^(2-skip), …)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (N, 8w, S/2^(5-skip), …)
        x = self.avgpool(x).flatten(1)  # (N, 8w)
        logits: Tensor = self.fc(self.dropout(x))  # (N, K)
        return logits


def _stage(inputs: int, outputs: int, stride: int, blocks: int) -> nn.Sequential:
    shortcut = None
    if stride != 1 or inputs != outputs:
        conv = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
        shortcut = nn.Sequential(conv, nn.BatchNorm2d(outputs))
    first = BasicBlock(inputs, outputs, stride, shortcut)
    return nn.Sequential(first, *(BasicBlock(outputs, outputs) for _ in range(blocks - 1)))


class TinyCNN(nn.Module):
    """A stem and ``depth`` stages; each stage halves the side and doubles the channels.

    A stage is a block with stride 2 and a block with stride 1. A ``separable`` block is a 3 × 3
    convolution of each channel followed by a 1 × 1 convolution (Howard et al. 2017), at about an
    eighth of the cost of a ``plain`` 3 × 3 convolution.

    Args:
        request: Channels, outputs and whether the stem keeps full resolution.
        width: Channels after the stem.
        depth: Number of stages.
        block: ``separable`` or ``plain``.
    """

    def __init__(self, request: BuildRequest, width: int, depth: int, block: str) -> None:
        super().__init__()
        make = _separable if block == "separable" else _conv
        self.stem = _conv(request.channels, width, 1 if request.skip else 2)
        self.stages = nn.Sequential()
        for _ in range(depth):
            outputs = 2 * width
            self.stages.append(nn.Sequential(make(width, outputs, 2), make(outputs, outputs, 1)))
            width = outputs
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(request.dropout or 0.0)
        self.head = nn.Linear(width, request.n_outputs)
        _initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, C, S, S)."""
        x = self.stages(self.stem(images))  # (N, w · 2^depth, …)
        x = self.pool(x).flatten(1)  # (N, w · 2^depth)
        logits: Tensor = self.head(self.dropout(x))  # (N, K)
        return logits


def _conv(inputs: int, outputs: int, stride: int, groups: int = 1, kernel: int = 3) -> nn.Module:
    conv = nn.Conv2d(
        inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False
    )
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _separable(inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.Sequential(
        _conv(inputs, inputs, stride, groups=inputs), _conv(inputs, outputs, 1, kernel=1)
    )


def _initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


MODELS.add(
    "resnet_narrow",
    ModelSpec(
        build=lambda request: NarrowResNet(request, **request.params),
        family="resnet",
        roles=("teacher", "student"),
        first="conv1",
        head=("fc",),
        layers=("layer1", "layer2", "layer3", "layer4"),
        params=(
            Param("width", "int", 40, low=8, high=128, step=8),
            Param("blocks", "int", 2, low=1, high=4),
        ),
        source="He et al. 2016",
    ),
)
MODELS.add(
    "tiny_cnn",
    ModelSpec(
        build=lambda request: TinyCNN(request, **request.params),
        family="tiny",
        roles=("student",),
        first="stem.0",
        head=("head",),
        params=(
            Param("width", "int", 16, low=4, high=64, step=4),
            Param("depth", "int", 3, low=1, high=5),
            Param("block", "choice", "separable", choices=("separable", "plain")),
        ),
        source="Howard et al. 2017",
    ),
)
