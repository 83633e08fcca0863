"""The architectures that torchvision brings, each with its places for stem, head and features."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torchvision
from torch import nn

from kd_core.models.spec import MODELS, BuildRequest, ModelSpec
from kd_core.models.stems import leave_out, set_channels


@dataclass(frozen=True)
class Layout:
    """Where things are in the networks of one of torchvision's families.

    Attributes:
        family: Name of the family.
        first: Path of the convolution that sees the image.
        head: Path of the layer that makes the outputs.
        halvings: The first halvings of the resolution, in the order in which they are left out.
        own_dropout: Whether the constructor takes the dropout rate before the head.
    """

    family: str
    first: str
    head: str
    halvings: Sequence[tuple[str, ...]]
    own_dropout: bool = False


def build(name: str, layout: Layout, request: BuildRequest) -> nn.Module:
    """One of torchvision's networks, fitted to channels, outputs, size and dropout."""
    options = {"num_classes": request.n_outputs}
    if layout.own_dropout and request.dropout is not None:
        options["dropout"] = request.dropout  # type: ignore[assignment]
    network: nn.Module = torchvision.models.get_model(name, weights=None, **options)
    leave_out(network, layout.halvings[: request.skip])
    set_channels(network, layout.first, request.channels)
    if request.dropout and not layout.own_dropout:
        head = network.get_submodule(layout.head)
        network.set_submodule(layout.head, nn.Sequential(nn.Dropout(request.dropout), head))
    return network


def build_vgg(name: str, layout: Layout, request: BuildRequest) -> nn.Module:
    """VGG; with a small stem the 124 M weights between features and head give way to an average.

    Its first stage works at full resolution anyway, so it is the last poolings that are left out.
    """
    if request.skip == 0:
        return build(name, layout, request)
    config = torchvision.models.vgg.cfgs["D"]
    network = nn.Sequential()
    network.add_module("features", torchvision.models.vgg.make_layers(config, batch_norm=True))
    network.add_module("avgpool", nn.AdaptiveAvgPool2d(1))  # (N, 512, 1, 1)
    network.add_module("flatten", nn.Flatten())
    rate = 0.5 if request.dropout is None else request.dropout  # 0.5 is VGG's own
    head = nn.Sequential(nn.Dropout(rate), nn.Linear(512, request.n_outputs))
    network.add_module("classifier", head)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    leave_out(network, layout.halvings[: request.skip])
    set_channels(network, layout.first, request.channels)
    return network


def build_vit(request: BuildRequest, patch: int = 16) -> nn.Module:
    """Vision transformer; leaving out a halving halves the side of its patches."""
    network = torchvision.models.VisionTransformer(
        image_size=request.size,
        patch_size=patch // 2**request.skip,
        num_layers=12,
        num_heads=12,
        hidden_dim=768,
        mlp_dim=3072,
        num_classes=request.n_outputs,
    )
    set_channels(network, "conv_proj", request.channels)
    if request.dropout:
        network.heads = nn.Sequential(nn.Dropout(request.dropout), network.heads)
    return network


RESNET = Layout("resnet", "conv1", "fc", (("maxpool",), ("conv1",)))
DENSENET = Layout(
    "densenet", "features.conv0", "classifier", (("features.pool0",), ("features.conv0",))
)
EFFICIENTNET = Layout(
    "efficientnet",
    "features.0.0",
    "classifier.1",
    (("features.0.0",), ("features.2.0.block.1.0",)),
    own_dropout=True,
)
CONVNEXT = Layout(
    "convnext", "features.0.0", "classifier.2", (("features.0.0",), ("features.0.0",))
)
VGG = Layout(
    "vgg",
    "features.0",
    "classifier.6",
    (("features.43",), ("features.33",)),
    own_dropout=True,
)
VIT = Layout("vit", "conv_proj", "heads.head", ())
MOBILENET_V2 = Layout(
    "mobilenet",
    "features.0.0",
    "classifier.1",
    (("features.0.0",), ("features.2.conv.1.0",)),
    own_dropout=True,
)
MOBILENET_V3_SMALL = Layout(
    "mobilenet",
    "features.0.0",
    "classifier.3",
    (("features.0.0",), ("features.1.block.0.0",)),
    own_dropout=True,
)
MOBILENET_V3_LARGE = Layout(
    "mobilenet",
    "features.0.0",
    "classifier.3",
    (("features.0.0",), ("features.2.block.1.0",)),
    own_dropout=True,
)
SHUFFLENET = Layout("shufflenet", "conv1.0", "fc", (("maxpool",), ("conv1.0",)))
SQUEEZENET = Layout(
    "squeezenet",
    "features.0",
    "classifier.1",
    (("features.0",), ("features.2",)),
    own_dropout=True,
)
MNASNET = Layout(
    "mnasnet",
    "layers.0",
    "classifier.1",
    (("layers.0",), ("layers.8.0.layers.3",)),
    own_dropout=True,
)
REGNET = Layout(
    "regnet",
    "stem.0",
    "fc",
    (
        ("stem.0",),
        ("trunk_output.block1.block1-0.proj.0", "trunk_output.block1.block1-0.f.b.0"),
    ),
)


