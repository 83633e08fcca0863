"""Every layer of a network where features can be read, for a person who wants to choose."""

from __future__ import annotations

from torch import nn

from kd_core.errors import ModelError
from kd_core.models.pairing import plain, shapes

DEPTH = 2
"""Names in a path, such as ``features.12``; what lies deeper is the inside of a block."""


def layer_list(
    network: nn.Module, channels: int, size: int, depth: int = DEPTH
) -> dict[str, tuple[int, ...]]:
    """Module paths with the shape that each gives for one image, in the order of the network.

    Args:
        network: A network.
        channels: Channels of its images.
        size: Side of its images in pixels.
        depth: Most names in a path.

    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten())
    >>> layer_list(net, 3, 10)
    {'0': (8, 8, 8), '1': (8, 8, 8)}
    """
    found: dict[str, tuple[int, ...]] = {}
    for path, _ in plain(network).named_modules():
        if not path or path.count(".") >= depth:
            continue
        try:
            (shape,) = shapes(network, [path], channels, size)
        except ModelError:  # no image passes it, or it gives no tensor
            continue
        if len(shape) in (2, 3):
            found[path] = shape
    return found
