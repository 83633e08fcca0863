"""How much resolution the first layers throw away, and how small images keep theirs.

ImageNet networks halve the image five times (224 px → 7 × 7). An image of 28 px would be gone
after that, so each architecture names its first two halvings, in the order in which they are left
out. They are left out until the last map has at least 3.5 cells a side, as 224 px and five
halvings give 7 and 112 px give 3.5::

    size         112 px or more     56 to 111 px     below 56 px
    left out     0 (standard)       1                2
    last map     3.5 or more        3.5 to 7         28 px: 3.5
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import nn

from kd_core.config import ModelSettings
from kd_core.text import Msg

Stem = Literal["standard", "small"]

SMALL_BELOW_PX = 112  # 112 / 2⁵ = 3.5 cells
VERY_SMALL_BELOW_PX = 56  # 56 / 2⁴ = 3.5 cells
LARGEST_KERNEL = 4  # a full-resolution kernel larger than this is replaced by 3 × 3


def stem_for(settings: ModelSettings, size: int) -> Stem:
    """The stem that a model gets for images of this size.

    Models from timm always have their published stem.

    >>> stem_for(ModelSettings(name="resnet18"), 64), stem_for(ModelSettings(name="resnet18"), 224)
    ('small', 'standard')
    """
    if settings.name.startswith("timm:"):
        return "standard"
    if settings.stem != "auto":
        return settings.stem
    return "small" if size < SMALL_BELOW_PX else "standard"


def halvings_left_out(stem: Stem, size: int) -> int:
    """How many halvings of the resolution a stem leaves out for images of this size.

    >>> [halvings_left_out("small", size) for size in (28, 55, 56, 96, 224)]
    [2, 2, 1, 1, 1]
    """
    if stem == "standard":
        return 0
    return 2 if size < VERY_SMALL_BELOW_PX else 1


def stem_msg(settings: ModelSettings, size: int) -> Msg:
    """The choice of the stem, explained for the person who configures the model."""
    stem = stem_for(settings, size)
    n = halvings_left_out(stem, size)
    if settings.name.startswith("timm:"):
        return Msg("model.stem.timm", {"size": size})
    # Each halving that is left out gives four times as many cells, and so about four times the cost
    return Msg(f"model.stem.{stem}", {"size": size, "n": n, "cost": 4**n})


def leave_out(network: nn.Module, halvings: Sequence[tuple[str, ...]]) -> None:
    """Leave out some halvings of the resolution, in place.

    A pooling layer becomes the identity; a convolution's stride is halved. Weights stay as they
    are, except for kernels larger than 4 × 4 that would then see every pixel: those become 3 × 3.

    Args:
        network: A freshly built network.
        halvings: For each halving, the paths of all modules that take part in it.
    """
    for paths in halvings:
        for path in paths:
            network.set_submodule(path, _finer(network.get_submodule(path)))


def _finer(module: nn.Module) -> nn.Module:
    if not isinstance(module, nn.Conv2d):
        return nn.Identity()  # a pooling layer
    stride = module.stride[0] // 2
    kernel = module.kernel_size[0]
    if stride == 1 and kernel >= LARGEST_KERNEL:
        return conv_like(module, kernel_size=3, stride=1, padding=1)
    module.stride = (stride, stride)
    if kernel > 1 and module.padding == (0, 0) and kernel % 2 == 0:
        module.padding = ((kernel - stride) // 2,) * 2  # 4 × 4 at stride 2: S → S / 2
    return module


def set_channels(network: nn.Module, path: str, channels: int) -> None:
    """Give the convolution at ``path`` another number of input channels, in place."""
    conv = network.get_submodule(path)
    if isinstance(conv, nn.Conv2d) and conv.in_channels != channels:
        network.set_submodule(path, conv_like(conv, in_channels=channels))


def conv_like(
    conv: nn.Conv2d,
    in_channels: int | None = None,
    kernel_size: int | None = None,
    stride: int | None = None,
    padding: int | None = None,
) -> nn.Conv2d:
    """A new convolution that differs from ``conv`` in what is given (He et al. 2015, fan out)."""
    new = nn.Conv2d(
        in_channels or conv.in_channels,
        conv.out_channels,
        kernel_size or conv.kernel_size,  # type: ignore[arg-type]
        stride or conv.stride,  # type: ignore[arg-type]
        conv.padding if padding is None else padding,  # type: ignore[arg-type]
        bias=conv.bias is not None,
    )
    nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
    if new.bias is not None:
        nn.init.zeros_(new.bias)
    return new
