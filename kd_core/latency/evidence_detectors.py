"""Two detectors of ncnn's table, described as far as their operators go."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class MobileNetSsd(nn.Module):
    """MobileNetV1 with the extra layers and heads of an SSD for 21 classes (Liu et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        plan = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5)
        layers: list[nn.Module] = [conv(channels, 32, 3, 2)]
        width = 32
        for wide, stride in plan:
            layers += [conv(width, width, 3, stride, width), conv(width, wide, 1)]
            width = wide
        deep = [conv(512, 512, 3, 2, 512), conv(512, 1024, 1)]
        deep += [conv(1024, 1024, 3, 1, 1024), conv(1024, 1024, 1)]
        extras = ((1024, 256, 512), (512, 128, 256), (256, 128, 256), (256, 64, 128))
        self.stages = nn.ModuleList([nn.Sequential(*layers), nn.Sequential(*deep)])
        self.stages += [nn.Sequential(conv(a, b, 1), conv(b, c, 3, 2)) for a, b, c in extras]
        places, boxes = (512, 1024, 512, 256, 256, 128), (3, 6, 6, 6, 6, 6)
        pairs = list(zip(places, boxes, strict=True))
        self.where = nn.ModuleList(nn.Conv2d(wide, 4 * n, 1) for wide, n in pairs)
        self.what = nn.ModuleList(nn.Conv2d(wide, 21 * n, 1) for wide, n in pairs)

    def forward(self, x: Tensor) -> Tensor:
        """All boxes and scores in one row."""
        found = []
        for stage, where, what in zip(self.stages, self.where, self.what, strict=True):
            x = stage(x)
            found += [where(x).flatten(1), what(x).flatten(1)]
        return torch.cat(found, 1)


class Csp(nn.Module):
    """A block of the small CSPDarknet."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.first, self.second, self.third = conv(width, width), conv(half, half), conv(half, half)
        self.last = conv(width, width, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What goes on, and what the second head reads."""
        x = self.first(x)
        one = self.second(x[:, x.shape[1] // 2 :])
        joined = self.last(torch.cat([self.third(one), one], 1))
        return nn.functional.max_pool2d(torch.cat([x, joined], 1), 2), joined


class YoloV4Tiny(nn.Module):
    """YOLOv4-tiny for 80 classes (Wang et al. 2021)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(channels, 32, 3, 2), conv(32, 64, 3, 2))
        self.blocks = nn.ModuleList([Csp(64), Csp(128), Csp(256)])
        self.neck = nn.Sequential(conv(512, 512), conv(512, 256, 1))
        self.coarse = nn.Sequential(conv(256, 512), nn.Conv2d(512, 255, 1))
        self.side = conv(256, 128, 1)
        self.fine = nn.Sequential(conv(384, 256), nn.Conv2d(256, 255, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Coarse and fine grid."""
        x, kept = self.stem(x), x
        for block in self.blocks:
            x, kept = block(x)
        x = self.neck(x)
        larger = nn.functional.interpolate(self.side(x), scale_factor=2.0)
        return self.coarse(x), self.fine(torch.cat([larger, kept], 1))
