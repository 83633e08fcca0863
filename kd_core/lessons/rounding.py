"""Rounding the weights of a small network to b bits, and what its answers become: live.

``q = step · round(w / step)`` with ``step = max |w| / (2^(b−1) − 1)``, of a whole tensor or of each
output channel by itself, as weights are stored in INT8 files (symmetric: zero stays zero).
Biases and batch norms stay as they are.
"""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kd_core.lessons.material import Material, Voice
from kd_core.models import TaskModel
from kd_core.models.profile import profile

FLOAT = 32
"""Bits of a weight that is not rounded."""

MOST_IMAGES, FEWEST_IMAGES = 240, 12
LIVE_MACS = 6e8
"""Of all forward passes of one look: about a tenth of a second on one core."""

MOST_KEPT = 256
"""Answers that are remembered; those of 240 images take some 10 kB."""


@dataclass(frozen=True)
class Rounded:
    """One tensor of weights on its grid.

    Attributes:
        before: (O, …).
        after: The same shape.
        step: Distance of two values of the grid: one number, or one an output channel.
    """

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    step: NDArray[np.float64]

    @property
    def error(self) -> NDArray[np.float64]:
        """|w − q| of every weight."""
        return np.abs(self.before - self.after)


@dataclass(frozen=True)
class Answers:
    """What the network says with all its weights rounded.

    Attributes:
        rows: Places of the images in the validation part.
        logits: (n, K).
        bytes: Of all weights of convolutions and linear layers at this width, with 4 for every
            step.
    """

    rows: NDArray[np.int64]
    logits: NDArray[np.float64]
    bytes: int


def top(bits: int) -> int:
    """Largest integer of a symmetric grid of ``bits`` bits.

    >>> [top(bits) for bits in (2, 3, 8)]
    [1, 3, 127]
    """
    return int(2 ** (bits - 1)) - 1


def steps_of(weight: Tensor, bits: int, per_channel: bool) -> Tensor:
    """``max |w| / (2^(b−1) − 1)``, shaped so that it divides the weight; 1 where all are zero.

    >>> steps_of(torch.tensor([[1.0, -3.0], [0.3, 0.6]]), 3, True).flatten().tolist()
    [1.0, 0.20000000298023224]
    """
    dims = tuple(range(1, weight.ndim)) if per_channel else tuple(range(weight.ndim))
    most = weight.abs().amax(dims, keepdim=True)
    return torch.where(most > 0, most / top(bits), torch.ones_like(most))


def on_grid(weight: Tensor, bits: int, per_channel: bool) -> Tensor:
    """The weights rounded to the nearest value of their grid.

    >>> on_grid(torch.tensor([[1.0, -0.4, 0.2]]), 2, False).tolist()
    [[1.0, -0.0, 0.0]]
    """
    if bits >= FLOAT:
        return weight
    step = steps_of(weight, bits, per_channel)
    return step * (weight / step).round()


def weighted(network: nn.Module) -> dict[str, Tensor]:
    """The weights that are rounded, by the path of their layer."""
    return {
        path: module.weight.detach()
        for path, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    }


def rounded_layer(network: TaskModel, layer: str, bits: int, per_channel: bool) -> Rounded:
    """One layer before and after."""
    weight = weighted(network.network)[layer]
    step = steps_of(weight, bits, per_channel) if bits < FLOAT else torch.zeros(1)
    return Rounded(
        before=np.asarray(weight.double()),
        after=np.asarray(on_grid(weight, bits, per_channel).double()),
        step=np.asarray(step.double()).ravel(),
    )


def with_rounded(network: TaskModel, bits: int, per_channel: bool) -> TaskModel:
    """A copy whose convolutions and linear layers have rounded weights."""
    changed = copy.deepcopy(network)
    with torch.no_grad():
        for weight in weighted(changed.network).values():
            weight.copy_(on_grid(weight, bits, per_channel))
    return changed


def looked_at(material: Material, network: TaskModel) -> NDArray[np.int64]:
    """Places of the validation images that the network answers live; fewer for a larger one."""
    macs = profile(network, network.spec.channels, network.spec.size).macs
    n = int(min(MOST_IMAGES, max(FEWEST_IMAGES, LIVE_MACS // max(1, macs))))
    rng = np.random.default_rng(material.settings.seeds[0])
    return np.sort(rng.permutation(len(material.targets))[:n])


_KEPT: OrderedDict[tuple[Path, int, bool], Answers] = OrderedDict()
_LOCK = threading.Lock()


def answers(material: Material, voice: Voice, bits: int, per_channel: bool) -> Answers:
    """The answers of the rounded network; computed once, then remembered."""
    key = (voice.result.file, bits, per_channel or bits >= FLOAT)
    with _LOCK:
        if key not in _KEPT:
            _KEPT[key] = _answer(material, material.network(voice), bits, per_channel)
            while len(_KEPT) > MOST_KEPT:
                _KEPT.popitem(last=False)
        _KEPT.move_to_end(key)
        return _KEPT[key]


@torch.no_grad()
def _answer(material: Material, network: TaskModel, bits: int, per_channel: bool) -> Answers:
    rows = looked_at(material, network)
    changed = with_rounded(network, bits, per_channel)
    logits = changed.eval()(material.batch(rows))["logits"]  # (n, K)
    weights = weighted(network.network).values()
    held = sum(w.numel() for w in weights) * bits / 8
    scales = 0 if bits >= FLOAT else sum(len(w) if per_channel else 1 for w in weights)
    return Answers(rows, np.asarray(logits.double()), round(held) + 4 * scales)