def _add(name: str, layout: Layout, weights: str, roles: str, layers: str, **more: Any) -> None:
    """Register one architecture; ``weights``, ``roles`` and ``layers`` are lists of words."""
    defaults: dict[str, Any] = {
        "build": functools.partial(build, name, layout),
        "head": (layout.head,),
        "min_size": (32, 16),
    }
    spec = ModelSpec(
        family=layout.family,
        first=layout.first,
        weights=f"{weights}_Weights.DEFAULT",
        roles=tuple(roles.split()),  # type: ignore[arg-type]
        layers=tuple(layers.split()),
        **(defaults | more),
    )
    MODELS.add(name, spec)


_FOUR = "layer1 layer2 layer3 layer4"

_add("resnet18", RESNET, "ResNet18", "teacher student", _FOUR, source="He et al. 2016")
_add("resnet50", RESNET, "ResNet50", "teacher", _FOUR, source="He et al. 2016")
_add(
    "densenet121",
    DENSENET,
    "DenseNet121",
    "teacher",
    "features.denseblock1 features.denseblock2 features.denseblock3 features.denseblock4",
    # The published file still has the names of 2017: denselayer1.norm.1 for denselayer1.norm1.
    rename=(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.", r"\1\2."),
    source="Huang et al. 2017",
)
_add(
    "efficientnet_b0",
    EFFICIENTNET,
    "EfficientNet_B0",
    "teacher student",
    "features.2 features.3 features.5 features.7",
    source="Tan & Le 2019",
)
_add(
    "efficientnet_b3",
    EFFICIENTNET,
    "EfficientNet_B3",
    "teacher",
    "features.2 features.3 features.5 features.7",
    source="Tan & Le 2019",
)
_add(
    "convnext_tiny",
    CONVNEXT,
    "ConvNeXt_Tiny",
    "teacher",
    "features.1 features.3 features.5 features.7",
    source="Liu et al. 2022",
)
_add(
    "vgg16_bn",
    VGG,
    "VGG16_BN",
    "teacher",
    "features.12 features.22 features.32 features.42",
    build=functools.partial(build_vgg, "vgg16_bn", VGG),
    head=("classifier",),
    source="Simonyan & Zisserman 2015",
)
_add(
    "vit_b_16",
    VIT,
    "ViT_B_16",
    "teacher",
    "encoder.layers.encoder_layer_2 encoder.layers.encoder_layer_5"
    " encoder.layers.encoder_layer_8 encoder.layers.encoder_layer_11",
    build=build_vit,
    multiple=16,
    source="Dosovitskiy et al. 2021",
)
_add(
    "mobilenet_v2",
    MOBILENET_V2,
    "MobileNet_V2",
    "student",
    "features.3 features.6 features.13 features.17",
    source="Sandler et al. 2018",
)
_add(
    "mobilenet_v3_small",
    MOBILENET_V3_SMALL,
    "MobileNet_V3_Small",
    "student",
    "features.1 features.3 features.8 features.11",
    source="Howard et al. 2019",
)
_add(
    "mobilenet_v3_large",
    MOBILENET_V3_LARGE,
    "MobileNet_V3_Large",
    "student",
    "features.3 features.6 features.12 features.15",
    source="Howard et al. 2019",
)
_add(
    "shufflenet_v2_x0_5",
    SHUFFLENET,
    "ShuffleNet_V2_X0_5",
    "student",
    "stage2 stage3 stage4",
    source="Ma et al. 2018",
)
_add(
    "shufflenet_v2_x1_0",
    SHUFFLENET,
    "ShuffleNet_V2_X1_0",
    "student",
    "stage2 stage3 stage4",
    source="Ma et al. 2018",
)
_add(
    "squeezenet1_1",
    SQUEEZENET,
    "SqueezeNet1_1",
    "student",
    "features.4 features.7 features.12",
    source="Iandola et al. 2016",
)
_add(
    "mnasnet0_5",
    MNASNET,
    "MNASNet0_5",
    "student",
    "layers.8 layers.9 layers.11 layers.13",
    source="Tan et al. 2019",
)
_add(
    "regnet_y_400mf",
    REGNET,
    "RegNet_Y_400MF",
    "student",
    "trunk_output.block1 trunk_output.block2 trunk_output.block3 trunk_output.block4",
    source="Radosavovic et al. 2020",
)
