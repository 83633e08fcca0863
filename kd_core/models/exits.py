"""Exits: a network up to one of its modules, with a small classifier behind it.

    images ─► trunk … ─► module ─► bottleneck ─► mean over positions ─► linear ─► logits

An exit is a network of its own. It keeps the part of the trunk that is run and nothing else, so
its parameters, its file and its latency are what it needs. How it was cut stands in the history of
its :class:`TaskModel`, so a checkpoint can be read again.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kd_core.models.checkpoint import SHAPE_STEPS
from kd_core.models.features import channels_first
from kd_core.models.task_model import TaskModel

KIND = "exit"


class ExitHead(nn.Module):
    """Bottleneck and classifier of an exit (Zhang et al. 2019).

    Each halving of the resolution between the exit and the network's last stage is a separable
    convolution with stride 2; the last one has as many channels as that stage, so that the two can
    be compared. Tokens of a transformer have a norm in their place.

    Args:
        shape: Of the exit's feature without the batch: (C, H, W), or (T, D) in transformers.
        deep: Of the last stage's feature.
        n_outputs: Number of classes or labels, K.
    """

    def __init__(self, shape: Sequence[int], deep: Sequence[int], n_outputs: int) -> None:
        super().__init__()
        self.tokens = len(shape) == 2
        width = deep[-1] if self.tokens else deep[0]
        self.bottleneck: nn.Module
        if self.tokens:
            same = shape[1] == width
            project = nn.Identity() if same else nn.Linear(shape[1], width)
            self.bottleneck = nn.Sequential(nn.LayerNorm(shape[1]), project)
        else:
            self.bottleneck = _narrow(shape[0], width, halvings(shape[1], deep[1]))
        self.classifier = nn.Linear(width, n_outputs)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """What the classifier sees (N, width), and the logits (N, K)."""
        x = self.bottleneck(features)  # (N, width, H', W') or (N, T, width)
        pooled = pool(x)  # (N, width)
        return pooled, self.classifier(pooled)


def pool(features: Tensor) -> Tensor:
    """Mean over all positions: (N, C, H, W) to (N, C), (N, T, D) to (N, D)."""
    return features.mean((2, 3)) if features.ndim == 4 else features.mean(1)


def halvings(fine: int, coarse: int) -> int:
    """How often a side is halved, at least once so that every exit has a layer of its own.

    >>> halvings(16, 4), halvings(7, 4), halvings(4, 4)
    (2, 1, 1)
    """
    return max(1, round(math.log2(fine / coarse)))


def _narrow(inputs: int, outputs: int, steps: int) -> nn.Sequential:
    """Separable convolutions that double the channels, and end with ``outputs`` of them."""
    layers: list[nn.Module] = []
    for step in range(steps):
        width = outputs if step == steps - 1 else min(outputs, 2 * inputs)
        layers += [
            nn.Conv2d(inputs, inputs, 3, stride=2, padding=1, groups=inputs, bias=False),
            nn.BatchNorm2d(inputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(inputs, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        inputs = width
    return nn.Sequential(*layers)


class ExitNet(nn.Module):
    """A trunk of which only the part up to one module is run, and a head.

    Args:
        trunk: The network; modules that come later are taken out of it.
        path: Path of the module in it.
        head: What turns its output into logits.
        image: Shape of one image, (C, H, W), to find out what is run.

    Attributes:
        feature_paths: Where its features are read, finest first.
    """

    def __init__(self, trunk: nn.Module, path: str, head: ExitHead, image: Sequence[int]) -> None:
        super().__init__()
        self.trunk, self.path, self.head = trunk, path, head
        self.feature_paths = (f"trunk.{path}", "head.bottleneck")
        for name in _not_run(trunk, path, image):
            trunk.set_submodule(name, nn.Identity())

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, C, S, S).

        What stands behind the module passes its input on and is not looked at: an exporter drops
        it, and a pass that broke off in the middle could not be exported.
        """
        with _caught(self.trunk, self.path) as found:
            self.trunk(images)
        logits: Tensor = self.head(channels_first(found[0]))[1]
        return logits


@contextlib.contextmanager
def _caught(network: nn.Module, path: str) -> Iterator[list[Tensor]]:
    """The module's output of each pass; what follows gets a copy, which it may change in place."""
    found: list[Tensor] = []

    def keep(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        found.append(output)
        return output.clone()

    handle = network.get_submodule(path).register_forward_hook(keep)
    try:
        yield found
    finally:
        handle.remove()


@torch.no_grad()
def _not_run(trunk: nn.Module, path: str, image: Sequence[int]) -> list[str]:
    """Paths of the modules that a pass up to ``path`` never enters, the outermost only."""
    entered: list[str] = []
    with contextlib.ExitStack() as stack:
        for name, module in trunk.named_modules():
            hook = _remember(entered, name)
            stack.callback(module.register_forward_pre_hook(hook).remove)
        stack.callback(trunk.train, trunk.training)
        device = next(trunk.parameters()).device
        trunk.eval()(torch.zeros(1, *image, device=device))
    last = max(i for i, name in enumerate(entered) if f"{name}.".startswith(f"{path}."))
    entered = entered[: last + 1]
    unused = [name for name, _ in trunk.named_modules() if name and not _lives(name, entered)]
    return [name for name in unused if name.rpartition(".")[0] not in unused]


def _remember(entered: list[str], name: str) -> Any:
    def hook(module: nn.Module, inputs: Any) -> None:
        entered.append(name)

    return hook


def _lives(name: str, entered: Sequence[str]) -> bool:
    """True if the module, something in it, or a block that reads it was entered."""
    inside = name + "."
    if name in entered or any(other.startswith(inside) for other in entered):
        return True
    parent = name.rpartition(".")[0]
    # Attention reads the weights of its projection without ever calling it.
    return bool(parent) and parent in entered and _read_by_weight(parent, name)


def _read_by_weight(parent: str, name: str) -> bool:
    """Whether a module is a part that torch's attention uses by its weights alone."""
    return name.removeprefix(parent + ".") == "out_proj"


def make_exit(
    model: TaskModel, path: str, head: ExitHead, shape: Sequence[int], deep: Sequence[int]
) -> TaskModel:
    """A model of its own from a network that is the caller's to cut."""
    spec = model.spec
    step = {"kind": KIND, "path": path, "shape": list(shape), "deep": list(deep)}
    network = ExitNet(model.network, path, head, (spec.channels, spec.size, spec.size))
    return TaskModel(network, spec, (*model.history, step))


def _replay(model: TaskModel, step: Mapping[str, Any]) -> None:
    head = ExitHead(step["shape"], step["deep"], model.spec.n_outputs)
    image = (model.spec.channels, model.spec.size, model.spec.size)
    model.network = ExitNet(model.network, step["path"], head, image)


SHAPE_STEPS[KIND] = _replay
