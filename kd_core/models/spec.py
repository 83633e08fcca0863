"""What a model entry is, and what a builder is told.

A model is added with one function that makes a torch module and one :class:`ModelSpec` beside it;
everything that a page, a test or a training loop needs to know follows from the entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import nn

from kd_core.registry import Entry, Registry


@dataclass(frozen=True)
class BuildRequest:
    """What a builder needs to make one network.

    Attributes:
        n_outputs: Number of classes or labels, K.
        channels: Channels of the images, 1 or 3.
        size: Side of the square images in pixels.
        skip: How many of the entry's halvings of resolution are left out, 0 to 2.
        dropout: Rate before the head; ``None`` keeps the architecture's own.
        params: The entry's own parameters, checked and complete.
    """

    n_outputs: int
    channels: int = 3
    size: int = 224
    skip: int = 0
    dropout: float | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ModelSpec(Entry):
    """One architecture.

    Attributes:
        build: Makes the network with random weights from torch's global generator; it maps
            (N, C, S, S) to (N, K).
        family: Architectures of one family share a builder; pages group by it.
        roles: What the model is meant for; a hint for pages, not a limit.
        first: Path of the convolution that sees the image; it is the one that changes with the
            number of channels. Empty where the builder sees to that.
        head: Path prefixes of what depends on the number of outputs.
        layers: Paths of the modules that end each stage of resolution, finest first; the places
            where features are read by default. Empty means: see ``propose_layers``.
        min_size: Smallest side in pixels with the standard and with the small stem.
        multiple: The side must be a multiple of this with the standard stem (patches).
        weights: Name of torchvision's ImageNet weights; empty where there are none.
        rename: Old to present parameter names of published weight files, as a regular expression
            and its replacement.
    """

    build: Callable[[BuildRequest], nn.Module]
    family: str
    roles: tuple[Literal["teacher", "student"], ...]
    first: str = ""
    head: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    min_size: tuple[int, int] = (16, 16)
    multiple: int = 1
    weights: str = ""
    rename: tuple[str, str] | None = None


MODELS: Registry[ModelSpec] = Registry("model")
